"""What a command is, and how its words are read: argparse, with our errors and the defaults in the help."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from lamina.cli.output import width
from lamina.errors import UsageError, nearest

__all__ = ["Command", "Parser", "parser_of"]


class Command(NamedTuple):
    """One command.

    Attributes:
        summary: what it does, for ``lamina COMMAND --help``.
        form: the words that it needs.
        add_arguments: declares its words.
        run: does it, and returns the exit code.
        example: a line that one may copy.
    """

    summary: str
    form: str
    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]
    example: str


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are :class:`UsageError`, with the nearest option where one is unknown."""

    def parse(self, words: Sequence[str]) -> argparse.Namespace:
        """Read the words of a command.

        Raises:
            UsageError: if they are not understood.
        """
        # Before argparse looks: it would complain of a positional that is missing, and not of the option misspelt.
        for word in words:
            if word == "--":
                break
            if _is_option(word) and word.partition("=")[0] not in self._option_string_actions:
                self._refuse(word.partition("=")[0])
        return self.parse_args(words)

    def _refuse(self, option: str) -> None:
        known = [name for name in self._option_string_actions if name.startswith("--")]
        raise UsageError("no such option", got=option, do=nearest(option, known) or f"{self.prog} --help")

    def error(self, message: str) -> Any:
        """Raise what argparse would print."""
        message = message.removeprefix("argument ")
        message = message.replace("the following arguments are required:", f"{self.prog} needs")
        raise UsageError(message, do=f"{self.prog} --help")


def _is_option(word: str) -> bool:
    return bool(re.match(r"-[^\d.\s]\S*$", word.partition("=")[0]))


class _Formatter(argparse.HelpFormatter):
    """Help that shows the default of each option that has one."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=26, width=width())

    def _get_help_string(self, action: argparse.Action) -> str:
        text = action.help or ""
        if action.default in (None, False, argparse.SUPPRESS) or action.nargs == 0:
            return text
        return f"{text.rstrip('.')} (default: %(default)s)."


def parser_of(name: str, command: Command) -> Parser:
    """The parser of a command, with the options that all commands take."""
    parser = Parser(
        prog=f"lamina {name}",
        usage=f"lamina {name} {command.form} [--option ...]".replace("  ", " "),
        description=command.summary,
        epilog=f"example: {command.example}",
        formatter_class=_Formatter,
        add_help=False,
        allow_abbrev=False,
    )
    command.add_arguments(parser)
    parser.add_argument("--json", action="store_true", help="Print one JSON document instead of text.")
    parser.add_argument("--debug", action="store_true", help="Show the traceback of an error.")
    parser.add_argument("-h", "--help", action="store_true", help="Show this help.")
    return parser
