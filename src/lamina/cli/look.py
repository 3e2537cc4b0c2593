"""``lamina look``: the inside of a network, in the terminal and as a page."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import lamina
from lamina import __version__
from lamina.cli.command import Command
from lamina.cli.output import columns, fold, print_json
from lamina.explain.dead import sentence
from lamina.explain.look import Look
from lamina.explain.structure import Part
from lamina.files import write_text
from lamina.report.drawings import count, shape
from lamina.report.looking import looking

__all__ = ["command"]

DEEPEST = 3
SHARE = 0.0005  # of the work: less is not worth a figure


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", help="A run folder.")
    parser.add_argument("--data", metavar="FILE", help="Rows to look at; without them the network alone is seen.")
    parser.add_argument("--row", metavar="NUMBER", type=int, default=0, help="The row of it, from 0.")
    parser.add_argument("--out", metavar="FILE", help="Write a page with all drawings.")
    parser.add_argument("--depth", metavar="NUMBER", type=int, default=DEEPEST, help="Levels of parts that are listed.")


def _run(args: argparse.Namespace) -> int:
    found = lamina.load(args.run).look(args.data, args.row)
    if args.out:
        write_text(Path(args.out), looking(found, Path(args.run).resolve().name, __version__))
    if args.json:
        print_json(_document(found) | {"run": args.run, "page": args.out})
        return 0
    if found.networks > 1:
        print(f"the first of {found.networks} networks that answer together", "", sep="\n")
    head = ["part", "kind", "gives", "weights", "multiply-adds", "share"]
    rows = [_line(part) for part in found.parts if part.depth <= args.depth]
    print(*(line.rstrip() for line in columns([head, *rows], right=[3, 4, 5])), sep="\n")
    if said := sentence(found.units, found.rows):
        print("", *fold(said), sep="\n")
    if args.out:
        print("", f"page  {args.out}", sep="\n")
    return 0


def _line(part: Part) -> list[str]:
    name = "  " * part.depth + (part.name.rpartition(".")[2] or "whole")
    return [
        name,
        part.kind,
        shape(part.shape) if part.shape else "-",
        count(part.parameters) if part.parameters else "-",
        count(part.operations) if part.operations else "-",
        f"{part.share:.1%}" if part.share >= SHARE else "-",
    ]


def _document(found: Look) -> dict[str, Any]:
    """What programs can use of it: no drawings."""
    return {
        "networks": found.networks,
        "parts": [part._asdict() for part in found.parts],
        "units": [one._asdict() for one in found.units],
        "rows": found.rows,
        "row": None if found.row is None else {"row": found.row.row, "answer": found.row.answer},
    }


command = Command(
    "See the inside of a network: its parts with what they give, their weights and their share of the work; and for a "
    "row filters, maps, where the answer comes from, gates, states, attention, gradients, and units that do nothing.",
    "RUN",
    _add_arguments,
    _run,
    "lamina look runs/diagnosis-1 --data new.csv --row 17 --out look.html",
)
