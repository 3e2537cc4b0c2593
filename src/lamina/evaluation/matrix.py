"""Encoded rows as baselines take them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lamina.codecs.ragged import Ragged
from lamina.data.rows import Rows
from lamina.features.base import WIDE
from lamina.features.layout import Layout

__all__ = ["Cells", "Matrix", "outline", "shrunk"]

SIDE = 16  # pixels of a thumbnail, each way
QUARTERS = 4  # of the time, each with a mean of its own
PIECE = 2**25  # bytes of cells that are looked at together

Cells = Ragged | np.ndarray


@dataclasses.dataclass(frozen=True)
class Matrix:
    """The groups of slots of n rows (see :class:`lamina.features.Slot`).

    Attributes:
        number: (n, a) float32; a missing cell may be NaN.
        flag: (n, b) of 0 and 1.
        category: (n, c) codes.
        sizes: how many codes each of the c category slots has.
        wide: name of each wide slot's array -> its outlines, n rows (see :func:`outline`).
    """

    number: np.ndarray
    flag: np.ndarray
    category: np.ndarray
    sizes: tuple[int, ...]
    wide: Mapping[str, Cells] = dataclasses.field(default_factory=dict)

    @classmethod
    def of(cls, arrays: Mapping[str, Any], sizes: Sequence[int], rows: int) -> Matrix:
        """Make it from arrays by group, and outlines by the name of their array; a group not there gets no columns.

        Example:
            >>> Matrix.of({"number": np.zeros((3, 2), np.float32)}, sizes=[], rows=3).category.shape
            (3, 0)
        """
        empty = {"number": np.float32, "flag": np.uint8, "category": np.int32}
        groups = {group: arrays.get(group, np.zeros((rows, 0), dtype)) for group, dtype in empty.items()}
        wide = {name: array for name, array in arrays.items() if name.startswith(WIDE)}
        return cls(**groups, sizes=tuple(sizes), wide=wide)

    @classmethod
    def of_rows(cls, layout: Layout, rows: Rows) -> Matrix:
        """The outlines of encoded rows."""
        arrays: dict[str, Any] = {group: rows.array(group) for group in ("number", "flag", "category")}
        wide = {name: outline(name, rows.store.arrays[name], rows.places) for name in layout.wide_by_name}
        return cls.of({**arrays, **wide}, layout.sizes, len(rows.places))

    def __len__(self) -> int:
        return len(self.number)

    def __getitem__(self, rows: slice | np.ndarray) -> Matrix:
        """Some of the rows."""
        wide = {name: _rows(cells, rows) for name, cells in self.wide.items()}
        return Matrix(self.number[rows], self.flag[rows], self.category[rows], self.sizes, wide)


def _rows(cells: Cells, rows: slice | np.ndarray) -> Cells:
    if isinstance(cells, Ragged) and isinstance(rows, np.ndarray):
        return cells.take(rows)
    return cells[rows]  # type: ignore[index]


def outline(name: str, cells: Ragged, places: np.ndarray) -> Cells:
    """What baselines need of a wide column, piece by piece, so that memory is bounded by what is kept.

    Args:
        name: of the array, as ``image000``.
        cells: those of all rows.
        places: (n,) the rows that are wanted.

    Returns:
        For tokens the rows as they are. For the others an array of n rows, NaN where the cell is missing: of an image
        (n, 16, 16, C) mean pixels, of a clip (n, 16, 16, 2 C) the mean and the deviation over time, of frames (n, 6 C)
        the mean and the deviation of each channel, then its mean in each quarter of the time.

    Example:
        >>> sound = Ragged.of([np.arange(8, dtype=np.float32)[:, None], np.empty((0, 1), np.float32)])
        >>> outline("frames000", sound, np.arange(2)).round(2).tolist()[0]
        [3.5, 2.2899999618530273, 0.5, 2.5, 4.5, 6.5]
    """
    if name.startswith("tokens"):
        return cells.take(places)
    make = {"image": _thumbnails, "clip": _films, "frames": _figures}[name.rstrip("0123456789")]
    size = max(1, PIECE * len(cells) // max(1, cells.nbytes))
    pieces = [places[start : start + size] for start in range(0, max(1, len(places)), size)]
    return np.concatenate([make(cells.take(piece)) for piece in pieces])


def shrunk(pictures: np.ndarray, height: int, width: int) -> np.ndarray:
    """Pictures with fewer pixels, each the mean of those that it stands for; a side that is short enough stays.

    Shape:
        (n, H, W, C) of any numbers -> (n, min(H, height), min(W, width), C) float32
    """
    found = pictures
    for axis, most in ((1, height), (2, width)):
        size = found.shape[axis]
        if size > most:
            edges = np.linspace(0, size, most + 1).astype(np.intp)
            sums = np.add.reduceat(found, edges[:-1], axis=axis, dtype=np.float32)
            found = sums / np.expand_dims(np.diff(edges), tuple(range(1, found.ndim - axis))).astype(np.float32)
    return found.astype(np.float32, copy=False)


def _thumbnails(cells: Ragged) -> np.ndarray:
    small = shrunk(cells.values, SIDE, SIDE).astype(np.float16)  # exact enough for 0 to 255
    found = np.full((len(cells), *small.shape[1:]), np.nan, np.float16)
    found[cells.lengths > 0] = small
    return found


def _films(cells: Ragged) -> np.ndarray:
    small = shrunk(cells.values, SIDE, SIDE)
    there, mean, deviation = _moments(Ragged(small.reshape(len(small), -1), cells.ends))
    parts = [part.reshape(-1, *small.shape[1:]) for part in (mean, deviation)]
    found = np.full((len(cells), *small.shape[1:3], 2 * small.shape[3]), np.nan, np.float16)
    found[there] = np.concatenate(parts, axis=3)
    return found


def _figures(cells: Ragged) -> np.ndarray:
    there, mean, deviation = _moments(cells)
    lengths = cells.lengths[there]
    row = np.repeat(np.arange(len(lengths)), lengths)
    place = np.arange(len(row)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    quarter = row * QUARTERS + place * QUARTERS // np.repeat(lengths, lengths)
    starts = np.flatnonzero(np.diff(quarter, prepend=-1))
    quarters = np.repeat(mean, QUARTERS, axis=0)  # a row too short for one of them has its mean there
    if len(starts):
        sums = np.add.reduceat(cells.values, starts, axis=0, dtype=np.float64)
        quarters[quarter[starts]] = sums / np.diff(starts, append=len(quarter))[:, None]
    found = np.full((len(cells), (2 + QUARTERS) * mean.shape[1]), np.nan, np.float32)
    found[there] = np.concatenate([mean, deviation, quarters.reshape(len(lengths), -1)], axis=1)
    return found


def _moments(cells: Ragged) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Which rows have items, and the mean and deviation of each channel over them: (n,), (rows that have, C) twice."""
    there = cells.lengths > 0
    starts = (cells.ends - cells.lengths)[there]
    if not len(starts):
        nothing = np.empty((0, cells.values.shape[1]))
        return there, nothing, nothing
    counts = cells.lengths[there][:, None]
    mean = np.add.reduceat(cells.values, starts, axis=0, dtype=np.float64) / counts
    squares = np.square(cells.values - np.repeat(mean, counts[:, 0], axis=0))
    return there, mean, np.sqrt(np.add.reduceat(squares, starts, axis=0) / counts)
