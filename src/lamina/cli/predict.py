"""``lamina predict``: rows in, predictions out, in bounded memory."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import polars as pl

import lamina
from lamina.cli.command import Command
from lamina.cli.output import print_json
from lamina.cli.settings import add_setting
from lamina.data.write import write, write_csv
from lamina.plan import DataSettings

__all__ = ["command"]


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", help="A run folder.")
    parser.add_argument("data", metavar="DATA", help="The rows; columns in any order, the target may be absent.")
    parser.add_argument(
        "--out", metavar="FILE", default="-", help="CSV, Parquet or JSON lines by its name; -: CSV on standard output."
    )
    parser.add_argument("--keep", action="store_true", help="Put the columns of DATA before the predictions.")
    parser.add_argument(
        "--broken",
        choices=("raise", "null"),
        default="raise",
        help="Where a file cannot be decoded: stop, and name all such files; or leave the predictions of its row "
        "empty, and say why in a last column, broken.",
    )
    add_setting(parser, "--files", DataSettings, "files", metavar="FOLDER_OR_ZIP")


def _run(args: argparse.Namespace) -> int:
    run = lamina.load(args.run)
    empty: list[int] = []
    frames = run.predictions(args.data, keep=args.keep, broken=args.broken, files=args.files)
    if args.broken == "null":
        frames = _counting(frames, empty)
    document: dict[str, Any] = {"run": args.run}
    if args.out != "-":
        document |= {"out": args.out, "rows": write(frames, Path(args.out))}
        if not args.json:
            print(f"{document['rows']:,} rows predicted: {args.out}", file=sys.stderr)
    elif args.json:
        predictions = pl.concat(frames).to_dicts()
        document |= {"rows": len(predictions), "predictions": predictions}
    else:
        sys.stdout.flush()
        write_csv(frames, sys.stdout.buffer)
    if args.json:
        print_json(document | ({"broken": sum(empty)} if args.broken == "null" else {}))
    if sum(empty):
        said = "have a file that cannot be decoded: their predictions are empty, and the last column says why"
        print(f"{sum(empty):,} rows {said}", file=sys.stderr)
    return 0


def _counting(frames: Iterable[pl.DataFrame], empty: list[int]) -> Iterator[pl.DataFrame]:
    """The same frames; how many rows of each have a reason in their last column is written down."""
    for frame in frames:
        empty.append(len(frame) - frame.to_series(-1).null_count())
        yield frame


command = Command(
    "Predict the rows of a table: the prediction, and the probability of each class or an interval.",
    "RUN DATA",
    _add_arguments,
    _run,
    "lamina predict runs/diagnosis-1 new.csv --out predictions.parquet",
)
