"""``lamina export``: a run as one file for other machines."""

from __future__ import annotations

import argparse

import lamina
from lamina.cli.command import Command
from lamina.cli.output import columns, print_json
from lamina.cli.settings import add_setting
from lamina.exporting import FORMATS
from lamina.exporting.leaving import Exported
from lamina.plan import DataSettings

__all__ = ["command"]


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", help="A run folder.")
    parser.add_argument(
        "--format",
        default="bundle",
        metavar="NAME",
        help="bundle: everything that predicting needs, in one file that needs no PyTorch; onnx: the graph, from "
        "encoded columns to activated outputs; safetensors: the weights; torch: a program for torch.export.load.",
    )
    parser.add_argument("--out", metavar="FILE", help="The file; named after the run, in this folder, if not given.")
    parser.add_argument(
        "--data", metavar="TABLE", help="Rows to compare the file with the run on; the held-back ones if not given."
    )
    parser.add_argument("--name", metavar="NAME", help="Of the run, in the bundle; that of its folder if not given.")
    parser.add_argument("--licence", metavar="NAME_OR_FILE", help="What the file may be used for.")
    add_setting(parser, "--files", DataSettings, "files", metavar="FOLDER_OR_ZIP")


def _run(args: argparse.Namespace) -> int:
    FORMATS[args.format]  # a format that there is not is told of before the run is opened
    made = lamina.export(
        args.run,
        args.out,
        args.format,
        data=args.data,
        files=args.files,
        name=args.name,
        licence=args.licence,
    )
    if args.json:
        print_json({"run": args.run, **made.to_json()})
    else:
        print(*_lines(args.run, made), sep="\n")
    return 0


def _lines(run: str, made: Exported) -> list[str]:
    """What was written, what is inside, and how far it is from the run."""
    lines = [f"{run} as {made.format}: {made.path}, {_size(made.bytes)}"]
    members = [[f"  {name}", _size(size)] for name, size in sorted(made.members.items())]
    lines += columns(members, right=[1]) if members else []
    if made.difference is not None:
        kind = "real rows" if made.are_real else "rows made from what its columns know, since its table is gone,"
        lines.append(
            f"It says the same as the run on {made.rows:,} {kind} and on some of them alone, with cells missing and "
            f"values never seen: the greatest difference is {made.difference:.1g}."
        )
    return lines


def _size(count: int) -> str:
    return f"{count / 1e6:,.1f} MB" if count >= 100_000 else f"{count / 1e3:,.1f} kB"


command = Command(
    "Write a run as one file for other machines. It is compared with the run on real rows, on one and on many, and "
    "not written where it differs.",
    "RUN",
    _add_arguments,
    _run,
    "lamina export runs/diagnosis-1 --out diagnosis.lamina",
)
