"""A table as it was seen, as one HTML page that opens offline, with something to look at and to listen to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lamina.report.cards import look, player
from lamina.report.columns import columns_table, summary_of
from lamina.report.markup import Raw, escape, facts, short, whole

__all__ = ["inspection"]


def inspection(document: Mapping[str, Any]) -> str:
    """The page of a table.

    Args:
        document: JSON values under ``source``, ``version``, ``rows looked at``, ``columns`` (name -> what each was
            found to be) and ``looks`` (see :func:`lamina.pipeline.samples.first_cells`).

    Returns:
        A whole HTML document.

    Example:
        >>> "&lt;b&gt;" in inspection({"source": "<b>"})
        True
    """
    looks = {one["column"]: one for one in document.get("looks") or ()}
    columns = [
        {**column, "name": name, "kind": column["feature"]} for name, column in (document.get("columns") or {}).items()
    ]
    rows = document.get("rows looked at")
    about = f"{len(columns):,} columns" + ("" if rows is None else f", from {rows:,} rows")
    listed = f"<section><h2>Columns</h2>{columns_table(columns)}</section>" if columns else ""
    body = Raw(listed + "".join(map(_column, looks.values())))
    title = short(document.get("source") or "A table", 80)
    return whole(title, Raw(f'<p class="soft small">{escape(about)}</p>'), body, document.get("version"))


def _column(one: Mapping[str, Any]) -> str:
    """One column to look at."""
    broken = "".join(f"<li>{escape(short(sentence, 300))}</li>" for sentence in one.get("broken") or ())
    first = f'<p class="small soft">From the first {one["rows"]:,} rows.</p>' if one.get("rows") else ""
    told = facts([(name, summary_of({"": value})) for name, value in (one.get("summary") or {}).items()])
    cells = one.get("cells") or ()
    looks = "".join(f'<article class="card">{look(cell)}</article>' for cell in cells)
    kind = "cards dense" if all(cell.get("kind") == "picture" for cell in cells) else "cards"
    players = "".join(map(player, one.get("players") or ()))
    return (
        f"<section><h2>{escape(short(one['column'], 80))}</h2>{first}{told}"
        + (f"<ul>{broken}</ul>" if broken else "")
        + (f'<div class="{kind}">{looks}</div>' if looks else "")
        + (f'<div class="players">{players}</div>' if players else "")
        + "</section>"
    )
