"""What a column of numbers looks like, learned piece by piece in bounded memory."""

from __future__ import annotations

import numpy as np

__all__ = ["KNOTS", "Gathered", "capped_quantiles"]

KNOTS = 257  # quantiles kept: a power of two of steps, so that coarser sets are every 2nd, 4th, ... of them
SAMPLE = 200_000  # values kept for the quantiles; up to so many rows they are exact
DISTINCT = 256  # different values that are still counted


class Gathered:
    """Moments by Chan's parallel formula, an even sample for the quantiles, and the different values while few.

    Attributes:
        count, missing: cells that are there, and that are not.
        mean, low, high: of the cells that are there.
        values: the different values in order, None if there are more than 256.
    """

    def __init__(self) -> None:
        self.count = self.missing = 0
        self.mean = self._squares = 0.0
        self.low, self.high = np.inf, -np.inf
        self.values: np.ndarray | None = np.empty(0)
        self._step = 1
        self._pieces: list[np.ndarray] = []
        self._kept = 0

    def add(self, present: np.ndarray, missing: int) -> None:
        """Take in more cells: those that are there, (n,) float64, and how many are not."""
        self.missing += missing
        if not len(present):
            return
        count, mean = len(present), float(present.mean())
        total = self.count + count
        self._squares += float(((present - mean) ** 2).sum()) + (mean - self.mean) ** 2 * self.count * count / total
        self.mean += (mean - self.mean) * count / total
        self.low, self.high = min(self.low, float(present.min())), max(self.high, float(present.max()))
        if self.low == self.high:
            self.mean, self._squares = self.low, 0.0  # rounding alone would make it vary
        if self.values is not None:
            values = np.union1d(self.values, present)
            self.values = values if len(values) <= DISTINCT else None
        picked = present[-self.count % self._step :: self._step]
        self.count = total
        self._pieces.append(picked)
        self._kept += len(picked)
        while self._kept > SAMPLE:
            merged = np.concatenate(self._pieces)[::2]
            self._pieces, self._kept, self._step = [merged], len(merged), self._step * 2

    @property
    def deviation(self) -> float:
        """Standard deviation; exactly 0 for a constant column."""
        return float(np.sqrt(self._squares / self.count)) if self.count else 0.0

    @property
    def sample(self) -> np.ndarray:
        """Evenly picked values, at most 200,000."""
        return np.concatenate([np.empty(0), *self._pieces])

    def quantiles(self) -> np.ndarray:
        """257 quantiles at even shares, the ends exact."""
        if not self.count:
            return np.zeros(KNOTS)
        found: np.ndarray = np.quantile(self.sample, np.linspace(0, 1, KNOTS))
        found[0], found[-1] = self.low, self.high
        return found


def capped_quantiles(values: np.ndarray, count: int = KNOTS) -> np.ndarray:
    """Quantiles at even shares where no single value weighs more than one step.

    Where most cells hold one value (nine in ten are zero), plain quantiles would all be that value, and the others
    would share one piece of an embedding. Here it takes one step, and the others share the rest.

    Example:
        >>> capped_quantiles(np.array([0.0] * 97 + [1.0, 2.0, 3.0]), 5).tolist()
        [0.0, 0.0, 1.0, 2.0, 3.0]
    """
    distinct, counts = np.unique(values, return_counts=True)
    weights = counts.astype(np.float64)
    for _ in range(30):  # each cut makes the sum smaller, and so the next cut deeper
        weights = np.minimum(weights, weights.sum() / (count - 1))
    ends = np.cumsum(weights) / weights.sum()
    inner = np.searchsorted(ends, np.linspace(0, 1, count)[1:-1] - 1e-9).clip(0, len(distinct) - 1)
    return np.concatenate([distinct[:1], distinct[inner], distinct[-1:]])
