"""The columns of a table as they were seen, on a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lamina.report.markup import Raw, number, share, short, table, words

__all__ = ["columns_table", "summary_of"]

MOST = 300  # columns that are listed


def columns_table(columns: Sequence[Mapping[str, Any]]) -> Raw:
    """A row for each column.

    Args:
        columns: JSON values under ``name``, ``kind``, ``used``, ``evidence``, ``missing``, ``distinct``, ``examples``
            and ``summary``.

    Example:
        >>> "&lt;b&gt;" in columns_table([{"name": "<b>", "kind": "number"}])
        True
    """
    heads = [("Column", "text"), ("Taken as", "text"), ("Because", "text"), ("Missing", "number")]
    heads += [("Distinct", "number"), ("Examples", "text"), ("Summary", "text")]
    rows = [_column_row(column) for column in columns[:MOST]]
    if not any(row[-1] for row in rows):
        heads, rows = heads[:-1], [row[:-1] for row in rows]
    marks = ["" if column.get("used", True) else "unused" for column in columns[:MOST]]
    listed = f'<div class="columns">{table(heads, rows, marks)}</div>'
    if len(columns) > MOST:
        listed += f'<p class="small soft">And {len(columns) - MOST:,} more columns.</p>'
    return Raw(listed)


def _column_row(column: Mapping[str, Any]) -> list[object]:
    kind = str(column.get("kind", "")) + ("" if column.get("used", True) else " (not used)")
    distinct = column.get("distinct")
    missing = column.get("missing", column.get("missing_share", column.get("missing share")))
    return [
        short(column.get("name", ""), 40),
        kind,
        short(column.get("evidence") or "", 90),
        share(missing),
        "–" if distinct is None else words(distinct),
        short(", ".join(str(example) for example in column.get("examples") or ()), 60),
        summary_of(column.get("summary") or {}),
    ]


def summary_of(summary: Mapping[str, Any], most: int = 160) -> str:
    """The few figures of a column, on a line."""
    parts = []
    for name, value in summary.items():
        if isinstance(value, Mapping):
            first = list(value.items())[:3]
            more = ", …" if len(value) > 3 else ""
            parts.append(
                f"{name} " + ", ".join(f"{short(inner, 20)} ({words(count)})" for inner, count in first) + more
            )
        elif value is not None:
            parts.append(f"{name} {number(value, 3) if isinstance(value, float) else words(value)}")
    return short(" · ".join(parts), most)
