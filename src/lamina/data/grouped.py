"""Rows that belong together, as one row: what was measured of an engine, cycle after cycle, is the engine's series."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import polars as pl

from lamina.data.infer import infer
from lamina.data.table import FramePart, Table
from lamina.errors import DataError, MissingColumnError, UsageError, nearest, some
from lamina.features.base import Feature, blank_to_null
from lamina.features.number import Number
from lamina.features.steps import listed

__all__ = ["grouped"]


def grouped(
    table: Table,
    key: str,
    time: str,
    columns: Sequence[str] | None = None,
    *,
    last: Sequence[str] = (),
    window: int | None = None,
    every: int = 1,
    name: str = "series",
) -> Table:
    """Make one row of all rows of one key, in the order of time: their numbers become a series of named channels.

    The new row has the key, the last time, the columns that stay the same within every key, the last values of those
    named, and the series, a record of lists. Other columns have no place in a row and are left out. All rows are held
    in memory, twice while they are sorted; with windows, each number as often as there are windows over it.

    To bring another table into the same form, name the channels of the first one, and its other columns as ``last``.

    Args:
        table: the rows.
        key: column that says what belongs together.
        time: column of numbers or dates that orders them; of equal moments, the earlier row comes first.
        columns: those that become channels; the time among them stands for the time since the step before. All numbers
            that differ within a key if None, and the time where the steps are not evenly apart.
        last: columns of which the last value is taken, though they may differ: the target, which must be no channel.
        window: steps of a row; a key with more of them gives several rows, one with fewer a shorter one. All if None.
        every: steps from the end of one window to the end of the one before; the last one ends with the key.
        name: of the series.

    Raises:
        MissingColumnError: if a column is not there.
        UsageError: if a column has two parts to play.
        DataError: if a key or a moment is missing or unreadable; it names the rows.

    Example:
        >>> from lamina.data.read import read
        >>> table = read({"unit": ["a", "b", "a"], "cycle": [2, 1, 1], "heat": [5.0, 7.0, 4.0]})
        >>> grouped(table, "unit", "cycle").head()["series"].to_list()
        [{'heat': [4.0, 5.0]}, {'heat': [7.0]}]
    """
    _check_names(table, key, time, columns, last, name)
    if every < 1 or (window is not None and window < 1):
        raise UsageError("windows have a step at least", got=f"window {window}, every {every}")
    features = {found: column.feature for found, column in infer(table, exclude=[key]).items()}
    frame = _read(table, features, columns)
    moments = _moments(frame[time], features[time])
    for role, cells in (("key", frame[key]), ("time", moments)):
        _refuse_missing(role, cells)
    runs = _Runs.of(frame[key], moments)
    frame, moments = frame[runs.order], moments.gather(runs.order)
    steady = [each for each in frame.columns if each == time or each in last or not runs.differ(frame[each])]
    apart = runs.apart(moments)
    if columns is None:
        columns = [each for each in frame.columns if each not in steady and _is_number(each, features)]
        columns += [time] if apart.filter(~runs.is_first).n_unique() > 1 else []
    if not columns:
        raise DataError(
            f"no column of numbers differs within a {key!r}",
            got=f"{len(runs.lengths)} keys in {len(frame)} rows",
            do="name the key that several rows share",
        )
    pieces = runs.pieces(window, every)
    plain = frame.select(each for each in steady if each == time or each not in columns)[pieces.ends]
    series = {each: pieces.lists(apart if each == time else frame[each].cast(pl.Float64)) for each in columns}
    result = plain.with_columns(pl.DataFrame(series).to_struct(name))
    source = f"{table.source}, one row a {key}"
    return Table([FramePart(result, source)], source)


def _check_names(
    table: Table, key: str, time: str, columns: Sequence[str] | None, last: Sequence[str], name: str
) -> None:
    for each in (key, time, *(columns or ()), *last):
        if each not in table.dtypes:
            raise MissingColumnError(
                "no such column", got=repr(each), allowed=some(table.names, 20), do=nearest(each, table.names)
            )
    parts = [key, time, *(each for each in columns or () if each != time), *last]
    twice = [each for each in dict.fromkeys(parts) if parts.count(each) > 1]
    if twice:
        raise UsageError("a column is named for two parts", got=some(twice), allowed="key, time, channel or last value")
    if name in table.dtypes:
        raise UsageError("the series cannot have the name of a column", got=name)


def _read(table: Table, features: dict[str, Feature], columns: Sequence[str] | None) -> pl.DataFrame:
    """All rows; the cells of number columns as numbers."""
    numbers = [name for name, feature in features.items() if feature.kind == "number" or name in (columns or ())]
    readers = {name: features[name] if features[name].kind == "number" else Number(name) for name in numbers}
    frames, row = [], 0
    for chunk in table.chunks():
        frames.append(chunk.with_columns(feature.read(chunk[name], row) for name, feature in readers.items()))
        row += len(chunk)
    return pl.concat(frames) if frames else pl.DataFrame(schema=table.dtypes)


def _moments(cells: pl.Series, feature: Feature) -> pl.Series:
    """What grows with time: seconds, or numbers as they are."""
    if feature.kind == "date":
        return feature.read(cells).cast(pl.Datetime("us")).cast(pl.Int64) / 1e6
    return Number(cells.name).read(cells)


def _refuse_missing(role: str, cells: pl.Series) -> None:
    rows = blank_to_null(cells).is_null().arg_true()
    if len(rows):
        raise DataError(
            f"the {role} column {cells.name!r} is missing in {len(rows)} row(s)",
            got=f"row(s) {some(rows.to_list())} (counted from 0)",
            do="fill the cells, or leave the rows out",
        )


def _is_number(name: str, features: dict[str, Feature]) -> bool:
    return name in features and features[name].kind == "number"


@dataclasses.dataclass(frozen=True)
class _Pieces:
    """Some steps of the sorted rows for each new row.

    Attributes:
        steps: (total,) their places.
        lengths: (n,) how many each new row has.
        ends: (n,) the place of each one's last.
    """

    steps: np.ndarray
    lengths: np.ndarray
    ends: np.ndarray

    def lists(self, cells: pl.Series) -> pl.Series:
        """A list for each new row."""
        return listed(cells.gather(self.steps), self.lengths)


@dataclasses.dataclass(frozen=True)
class _Runs:
    """Rows sorted so that those of a key follow each other in the order of time.

    Attributes:
        order: (rows,) where each comes from.
        lengths: (keys,) rows of each key; keys in the order in which they first came.
    """

    order: np.ndarray
    lengths: np.ndarray

    @classmethod
    def of(cls, keys: pl.Series, moments: pl.Series) -> _Runs:
        rows = pl.DataFrame({"key": keys, "moment": moments, "row": np.arange(len(keys))})
        by_time = pl.col("row").sort_by("moment", maintain_order=True)
        lists = rows.group_by("key", maintain_order=True).agg(by_time)["row"]
        return cls(lists.explode().to_numpy(), lists.list.len().cast(pl.Int64).to_numpy())

    @property
    def is_first(self) -> np.ndarray:
        """Which sorted rows are the first of their key, (rows,) bool."""
        first = np.zeros(len(self.order), bool)
        first[np.cumsum(self.lengths) - self.lengths] = True
        return first

    def differ(self, cells: pl.Series) -> bool:
        """Whether sorted cells differ within a key."""
        return bool((cells.ne_missing(cells.shift(1)).to_numpy() & ~self.is_first).any())

    def apart(self, moments: pl.Series) -> pl.Series:
        """Time since the row before of the same key, (rows,), 0 for the first."""
        return pl.Series(np.where(self.is_first, 0.0, np.diff(moments.to_numpy(), prepend=0.0)))

    def pieces(self, window: int | None, every: int) -> _Pieces:
        """The steps of each new row: all of a key, or windows over them."""
        ends_of_keys = np.cumsum(self.lengths)
        size = self.lengths if window is None else np.minimum(self.lengths, window)
        count = 1 + (self.lengths - size) // every  # windows over each key
        owner = np.repeat(np.arange(len(count)), count)
        nth = np.arange(len(owner)) - np.repeat(np.cumsum(count) - count, count)
        ends = ends_of_keys[owner] - 1 - (count[owner] - 1 - nth) * every
        lengths = size[owner]
        before = np.repeat(np.cumsum(lengths) - lengths, lengths)
        steps = np.arange(lengths.sum()) - before + np.repeat(ends - lengths + 1, lengths)
        return _Pieces(steps, lengths, ends)
