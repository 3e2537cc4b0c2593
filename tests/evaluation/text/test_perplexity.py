"""Perplexity, bits per byte and nats per step, from sums."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lamina.errors import DataError
from lamina.evaluation.intervals import bootstrap, interval
from lamina.evaluation.text.perplexity import bits_per_byte, nats_per_step, perplexity, sizes, statistics


def test_a_model_that_knows_nothing() -> None:
    """Of 256 bytes each as likely: perplexity 256, 8 bits a byte."""
    text = ["größe", "a", ""]
    steps = sizes(text)
    sums = statistics(steps * math.log(256), steps, steps).sum(axis=0)
    assert perplexity(sums) == pytest.approx(256)
    assert bits_per_byte(sums) == pytest.approx(8)
    assert nats_per_step(sums) == pytest.approx(math.log(256))


def test_rows_weigh_by_their_length() -> None:
    rows = statistics([1.0, 9.0], [1, 3])
    assert nats_per_step(rows).tolist() == [1.0, 3.0]
    assert nats_per_step(rows.sum(axis=0)) == 2.5
    assert perplexity(rows.sum(axis=0)) == pytest.approx(math.exp(2.5))


def test_what_is_not_known_is_nan() -> None:
    assert np.isnan(bits_per_byte(statistics([1.0], [1])[0]))
    assert np.isnan(nats_per_step(statistics([0.0], [0])[0]))


def test_a_hopeless_model_is_infinite() -> None:
    assert perplexity(statistics([1e6], [1])[0]) == math.inf


def test_an_interval() -> None:
    generator = np.random.default_rng(0)
    steps = generator.integers(50, 100, 80)
    rows = statistics(steps * generator.normal(8.3, 0.5, 80), steps)
    found = bootstrap({"network": lambda weights: nats_per_step(weights @ rows)[:, None]}, 80, seed=0, resamples=200)
    result = interval(found["network"].value[0], found["network"].drawn[:, 0], 80)
    assert 8.1 < result["low"] < result["value"] < result["high"] < 8.5


@pytest.mark.parametrize(
    "nats, steps, size, message",
    [
        ([1.0, 2.0], [1], None, "got nats of shape (2,), steps of shape (1,), bytes of shape (2,)"),
        ([[1.0]], [[1]], [[1]], "allowed: one number a row"),
        ([], [], None, "no rows to judge on"),
        ([1.0, math.nan], [1, 1], None, "nats must be finite and not negative · got nan in row 1"),
        ([math.inf], [1], None, "got inf in row 0"),
        ([-1.0], [1], None, "got -1.0 in row 0"),
        ([1.0], [-1], None, "steps must be finite"),
        ([1.0], [1], [-1], "bytes must be finite"),
    ],
)
def test_bad_rows_are_named(nats: list, steps: list, size: list | None, message: str) -> None:
    with pytest.raises(DataError) as error:
        statistics(nats, steps, size)
    assert message in str(error.value)


def test_rounding_of_a_certain_model_is_forgiven() -> None:
    assert perplexity(statistics([-1e-7], [1])[0]) == pytest.approx(1)


def test_a_missing_text_has_no_size() -> None:
    with pytest.raises(DataError, match="null in row 1"):
        sizes(["a", None])
