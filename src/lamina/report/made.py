"""What networks make by themselves, drawn: texts that go on, music, answers in a dialogue."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lamina.report.cards import look, player
from lamina.report.markup import Raw, escape, table, words

__all__ = ["made"]


def made(found: Mapping[str, Any] | None) -> Raw:
    """Draw what :data:`lamina.pipeline.made.MADE` gave, by its parts; nothing where there is nothing."""
    if not found:
        return Raw("")
    drawn = "".join(draw(found.get(part) or ()) for part, draw in _DRAW.items())
    told = f"<p>{escape(found['told'])}</p>" if found.get("told") else ""
    return Raw(told + drawn) if drawn else Raw("")


def _texts(texts: Any) -> str:
    """Texts that the network went on with, beside how they go on."""
    drawn = "".join(
        f'<article><pre><span class="soft">{escape(one.get("before", ""))}</span>'
        f'{escape(one.get("written", ""))}</pre><p class="soft">row {escape(words(one.get("row")))}; it goes on:</p>'
        f"<pre>{escape(one.get('after', ''))}</pre></article>"
        for one in texts
    )
    return f'<div class="texts">{drawn}</div>' if drawn else ""


def _answers(answers: Any) -> str:
    """Last answers of dialogues, as they stand there, and as the network gives them."""
    rows = [[words(one["row"]), one["before"], one["truth"], one["answer"]] for one in answers]
    heads = [("Row", "number"), ("Said before", "text"), ("The table's answer", "text"), ("The network's", "text")]
    return str(table(heads, rows)) if rows else ""


def _pieces(pieces: Any) -> str:
    """Music, to look at and to listen to."""
    drawn = "".join(f"<div>{look({**one, 'kind': 'roll'})}{player(one)}</div>" for one in pieces)
    return f'<div class="players">{drawn}</div>' if drawn else ""


_DRAW = {"texts": _texts, "pieces": _pieces, "answers": _answers}
