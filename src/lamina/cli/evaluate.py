"""``lamina evaluate``: score a run on rows whose target is known."""

from __future__ import annotations

import argparse

import lamina
from lamina.cli.command import Command
from lamina.cli.output import print_json
from lamina.cli.scores import brief, lines_of

__all__ = ["command"]


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", help="A run folder.")
    parser.add_argument("data", metavar="DATA", help="Rows with their target; they should be new to the run.")


def _run(args: argparse.Namespace) -> int:
    results = lamina.evaluate(args.run, args.data)
    if args.json:
        print_json({"run": args.run, "targets": brief(results)})
        return 0
    for target, result in results.items():
        print(*lines_of(target, result, "given"), sep="\n")
        if result["rows_left_out"]:
            print(f"{result['rows_left_out']:,} rows have no known {target}, and were left out")
    return 0


command = Command(
    "Score a run on rows whose target is known, each score with a 95% interval.",
    "RUN DATA",
    _add_arguments,
    _run,
    "lamina evaluate runs/diagnosis-1 later.csv",
)
