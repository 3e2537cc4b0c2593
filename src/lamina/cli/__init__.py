"""The command line: one file per command, of which only the one that is asked for is imported.

    lamina COMMAND ...      exit code 0: done · 1: it failed · 2: it was called in a way that Lamina does not know

Results go to standard output, everything else to standard error: progress, and an error as one line. With ``--json``
standard output holds exactly one JSON document, ``{"error": {"type", "message"}}`` where the command failed.
"""

from __future__ import annotations

import errno
import os
import re
import sys
import traceback
from collections.abc import Sequence

from lamina import __version__
from lamina.cli.command import Command, parser_of
from lamina.cli.output import print_json
from lamina.errors import LaminaError, UsageError
from lamina.names import Names

__all__ = ["COMMANDS", "main"]

COMMANDS = Names(
    "command",
    {
        "train": "lamina.cli.train:command",
        "pretrain": "lamina.cli.pretrain:command",
        "predict": "lamina.cli.predict:command",
        "write": "lamina.cli.write:command",
        "continue": "lamina.cli.continue_:command",
        "compose": "lamina.cli.compose:command",
        "chat": "lamina.cli.chat:command",
        "evaluate": "lamina.cli.evaluate:command",
        "embed": "lamina.cli.embed:command",
        "export": "lamina.cli.export:command",
        "look": "lamina.cli.look:command",
        "serve": "lamina.cli.serve:command",
        "inspect": "lamina.cli.inspect:command",
        "resume": "lamina.cli.resume:command",
        "verify": "lamina.cli.verify:command",
        "runs": "lamina.cli.runs:command",
        "models": "lamina.cli.models:command",
        "schema": "lamina.cli.schema:command",
    },
)

# What `lamina --help` says, so that it imports no command.
HELP = """\
Lamina: deep learning for people who have data and a question.

usage: lamina COMMAND ...

  train DATA --target COLUMN    train a network on a table, and judge it
  pretrain DATA                 train on rows without a target, for train --weights
  predict RUN DATA              predict new rows
  write RUN CELL                write a text for one row: translate, summarise, caption
  continue RUN TEXT             go on with a text, as those that were learned do
  compose RUN                   compose music, go on with a tune, or vary it
  chat RUN_OR_FOLDER            talk with a network, turn by turn
  evaluate RUN DATA             score a run on rows whose target is known
  embed RUN_OR_WEIGHTS DATA     rows as vectors from within a network
  export RUN                    write a run as one file for other machines
  look RUN                      see the inside of a network, and what it does with a row
  serve MODEL...                answer over HTTP, with a page to try it on
  inspect DATA                  see a table as Lamina sees it
  resume RUN                    go on with a run that was interrupted
  verify RUN                    compare the files of a run with its manifest
  runs [FOLDER]                 list runs
  models                        list architectures and known weights
  schema                        print every setting of a plan

lamina COMMAND --help says more; each command takes --json and --debug.
lamina --version says which version this is.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: the words after ``lamina``; those of this process if None.

    Returns:
        The exit code.

    Example:
        >>> main(["--version"])
        lamina 0.1.0
        0
    """
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        code = _run(words)
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        _close_output()
        return 1
    except (Exception, KeyboardInterrupt) as error:
        return _fail(error, words)


def _run(words: list[str]) -> int:
    """Find the command and run it."""
    if not words:
        print(HELP, end="", file=sys.stderr)
        return 2
    name, *rest = words
    if name == "help":
        name, *rest = [*rest, "--help"]
    if name in ("--help", "-h"):
        print(HELP, end="")
        return 0
    if name == "--version":
        print(f"lamina {__version__}")
        return 0
    if name.startswith("-"):
        raise UsageError("the command comes first", got=name, allowed="lamina COMMAND ...", do="lamina --help")
    command: Command = COMMANDS[name]
    parser = parser_of(name, command)
    if "--help" in rest or "-h" in rest:
        parser.print_help()
        return 0
    return command.run(parser.parse(rest))


def _fail(error: BaseException, words: list[str]) -> int:
    """Say what went wrong in one line, and give the exit code."""
    if "--debug" in words:
        traceback.print_exception(error)
    message = _message(error)
    print(f"lamina: {message}", file=sys.stderr)
    try:
        if "--json" in words:
            print_json({"error": {"type": type(error).__name__, "message": message}})
        sys.stdout.flush()
    except OSError:
        _close_output()  # what cannot be written has been said on standard error
    return error.exit_code if isinstance(error, LaminaError) else 1


def _message(error: BaseException) -> str:
    """An error as one line."""
    text = " ".join(str(error).split())
    if isinstance(error, LaminaError):
        return text
    if isinstance(error, KeyboardInterrupt):
        return text or "interrupted"
    number = _system_error(error, text)
    if number is not None:
        file = getattr(error, "filename", None)
        parts = [os.strerror(number).lower(), f"got {file}" if file else "", _ADVICE.get(number, "")]
        return " · ".join(part for part in parts if part)
    return f"unexpected {type(error).__name__} · got {text or 'no message'} · say --debug for the traceback"


_ADVICE = {errno.ENOSPC: "make room, or write to another disk"}


def _system_error(error: BaseException, text: str) -> int | None:
    """The number of an error of the system, if it is one; what is written in Rust gives it in words."""
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno
    said = re.search(r"\(os error (\d+)\)", text)
    return int(said[1]) if said else None


def _close_output() -> None:
    """Send what is left of standard output nowhere, so that the interpreter does not complain of it when it ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
