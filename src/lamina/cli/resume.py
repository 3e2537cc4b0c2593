"""``lamina resume``: go on with a run."""

from __future__ import annotations

import argparse

import lamina
from lamina.cli.command import Command
from lamina.cli.output import print_json
from lamina.cli.pretrain import print_pretrained
from lamina.cli.summary import document_of, print_summary

__all__ = ["command"]


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", help="A run folder that lamina train left.")
    parser.add_argument("--budget", help="A larger budget, to go on with a run that has finished; from its start.")
    parser.add_argument("--data", metavar="FILE", help="The table, where it has moved since the run was trained.")


def _run(args: argparse.Namespace) -> int:
    run = lamina.resume(args.run, budget=args.budget, data=args.data, progress=True)
    if not isinstance(run, lamina.Run):
        print_pretrained(run, as_json=args.json)
    elif args.json:
        print_json(document_of(run))
    else:
        print_summary(run)
    return 0


command = Command(
    "Go on with a run that was interrupted, or with a finished one under a larger budget; the result is that of a run "
    "that never stopped.",
    "RUN",
    _add_arguments,
    _run,
    "lamina resume runs/diagnosis-1",
)
