"""``lamina write``: a text for each row, shown as it comes."""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import lamina
from lamina.cli.command import Command
from lamina.cli.output import print_json
from lamina.cli.settings import add_settings, given_of
from lamina.decoding.settings import DecodingSettings
from lamina.errors import UsageError, nearest

__all__ = ["command"]


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", help="A run whose target is a text.")
    parser.add_argument(
        "cells",
        metavar="CELL",
        nargs="*",
        help="What is written from: a text, or the name of a file; of a run that reads several columns NAME=CELL each. "
        "Without any, each line of standard input is one.",
    )
    add_settings(parser, DecodingSettings, "as in the run")


def _run(args: argparse.Namespace) -> int:
    run, asked = lamina.load(args.run), given_of(args, DecodingSettings)
    task = run.predictor.task_of_texts(**asked)
    rows = _rows(args.cells, [feature.column for feature in run.predictor.encoder.inputs])
    if args.json:
        written = [[dataclasses.asdict(one) for one in run.write(row, **asked)] for row in rows]
        print_json({"run": args.run, "rows": written})
    elif task.streams(**asked):
        for row in rows:
            for piece in run.write_on(row, **asked):
                print(piece, end="", flush=True)
            print(flush=True)
    else:
        for row in rows:
            print(*(one.text for one in run.write(row, **asked)), sep="\n", flush=True)
    return 0


def _rows(cells: Sequence[str], names: Sequence[str]) -> Iterator[Any]:
    """The row of the command line, or those of standard input, each when it comes."""
    if cells:
        yield _row(cells, names)
        return
    is_empty = True
    for line in sys.stdin:
        is_empty = False
        yield line.rstrip("\n")
    if is_empty:
        raise UsageError("there is nothing to write from", do='give a text: lamina write RUN "A dog runs."')


def _row(cells: Sequence[str], names: Sequence[str]) -> Any:
    """Cells by their columns; the only one as it is, where it does not begin with the name of a column."""
    pairs = [cell.partition("=") for cell in cells]
    if len(cells) == 1 and not (pairs[0][1] and (pairs[0][0] in names or len(names) > 1)):
        return cells[0]
    for cell, (name, mark, _) in zip(cells, pairs, strict=True):
        if not mark or name not in names:
            raise UsageError(
                "a cell is of no column that the run reads", got=cell, allowed=", ".join(names),
                do=(nearest(name, names) if mark else "") or "give it as NAME=CELL",
            )  # fmt: skip
    return {name: cell for name, _, cell in pairs}


command = Command(
    "Write a text for one row, as a run whose target is a text has learned: translate, summarise, caption.",
    "RUN [CELL...]",
    _add_arguments,
    _run,
    'lamina write runs/german-1 "A dog runs over the grass."',
)
