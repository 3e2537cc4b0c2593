"""Plain text for people, in columns that line up; JSON for programs. No colours, so there is nothing to switch off."""

from __future__ import annotations

import json
import shutil
import textwrap
from collections.abc import Iterable, Sequence
from typing import Any

__all__ = ["columns", "cut", "fold", "print_json", "short", "width"]

LEAST, MOST = 60, 200
USUAL = 100  # where standard output is no terminal


def width() -> int:
    """How many columns a line may have: those of the terminal, or 100."""
    return min(MOST, max(LEAST, shutil.get_terminal_size((USUAL, 24)).columns))


def print_json(value: Any) -> None:
    """Print one JSON document."""
    print(json.dumps(value, indent=1, allow_nan=False, ensure_ascii=False, default=str))


def short(text: object, most: int) -> str:
    """Text on one line, cut to so many letters.

    Example:
        >>> short("a long word", 6)
        'a lon…'
    """
    line = " ".join(str(text).split())
    return line if len(line) <= most else line[: most - 1] + "…"


def columns(rows: Sequence[Sequence[str]], right: Iterable[int] = ()) -> list[str]:
    """Rows as lines whose columns line up, cut to the width of the terminal.

    Args:
        rows: the same number of cells each.
        right: places of the columns that are set flush right, as numbers are.

    Example:
        >>> columns([["age", "1"], ["sex", "10"]], right=[1])
        ['age   1', 'sex  10']
    """
    flush = set(right)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [
            cell.rjust(size) if place in flush else cell.ljust(size)
            for place, (cell, size) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append(cut("  ".join(cells).rstrip()))
    return lines


def cut(line: str) -> str:
    """A line cut to the width of the terminal."""
    return line if len(line) <= width() else line[: width() - 1] + "…"


def fold(text: str, first: str = "", rest: str = "") -> list[str]:
    """A sentence as lines, with an indent for the first and one for the rest."""
    return textwrap.wrap(text, width(), initial_indent=first, subsequent_indent=rest, break_on_hyphens=False)
