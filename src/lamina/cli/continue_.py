"""``lamina continue``: go on with a text, shown as it comes."""

from __future__ import annotations

import argparse
import dataclasses

import lamina
from lamina.cli.command import Command
from lamina.cli.output import print_json
from lamina.cli.settings import add_settings, given_of
from lamina.decoding.settings import DecodingSettings
from lamina.errors import UsageError
from lamina.tasks.continue_ import Continue

__all__ = ["command"]


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", help="A run that has learned a text from nothing but itself.")
    parser.add_argument(
        "text", metavar="TEXT", nargs="?", default="", help="How the text begins; without it, a new one is written."
    )
    add_settings(parser, DecodingSettings, "as in the run")


def _run(args: argparse.Namespace) -> int:
    run, asked = lamina.load(args.run), given_of(args, DecodingSettings)
    task = run.predictor.task_of_texts(**asked)
    if not isinstance(task, Continue):
        raise UsageError(
            f"{args.run} writes from what it reads, and does not continue texts", got=f"task {task.name}",
            do=f"lamina write {args.run} CELL",
        )  # fmt: skip
    if args.json:
        written = [dataclasses.asdict(one) for one in run.write(args.text, **asked)]
        print_json({"run": args.run, "text": args.text, "written": written})
    elif task.streams(**asked):
        print(args.text, end="", flush=True)
        for piece in run.write_on(args.text, **asked):
            print(piece, end="", flush=True)
        print(flush=True)
    else:
        for one in run.write(args.text, **asked):
            print(args.text + one.text, flush=True)
    return 0


command = Command(
    "Go on with a text, as a run that has learned a text, or a column of them, from nothing but itself.",
    "RUN [TEXT]",
    _add_arguments,
    _run,
    'lamina continue runs/bard "ROMEO:" --longest 300',
)
