"""Rows of different lengths."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

__all__ = ["Ragged"]


class Ragged:
    """Rows of different lengths: words of a text, frames of a sound; a picture is a row of one item, or of none.

    Args:
        values: the items of all rows joined, (total, ...).
        ends: (rows,) int64, the place in ``values`` where each row ends.

    Example:
        >>> ragged = Ragged.of([np.array([3, 4]), np.array([], int), np.array([5])])
        >>> ragged.take(np.array([2, 0])).padded()[0].tolist()
        [[5, 0], [3, 4]]
    """

    def __init__(self, values: np.ndarray, ends: np.ndarray) -> None:
        self.values = values
        self.ends = ends

    @classmethod
    def of(cls, rows: Sequence[np.ndarray]) -> Ragged:
        """Join rows, each (length, ...), all with the same items."""
        return cls(np.concatenate(rows), np.cumsum([len(row) for row in rows], dtype=np.int64))

    def __len__(self) -> int:
        return len(self.ends)

    @property
    def lengths(self) -> np.ndarray:
        """Items of each row, (rows,) int64."""
        return np.diff(self.ends, prepend=0)

    @property
    def nbytes(self) -> int:
        """Size of all items and ends."""
        return self.values.nbytes + self.ends.nbytes

    def __getitem__(self, rows: slice) -> Ragged:
        """Rows that follow each other, as a view."""
        start, stop, step = rows.indices(len(self))
        assert step == 1
        first = int(self.ends[start - 1]) if start > 0 else 0
        last = int(self.ends[stop - 1]) if stop > 0 else 0
        return Ragged(self.values[first:last], self.ends[start:stop] - first)

    def take(self, rows: np.ndarray) -> Ragged:
        """The given rows, in the given order, by one gather."""
        rows = rows.astype(np.int64)  # the row before the first must not wrap around
        starts = np.where(rows > 0, self.ends[np.maximum(rows - 1, 0)], 0)
        lengths = self.ends[rows] - starts
        ends = np.cumsum(lengths)
        # Place i of row r in the result comes from starts[r] + i.
        source = np.arange(lengths.sum()) + np.repeat(starts - (ends - lengths), lengths)
        return Ragged(np.take(np.asarray(self.values), source, axis=0), ends)

    def padded(self) -> tuple[np.ndarray, np.ndarray]:
        """Rows side by side, zeros after the end of the shorter ones: (rows, longest, ...), and (rows,) lengths."""
        lengths = self.lengths
        longest = int(lengths.max(initial=0))
        if (lengths == longest).all():
            return self.values.reshape(len(self), longest, *self.values.shape[1:]), lengths
        out = np.zeros((len(self), longest, *self.values.shape[1:]), self.values.dtype)
        out[np.arange(longest) < lengths[:, None]] = self.values
        return out, lengths
