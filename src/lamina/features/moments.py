"""Mean and deviation of several columns of numbers, learned piece by piece."""

from __future__ import annotations

import dataclasses

import numpy as np

__all__ = ["Moments"]


@dataclasses.dataclass(frozen=True)
class Moments:
    """What is known of some rows of columns. Pieces are joined by Chan's parallel formula (Chan et al. 1979).

    Attributes:
        counts, gaps: numbers of each column that are there, and that are missing; (columns,), as are all.
        mean, squares: of those that are there, and the sum of their squared distances from it.
        low, high: infinite where there is none.

    Example:
        >>> pieces = [Moments.of(np.array([[1.0], [2.0]])), Moments.of(np.array([[6.0], [np.nan]]))]
        >>> pieces[0].joined(pieces[1]).mean.tolist()
        [3.0]
    """

    counts: np.ndarray
    gaps: np.ndarray
    mean: np.ndarray
    squares: np.ndarray
    low: np.ndarray
    high: np.ndarray

    @classmethod
    def of(cls, values: np.ndarray) -> Moments:
        """Of rows (n, columns), NaN where missing."""
        known = ~np.isnan(values)
        counts = known.sum(0)
        mean = np.where(known, values, 0.0).sum(0) / np.maximum(counts, 1)
        squares = (np.where(known, values - mean, 0.0) ** 2).sum(0)
        low = np.where(known, values, np.inf).min(0, initial=np.inf)
        high = np.where(known, values, -np.inf).max(0, initial=-np.inf)
        return cls(counts, len(values) - counts, mean, squares, low, high)

    def joined(self, other: Moments) -> Moments:
        """Of the rows of both."""
        counts = self.counts + other.counts
        share = other.counts / np.maximum(counts, 1)
        apart = other.mean - self.mean
        low, high = np.minimum(self.low, other.low), np.maximum(self.high, other.high)
        # Rounding alone would make a constant column vary.
        constant = low == high
        mean = np.where(constant, low, self.mean + apart * share)
        squares = np.where(constant, 0.0, self.squares + other.squares + apart**2 * self.counts * share)
        return Moments(counts, self.gaps + other.gaps, mean, squares, low, high)

    @property
    def deviation(self) -> np.ndarray:
        """The standard deviation; 1 where nothing varies."""
        deviation = np.sqrt(self.squares / np.maximum(self.counts, 1))
        # Below, the squares of small numbers underflow.
        return np.where((deviation > 1e-150) & (self.low < self.high), deviation, 1.0)
