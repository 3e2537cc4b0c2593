"""Bootstrap intervals: deterministic, paired, bounded, honest about what is undefined."""

from __future__ import annotations

import numpy as np
import pytest

from lamina.evaluation import METRICS, Answer, intervals
from lamina.evaluation.intervals import affordable, bootstrap, interval
from lamina.evaluation.metrics import measure


def mean_error(error: np.ndarray):
    return measure(METRICS["regression"][1:2], np.zeros(len(error)), Answer(value=error))


def test_covers_about_as_often_as_it_says() -> None:
    """Of 200 samples, the interval of the mean absolute error holds the truth in about 190."""
    generator = np.random.default_rng(0)
    truth, held = np.sqrt(2 / np.pi), 0
    for _ in range(200):
        error = generator.normal(size=150)
        found = bootstrap({"a": mean_error(error)}, 150, seed=1, resamples=200)["a"]
        result = interval(found.value[0], found.drawn[:, 0], 150)
        held += result["low"] <= truth <= result["high"]
    assert 180 <= held <= 199


def test_width_is_that_of_the_normal_theory() -> None:
    error = np.random.default_rng(3).normal(size=2000)
    found = bootstrap({"a": mean_error(error)}, 2000, seed=0, resamples=1000)["a"]
    width = 2 * 1.96 * np.abs(error).std() / np.sqrt(2000)
    result = interval(found.value[0], found.drawn[:, 0], 2000)
    assert result["high"] - result["low"] == pytest.approx(width, rel=0.08)


def test_depends_on_the_seed_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    measures = {"a": mean_error(np.arange(50.0))}
    first = bootstrap(measures, 50, seed=7, resamples=30)["a"].drawn
    monkeypatch.setattr(intervals, "CELLS", 160)  # blocks of three replicates
    np.testing.assert_array_equal(bootstrap(measures, 50, seed=7, resamples=30)["a"].drawn, first)
    assert not np.array_equal(bootstrap(measures, 50, seed=8, resamples=30)["a"].drawn, first)


def test_systems_are_judged_on_the_same_draws() -> None:
    """Two systems that differ by a constant have a difference without spread."""
    error = np.random.default_rng(0).exponential(size=80)
    found = bootstrap({"a": mean_error(error), "b": mean_error(error + 1)}, 80, seed=0, resamples=50)
    np.testing.assert_allclose(found["b"].drawn - found["a"].drawn, 1.0)


def test_fewer_replicates_for_very_many_rows() -> None:
    assert affordable(1_000, 1000) == 1000
    assert affordable(200_000, 1000) == 1000
    assert affordable(400_000, 1000) == 500
    assert affordable(10**9, 1000) == 100
    assert affordable(20_000, 1000, rankings=100) == 100


def test_undefined_replicates_are_left_out() -> None:
    some = interval(0.5, np.array([0.4, np.nan, 0.6]), rows=9)
    assert some["low"] == pytest.approx(0.405) and some["high"] == pytest.approx(0.595)
    assert interval(0.5, np.array([np.nan]), rows=9) == {"value": 0.5, "low": None, "high": None}


def test_one_row_has_no_interval() -> None:
    found = bootstrap({"a": mean_error(np.ones(1))}, 1, seed=0, resamples=10)["a"]
    assert interval(found.value[0], found.drawn[:, 0], 1) == {"value": 1.0, "low": None, "high": None}
