"""Moments: pieces joined are the whole, gaps are counted, what does not vary has deviation 1."""

from __future__ import annotations

import functools

import numpy as np
import pytest

from lamina.features.moments import Moments


@pytest.mark.parametrize("cuts", [[], [1], [0, 5, 5, 60], list(range(100))])
def test_pieces_are_the_whole(cuts: list[int]) -> None:
    values = np.random.default_rng(0).normal(1e6, [1.0, 1e-3, 1e3], (100, 3))
    values[::7, 1] = np.nan
    found = functools.reduce(Moments.joined, map(Moments.of, np.split(values, cuts)))
    assert found.counts.tolist() == [100, 85, 100]
    assert found.gaps.tolist() == [0, 15, 0]
    assert np.allclose(found.mean, np.nanmean(values, 0), rtol=1e-14)
    assert np.allclose(found.deviation, np.nanstd(values, 0), rtol=1e-6)
    assert found.low.tolist() == np.nanmin(values, 0).tolist()
    assert found.high.tolist() == np.nanmax(values, 0).tolist()


def test_what_does_not_vary_has_deviation_1() -> None:
    values = np.array([[0.1, np.nan]] * 7)
    found = Moments.of(values).joined(Moments.of(values))
    assert found.deviation.tolist() == [1.0, 1.0]
    assert found.mean.tolist() == [0.1, 0.0]
    assert Moments.of(np.empty((0, 2))).deviation.tolist() == [1.0, 1.0]
