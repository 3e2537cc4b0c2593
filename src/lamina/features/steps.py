"""Numbers in the order of time, a series a cell, however sources write them: as one array of steps and channels."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

from lamina.codecs.base import MISSING
from lamina.codecs.steps import Steps
from lamina.features.media import dimensions_of

__all__ = [
    "from_lists",
    "from_nested",
    "from_records",
    "from_text",
    "is_records",
    "is_steps",
    "listed",
    "of_cells",
    "to_cells",
]


def to_cells(steps: Steps, name: str) -> pl.Series:
    """One list of steps a cell, ``List(Array(Float64, channels))``; null where there are none."""
    # A zero is a zero, also if it is negative: cells that are equal must have equal bits.
    return listed(pl.Series(name, steps.values + 0.0), steps.lengths, missing=steps.lengths == 0)


def of_cells(cells: pl.Series) -> Steps:
    """What :func:`to_cells` gave."""
    lengths = _lengths(cells)
    values = cells.filter(lengths > 0).explode().to_numpy()  # (total, channels)
    if not len(values):
        values = np.empty((0, cells.dtype.inner.size))  # type: ignore[attr-defined]
    return Steps(values, lengths, np.zeros(len(cells), bool))


def listed(items: pl.Series, lengths: np.ndarray, missing: np.ndarray | None = None) -> pl.Series:
    """Items as lists of the given lengths.

    Args:
        items: (total,) of any dtype.
        lengths: (n,) int64.
        missing: (n,) bool, those that become null.

    Example:
        >>> listed(pl.Series([1, 2, 3]), np.array([2, 0, 1])).to_list()
        [[1, 2], [], [3]]
    """
    # By way of polars: handed an array of numpy, pyarrow would import pandas.
    ends = pl.Series(np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])).to_arrow()
    mask = None if missing is None else pl.Series(missing).to_arrow()
    lists = pl.from_arrow(pa.LargeListArray.from_arrays(ends, items.to_arrow(), mask=mask))
    assert isinstance(lists, pl.Series)
    return lists.rename(items.name)


def is_steps(dtype: pl.DataType) -> bool:
    """Whether cells are those of :func:`to_cells`."""
    inner = dtype.inner if isinstance(dtype, pl.List) else None
    return isinstance(inner, pl.Array) and inner.inner == pl.Float64


def _lengths(lists: pl.Series) -> np.ndarray:
    """Items of each list, (n,) int64, 0 where it is missing."""
    return lists.list.len().fill_null(0).cast(pl.Int64).to_numpy()


def _items(lists: pl.Series) -> np.ndarray:
    """All items of lists of numbers, (total,) float64, NaN where missing."""
    return lists.filter(_lengths(lists) > 0).explode().cast(pl.Float64).to_numpy()


def _without(values: np.ndarray, lengths: np.ndarray, bad: np.ndarray) -> Steps:
    """Leave out the steps of bad cells."""
    if bad.any():
        values = values[np.repeat(~bad, lengths)]
    return Steps(values, np.where(bad, 0, lengths), bad)


def from_lists(cells: pl.Series) -> Steps:
    """Lists of numbers: one channel."""
    lists = cells.cast(pl.List(pl.Float64))
    return Steps(_items(lists)[:, None], _lengths(lists), np.zeros(len(cells), bool))


def from_text(cells: pl.Series, decimal: str) -> Steps:
    """Numbers between blanks, semicolons, and commas where these are no decimal marks: one channel.

    Brackets around a cell are left out. Between two marks, and where a word says so, a number is missing.

    Args:
        cells: (n,) text, null where missing.
        decimal: the decimal mark, ``.`` or ``,``.

    Example:
        >>> from_text(pl.Series(["[1, 2.5, 3]", "4;;NA"]), ".").values.ravel().tolist()
        [1.0, 2.5, 3.0, 4.0, nan, nan]
    """
    between = r"\s*[,;]\s*|\s+" if decimal == "." else r"\s*;\s*|\s+"
    lists = cells.str.strip_chars(" \t\r\n[]()").str.replace_all(between, " ").str.split(" ")
    lengths = _lengths(lists)
    words = lists.filter(lengths > 0).explode()
    if decimal == ",":
        words = words.str.replace(",", ".", literal=True)
    numbers = words.cast(pl.Float64, strict=False)
    wrong = (numbers.is_null() & ~words.is_in(MISSING)).to_numpy()
    bad = np.bincount(np.repeat(np.arange(len(cells)), lengths)[wrong], minlength=len(cells)) > 0
    return _without(numbers.to_numpy()[:, None], lengths, bad)


def from_nested(cells: pl.Series, channels: int | None, *, by_channel: bool) -> Steps:
    """Lists of steps, each a list of channels; or the other way round.

    Args:
        cells: (n,) lists of lists of numbers.
        channels: how many there must be; those of most cells if None.
        by_channel: a cell is a list of channels, each a list of steps.
    """
    outer = cells.cast(pl.List(pl.List(pl.Float64)))
    counts = _lengths(outer)
    inner = outer.filter(counts > 0).explode()
    widths = _lengths(inner)  # of each inner list
    known = inner.is_not_null().to_numpy()
    owner = np.repeat(np.arange(len(cells)), counts)
    seen = counts[counts > 0] if by_channel else widths[known]
    if channels is None:
        channels = int(np.bincount(seen).argmax()) if len(seen) else 1
    channels = max(1, channels)
    # Inner lists of a cell that are there must be of one length: the channels, or all its steps.
    steps = np.zeros(len(cells), np.int64)
    np.maximum.at(steps, owner, widths)
    wanted = steps[owner] if by_channel else np.full(len(owner), channels)
    bad = np.bincount(owner[known & (widths != wanted)], minlength=len(cells)) > 0
    if by_channel:
        bad |= (counts > 0) & (counts != channels)
    total = np.full(int(wanted.sum()), np.nan)
    good = ~bad[owner]
    there = np.repeat(known & good, wanted)
    total[there] = _items(inner.filter(known & good))
    if not by_channel:
        return _without(total.reshape(-1, channels), counts, bad)
    lengths = np.where(bad, 0, steps)
    kept = total[np.repeat(good, wanted)]
    return Steps(kept[_by_step(lengths, channels)].reshape(-1, channels), lengths, bad)


def _by_step(lengths: np.ndarray, channels: int) -> np.ndarray:
    """Where each number of (step, channel) order stands where every cell comes channel after channel."""
    starts = np.repeat((np.cumsum(lengths) - lengths) * channels, lengths)  # of the cell of each step
    step = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    places: np.ndarray = (starts + step)[:, None] + np.arange(channels) * np.repeat(lengths, lengths)[:, None]
    return places


def is_records(dtype: pl.DataType) -> bool:
    """Whether cells are records of lists of numbers: named channels."""
    fields: list[Any] = [field.dtype for field in dtype.fields] if isinstance(dtype, pl.Struct) else []
    return bool(fields) and all(dimensions_of(field) == 1 for field in fields)


def from_records(cells: pl.Series, names: list[str]) -> Steps:
    """Records of lists of one length, a channel each; a missing list is a channel without numbers.

    Args:
        cells: (n,) records.
        names: the fields, in the order of the channels.
    """
    fields = [cells.struct.field(name).cast(pl.List(pl.Float64)) for name in names]
    known = np.stack([field.is_not_null().to_numpy() for field in fields])  # (channels, n)
    counts = np.stack([_lengths(field) for field in fields])
    lengths = counts.max(0, initial=0)
    bad = (known & (counts != lengths)).any(0)
    values = np.full((int(lengths[~bad].sum()), len(names)), np.nan)
    for place, field in enumerate(fields):
        good = known[place] & ~bad
        values[np.repeat(good[~bad], lengths[~bad]), place] = _items(field.filter(good))
    return Steps(values, np.where(bad, 0, lengths), bad)
