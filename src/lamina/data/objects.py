"""Objects in memory as frames: polars, Arrow, pandas, NumPy, dicts and lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

from lamina.data.table import FramePart, LazyPart, Part, dtypes_of, to_frame
from lamina.errors import DataError, UsageError, some

__all__ = ["ALLOWED", "to_part"]

ALLOWED = (
    "a path, a folder, a pattern, a pandas, polars or Arrow table, a 2-D or structured NumPy array, "
    "a dict of columns, a list of dicts"
)


def to_part(source: Any) -> Part:
    """Make a part of a table from an object in memory; nothing is copied where that can be.

    Raises:
        DataError: if it is no rectangular table with named columns and rows.
        UsageError: if it is an object of another kind.
    """
    name = type(source).__name__
    if isinstance(source, pl.LazyFrame):
        return LazyPart(source, name)
    frame = _to_frame(source, name)
    if not frame.width or not len(frame):
        raise DataError(f"the {name} has no {'rows' if frame.width else 'columns'}", do="give a table with rows")
    for column, dtype in frame.schema.items():
        if dtype == pl.Object:
            raise DataError(
                f"column {column!r} holds Python objects", got=repr(frame[column][0]), do="make them numbers or text"
            )
    return FramePart(frame, name)


def _to_frame(source: Any, name: str) -> pl.DataFrame:
    package = type(source).__module__.partition(".")[0]
    if isinstance(source, pl.DataFrame):
        return source
    if isinstance(source, pl.Series):
        return source.to_frame(source.name or "x0")
    if isinstance(source, (pa.Table, pa.RecordBatch)):
        dtypes_of(source.schema, name)
        return to_frame(source)
    if isinstance(source, np.ndarray):
        return _from_numpy(source)
    if package == "pandas" and hasattr(source, "columns"):
        return _from_columns(_pandas_columns(source))
    if isinstance(source, Mapping):
        return _from_columns({str(column): values for column, values in source.items()})
    if isinstance(source, (list, tuple)):
        return _from_rows(source)
    if hasattr(source, "__arrow_c_stream__"):
        table = pa.table(source)
        dtypes_of(table.schema, name)
        return to_frame(table)
    raise UsageError("this object is not a table", got=f"a {package}.{name}", allowed=ALLOWED)


def _from_numpy(array: np.ndarray) -> pl.DataFrame:
    if array.dtype.names:
        return _from_columns({name: array[name] for name in array.dtype.names})
    if array.ndim != 2:
        raise DataError(
            "a NumPy table has two dimensions", got=f"shape {array.shape}", allowed="(rows, columns)", do="reshape it"
        )
    return _from_columns({f"x{place}": array[:, place] for place in range(array.shape[1])})


def _from_rows(rows: Sequence[Any]) -> pl.DataFrame:
    for place, row in enumerate(rows):
        if not isinstance(row, Mapping):
            raise DataError(
                "a list is read as a list of rows, each a dict",
                got=f"a {type(row).__name__} in place {place}",
                do="give dicts, or a dict of columns",
            )
    names = list(dict.fromkeys(name for row in rows for name in row))
    return _from_columns({str(name): [row.get(name) for row in rows] for name in names})


def _pandas_columns(frame: Any) -> dict[str, Any]:
    """The columns of a pandas frame, without its index; their names as text."""
    names = [str(name) for name in frame.columns]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        places = [place + 1 for place, name in enumerate(names) if name == twice[0]]
        raise DataError(
            "two columns have one name", got=f"{twice[0]!r} as columns {some(places)}", do="rename one of them"
        )
    return {name: frame.iloc[:, place] for place, name in enumerate(names)}


def _from_columns(columns: Mapping[str, Any]) -> pl.DataFrame:
    series = [_series(name, values) for name, values in columns.items()]
    lengths = {column.name: len(column) for column in series}
    if len(set(lengths.values())) > 1:
        raise DataError(
            "columns have different lengths",
            got=some((f"{name!r} {length}" for name, length in lengths.items()), 5),
            do="give each column one value a row",
        )
    return pl.DataFrame(series)


def _series(name: str, values: Any) -> pl.Series:
    """One column. Values of different kinds, as in an object column, come as text, like those of a CSV."""
    if isinstance(values, pl.Series):
        return values.alias(name)
    if isinstance(values, np.ndarray):
        if values.ndim != 1:
            raise DataError(f"column {name!r} has {values.ndim} dimensions", allowed="1", do="give one value a row")
        if values.dtype.kind in "cV":
            raise DataError(f"column {name!r} holds {values.dtype} values", do="make them numbers or text")
        if values.dtype.kind in "SU":
            values = values.astype(str).tolist()
        elif values.dtype == np.float16:
            values = values.astype(np.float32)
        elif values.dtype.kind != "O":
            return pl.Series(name, np.ascontiguousarray(values))
    if type(values).__module__.startswith("pandas") and values.dtype != object:
        array = pa.array(values, from_pandas=True)
        if not isinstance(array.type, pa.BaseExtensionType):
            return pl.Series(name, array)
        values = values.astype(str)  # kinds that only pandas has, such as intervals and periods
    cells = [None if _is_missing(cell) else cell for cell in values]
    try:
        return pl.Series(name, cells, strict=True)
    except (TypeError, OverflowError, pl.exceptions.PolarsError):
        return _mixed(name, cells)


def _mixed(name: str, cells: list[Any]) -> pl.Series:
    kinds = {type(cell) for cell in cells if cell is not None}
    if all(issubclass(kind, (int, float, np.integer, np.floating)) and kind is not bool for kind in kinds):
        return pl.Series(name, [None if cell is None else float(cell) for cell in cells])
    if any(issubclass(kind, (list, tuple, dict, set, np.ndarray)) for kind in kinds):
        raise DataError(
            f"column {name!r} holds values of different kinds",
            got=some(sorted(kind.__name__ for kind in kinds)),
            do="give values of one kind",
        )
    return pl.Series(name, [None if cell is None else str(cell) for cell in cells], dtype=pl.String)


def _is_missing(cell: Any) -> bool:
    # NaN is the one value that differs from itself; pandas' NA and NaT answer with themselves or False.
    return cell is None or type(cell).__name__ in ("NAType", "NaTType") or (isinstance(cell, float) and cell != cell)
