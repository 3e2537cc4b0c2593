"""Numbers in the order of time, of several rows in one array of steps and channels."""

from __future__ import annotations

import dataclasses

import numpy as np

__all__ = ["Steps"]


@dataclasses.dataclass(frozen=True)
class Steps:
    """Series of n cells, joined.

    Attributes:
        values: (total, channels) float64, NaN where a number is missing.
        lengths: (n,) int64, steps of each cell; 0 where it is missing, or empty.
        bad: (n,) bool, cells that are no such series; their lengths are 0.
    """

    values: np.ndarray
    lengths: np.ndarray
    bad: np.ndarray

    @property
    def channels(self) -> int:
        """Numbers in a step."""
        return self.values.shape[1]

    @classmethod
    def none(cls, cells: int, channels: int) -> Steps:
        """Cells that are all missing."""
        return cls(np.empty((0, channels)), np.zeros(cells, np.int64), np.zeros(cells, bool))

    def any_in(self, where: np.ndarray) -> np.ndarray:
        """Which cells have a number that is so, (n,) bool, for one flag a number, (total, channels)."""
        owner = np.repeat(np.arange(len(self.lengths)), self.lengths)
        return np.bincount(owner[where.any(1)], minlength=len(self.lengths)) > 0

    def last(self, most: int) -> Steps:
        """The last steps of each cell, at most so many."""
        if (self.lengths <= most).all():
            return self
        before = np.repeat(np.cumsum(self.lengths), self.lengths) - np.arange(len(self.values))  # steps to the end
        return Steps(self.values[before <= most], np.minimum(self.lengths, most), self.bad)

    def filled(self, start: np.ndarray) -> np.ndarray:
        """Each missing number as the one before it in its cell; as ``start`` where there is none before it.

        Args:
            start: (channels,), or (total, channels).
        """
        known = ~np.isnan(self.values)
        if known.all():
            return self.values
        place = np.arange(len(self.values))[:, None]
        latest = np.maximum.accumulate(np.where(known, place, -1))
        first = np.repeat(np.cumsum(self.lengths) - self.lengths, self.lengths)[:, None]
        found = np.take_along_axis(self.values, np.maximum(latest, 0), axis=0)
        return np.where(latest >= first, found, start)

    def by_row(self, otherwise: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and deviation of each cell that has steps, (cells, channels) each; of one without numbers ``otherwise``
        and 0.

        Args:
            otherwise: (channels,).
        """
        lengths = self.lengths[self.lengths > 0]
        if not len(lengths):
            return np.empty((0, self.channels)), np.empty((0, self.channels))
        starts = np.cumsum(lengths) - lengths
        known = ~np.isnan(self.values)
        counts = np.add.reduceat(known, starts, axis=0, dtype=np.int64)
        sums = np.add.reduceat(np.where(known, self.values, 0.0), starts, axis=0)
        centre = np.where(counts > 0, sums / np.maximum(counts, 1), otherwise)
        apart = np.where(known, self.values - np.repeat(centre, lengths, axis=0), 0.0)
        return centre, np.sqrt(np.add.reduceat(apart**2, starts, axis=0) / np.maximum(counts, 1))
