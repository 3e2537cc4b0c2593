"""Rows as people give them, as columns of cells; and columns of answers in the form in which the rows came."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any

from lamina.errors import DataError, MissingColumnError, nearest, some

__all__ = ["as_given", "columns_of", "contents"]


def columns_of(rows: Any, names: Sequence[str]) -> tuple[dict[str, list[Any]], int]:
    """The cells of some columns, each a list as long as there are rows.

    Args:
        rows: a list of mappings from column to cell; a mapping from column to cells; or a polars or pandas frame.
        names: the columns that are needed; others are left out.

    Returns:
        Column -> cells, and how many rows there are.

    Raises:
        MissingColumnError: if a column is not there, or a row lacks it; it names the nearest.
        DataError: if rows come in another form, or columns are of different lengths.

    Example:
        >>> columns_of([{"age": 39, "job": "clerk"}], ["job"])
        ({'job': ['clerk']}, 1)
    """
    if isinstance(rows, (list, tuple)):
        try:
            return {name: [row[name] for row in rows] for name in names}, len(rows)
        except (KeyError, TypeError, IndexError):
            raise _fault(rows, names) from None
    table = rows if isinstance(rows, Mapping) else None
    if table is None and _is_frame(rows):
        table = {str(name): rows[name] for name in rows.columns}
    if table is None:
        raise DataError("rows come in no form that is known", got=type(rows).__name__,
                        allowed="a list of mappings, a mapping of columns, a polars or pandas frame")  # fmt: skip
    missing = [name for name in names if name not in table]
    if missing:
        raise _missing(missing, list(table))
    columns = {name: _cells(name, table[name]) for name in names}
    lengths = {len(cells) for cells in columns.values()}
    if len(lengths) > 1:
        raise DataError("columns are of different lengths", got=", ".join(map(str, sorted(lengths))))
    count = lengths.pop() if lengths else max((len(cells) for cells in table.values()), default=0)
    return columns, count


def as_given(rows: Any, answers: dict[str, list[Any]], count: int) -> Any:
    """Answers in the form in which the rows came: a list of mappings, a mapping of lists, or a frame of that kind."""
    if isinstance(rows, (list, tuple)):
        names = list(answers)
        if count == 1:
            return [{name: answers[name][0] for name in names}]
        return [dict(zip(names, cells, strict=True)) for cells in zip(*answers.values(), strict=True)]
    return answers if isinstance(rows, Mapping) else type(rows)(answers)


def contents(column: str, cells: Sequence[Any], *, names: bool) -> list[Any]:
    """Cells of a column of pictures, sounds or films, whose files may come as data URLs: those become bytes.

    Args:
        column: its name.
        cells: bytes, arrays, data URLs, or names of files.
        names: whether names of files may be among them. A service must not read files that a stranger names.

    Raises:
        DataError: if a data URL is not in base64, or a name comes where none may.

    Example:
        >>> contents("photo", ["data:image/png;base64,YQ==", None], names=False)
        [b'a', None]
    """
    return [_content(column, row, cell, names) for row, cell in enumerate(cells)]


def _content(column: str, row: int, cell: Any, names: bool) -> Any:
    while isinstance(cell, Mapping) and "bytes" in cell:  # a record of a file, whose path is of no account
        cell = cell["bytes"]
    if not isinstance(cell, str):
        return cell
    if not cell.startswith("data:"):
        if names or not cell.strip():
            return cell
        raise DataError(f"column {column!r} takes no names of files here", got=f"text in row {row} (counted from 0)",
                        allowed="a data URL: data:image/png;base64,...")  # fmt: skip
    head, _, content = cell.partition(",")
    try:
        if not head.endswith(";base64"):
            raise ValueError("no ;base64 before its comma")
        return base64.b64decode(content, validate=True)
    except (binascii.Error, ValueError) as error:
        raise DataError(f"column {column!r} has a data URL that cannot be read",
                        got=f"{error} in row {row} (counted from 0)",
                        allowed="data:image/png;base64,...") from None  # fmt: skip


def _is_frame(rows: Any) -> bool:
    """Whether it has columns by name, as the frames of polars and pandas have; neither is imported to know."""
    return type(rows).__name__ == "DataFrame" and hasattr(rows, "columns")


def _cells(name: str, cells: Any) -> list[Any]:
    if isinstance(cells, (str, bytes, Mapping)) or not hasattr(cells, "__len__"):
        raise DataError(f"column {name!r} must be a list of cells", got=type(cells).__name__,
                        do="give several rows as columns, or one as a list of one mapping")  # fmt: skip
    return cells if isinstance(cells, list) else cells.tolist() if hasattr(cells, "tolist") else list(cells)


def _missing(missing: Sequence[str], known: Sequence[str], row: int | None = None) -> MissingColumnError:
    where = "" if row is None else f" in row {row} (counted from 0)"
    more = f", and {len(missing) - 1} more" if missing[1:] else ""
    return MissingColumnError(
        f"column {missing[0]!r} is missing{where}{more}",
        got=f"columns {some(known, 20)}" if known else "no column",
        do=nearest(missing[0], known) or "give it, with None where the value is not known",
    )


def _fault(rows: Sequence[Any], names: Sequence[str]) -> DataError:
    """What is wrong with the first row that is not as it should be."""
    for place, row in enumerate(rows):
        if not isinstance(row, Mapping):
            return DataError(f"row {place} is no mapping from column to cell", got=type(row).__name__)
        missing = [name for name in names if name not in row]
        if missing:
            return _missing(missing, [str(name) for name in row], place)
    raise AssertionError("a row that was refused has no fault")
