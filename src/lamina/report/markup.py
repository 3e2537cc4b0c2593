"""Text from data as HTML: escaped, rounded, in tables and lists. Whatever comes from the data passes through here."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from typing import Any

from lamina.evaluation.figures import figure
from lamina.report.style import STYLE

__all__ = ["Raw", "duration", "escape", "facts", "number", "share", "short", "table", "whole", "words"]

LONGEST = 120  # characters of a cell's text

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


class Raw(str):
    """HTML that was made here, and so is not escaped again."""

    __slots__ = ()


def escape(value: object) -> Raw:
    """Any value as text that a browser cannot take for markup; control characters become visible.

    Example:
        >>> escape("<script>")
        '&lt;script&gt;'
    """
    if isinstance(value, Raw):
        return value
    return Raw(html.escape(_CONTROL.sub("�", str(value))))


def short(value: object, longest: int = LONGEST) -> str:
    """Text of bounded length: ``short("abcdef", 4)`` is ``'abc…'``."""
    text = " ".join(str(value).split())
    return text if len(text) <= longest else text[: longest - 1] + "…"


def number(value: float | None, digits: int = 4) -> str:
    """A number for people, with a true minus; a dash where there is none."""
    return "–" if value is None else figure(value, digits).replace("-", "−")


def share(value: float | None) -> str:
    """A share in per cent: 0, <0.1%, 3.2%, 48%."""
    if value is None:
        return "–"
    if value == 0:
        return "0"
    return "<0.1%" if value < 0.001 else f"{value:.1%}" if value < 0.1 else f"{value:.0%}"


def duration(seconds: float | None) -> str:
    """Time as people say it.

    Example:
        >>> duration(0.0312), duration(75), duration(7260)
        ('0.031 s', '1 min 15 s', '2 h 1 min')
    """
    if seconds is None:
        return "–"
    if seconds < 59.95:
        return f"{seconds:.2g} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def words(value: Any) -> str:
    """A JSON value as one line: lists with commas, groups as "name value"."""
    if value is None or value == "" or value == [] or value == {}:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return number(value)
    if isinstance(value, int):
        return f"{value:,}".replace("-", "−")
    if isinstance(value, Mapping):
        return short(", ".join(f"{name} {words(inner)}" for name, inner in value.items()))
    if isinstance(value, (list, tuple)):
        return short(", ".join(words(inner) for inner in value))
    return short(value)


def table(heads: Sequence[tuple[str, str]], rows: Sequence[Sequence[object]], classes: Sequence[str] = ()) -> Raw:
    """A table.

    Args:
        heads: (text, "text" or "number") of each column; numbers stand to the right.
        rows: cells; a :class:`Raw` is taken as HTML, all else is escaped.
        classes: a class for each row, or none.
    """
    head = "".join(f'<th scope="col" class="{kind}">{escape(text)}</th>' for text, kind in heads)
    body = []
    for place, row in enumerate(rows):
        mark = f' class="{classes[place]}"' if classes and classes[place] else ""
        first, *rest = (escape(cell) for cell in row)
        cells = [f'<th scope="row" class="{heads[0][1]}">{first}</th>']
        cells += [f'<td class="{kind}">{cell}</td>' for cell, (_, kind) in zip(rest, heads[1:], strict=True)]
        body.append(f"<tr{mark}>{''.join(cells)}</tr>")
    inner = f"<thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody>"
    return Raw(f'<div class="wide" tabindex="0"><table>{inner}</table></div>')


def facts(pairs: Sequence[tuple[str, object]], kind: str = "facts") -> Raw:
    """A list of names and values; nothing where it is empty."""
    if not pairs:
        return Raw("")
    rows = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in pairs)
    return Raw(f'<dl class="{kind}">{rows}</dl>')


def whole(title: object, about: Raw, main: Raw, version: object = None) -> str:
    """A whole page that needs nothing from elsewhere.

    Args:
        title: on top.
        about: below the title.
        main: the rest.
        version: of Lamina, at the end.
    """
    title = escape(title)
    made = escape(f"Made by Lamina {version or ''}".strip() + ".")
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        # The page needs nothing, and so may do nothing.
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
        'img-src data:; media-src data:">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n<link rel="icon" href="data:,">\n'
        f"<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
        f"<header><h1>{title}</h1>{about}</header>\n<main>{main}</main>\n"
        f"<footer>{made}</footer>\n</body>\n</html>\n"
    )
