"""95% bootstrap intervals: how far a score would move if other rows had come to the test.

Rows are drawn with replacement, the same draws for every system, so that the difference of two systems has an interval
of its own, narrower than either score's. (Efron 1979; the percentile interval, the paired bootstrap.)
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from lamina.evaluation.metrics import Statistics

__all__ = ["CONFIDENCE", "Replicates", "affordable", "bootstrap", "interval"]

CONFIDENCE = 0.95
CELLS = 200_000  # weights held at a time: what fits into the cache is twice as fast as what does not
WORK = 200_000_000  # rows x replicates at most: a thousand replicates up to 200,000 rows
FEWEST = 100  # replicates, however many rows


@dataclasses.dataclass(frozen=True)
class Replicates:
    """One system's metrics.

    Attributes:
        value: (k,), on the rows as they are.
        drawn: (R, k), on each draw of rows.
    """

    value: np.ndarray
    drawn: np.ndarray


def affordable(rows: int, resamples: int, rankings: int = 1) -> int:
    """How many replicates a table of this size gets, where ``rankings`` classes are sorted each time."""
    return min(resamples, max(FEWEST, WORK // max(1, rows * rankings)))


def bootstrap(measures: Mapping[str, Statistics], rows: int, *, seed: int, resamples: int) -> dict[str, Replicates]:
    """Draw rows again and again, and measure every system on the same draws.

    Args:
        measures: system -> function from weights (R, n) to metrics (R, k).
        rows: n, how many rows there are.
        seed: the draws depend on it and on the number of the replicate, on nothing else.
        resamples: R, how many draws.
    """
    once = np.ones((1, rows))
    values = {name: function(once)[0] for name, function in measures.items()}
    drawn: dict[str, list[np.ndarray]] = {name: [] for name in measures}
    for weights in _draws(rows, seed, resamples):
        for name, function in measures.items():
            drawn[name].append(function(weights))
    return {name: Replicates(values[name], np.concatenate(drawn[name])) for name in measures}


def _draws(rows: int, seed: int, resamples: int) -> Iterator[np.ndarray]:
    """How often each row is drawn in each replicate, in blocks of bounded size: (block, rows)."""
    block = max(1, min(resamples, CELLS // max(1, rows)))
    for first in range(0, resamples, block):
        weights = np.empty((min(block, resamples - first), rows))
        for place in range(len(weights)):
            generator = np.random.default_rng([seed, first + place])
            weights[place] = np.bincount(generator.integers(0, rows, rows), minlength=rows)
        yield weights


def interval(value: float, drawn: np.ndarray, rows: int) -> dict[str, Any]:
    """A score and its interval as JSON values; replicates where it is undefined are left out.

    Example:
        >>> interval(0.5, np.array([0.25, 0.25, 0.75, 0.75]), rows=10)
        {'value': 0.5, 'low': 0.25, 'high': 0.75}
        >>> interval(float("nan"), np.array([np.nan]), rows=10)
        {'value': None, 'low': None, 'high': None}
    """
    drawn = drawn[np.isfinite(drawn)]
    known = bool(np.isfinite(value))
    # One row drawn again is the same row: it says nothing of other rows.
    if not known or not len(drawn) or rows < 2:
        return {"value": float(value) if known else None, "low": None, "high": None}
    low, high = np.quantile(drawn, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return {"value": float(value), "low": float(low), "high": float(high)}
