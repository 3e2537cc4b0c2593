"""``lamina predict``: rows in, predictions out, in bounded memory."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import lamina
from lamina.cli.command import Command
from lamina.cli.output import print_json

__all__ = ["command"]


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", help="A run folder.")
    parser.add_argument("data", metavar="DATA", help="The rows; columns in any order, the target may be absent.")
    parser.add_argument(
        "--out", metavar="FILE", default="-", help="CSV, Parquet or JSON lines by its name; -: CSV on standard output."
    )
    parser.add_argument("--keep", action="store_true", help="Put the columns of DATA before the predictions.")


def _run(args: argparse.Namespace) -> int:
    run = lamina.load(args.run)
    if args.out != "-":
        rows = run.predict_to(args.data, Path(args.out), keep=args.keep)
        if args.json:
            print_json({"run": args.run, "out": args.out, "rows": rows})
        else:
            print(f"{rows:,} rows predicted: {args.out}", file=sys.stderr)
    elif args.json:
        predictions = run.predict(args.data).to_dicts()
        print_json({"run": args.run, "rows": len(predictions), "predictions": predictions})
    else:
        sys.stdout.flush()
        run.predict_to(args.data, sys.stdout.buffer, keep=args.keep)
    return 0


command = Command(
    "Predict the rows of a table: the prediction, and the probability of each class or an interval.",
    "RUN DATA",
    _add_arguments,
    _run,
    "lamina predict runs/diagnosis-1 new.csv --out predictions.parquet",
)
