"""Distinct n-grams over all texts, and repetition within each."""

from __future__ import annotations

import numpy as np
import pytest

from lamina.errors import DataError
from lamina.evaluation.text.diversity import REPETITION, distinct, statistics


def test_distinct_by_hand() -> None:
    assert distinct(["a b a", "a b"], 1)["value"] == 2 / 5
    assert distinct(["a b a", "a b"], 2)["value"] == 2 / 3
    assert distinct(["I'm fine.", "I'm not."], 1)["value"] == 4 / 6  # a mark is a word of its own
    assert distinct(["a", "b"], 2) == {"value": None, "low": None, "high": None}


def test_the_interval_is_the_jackknifes() -> None:
    """By leaving out each row in turn, one after the other."""
    generator = np.random.default_rng(0)
    said = [" ".join(generator.choice(list("abcdefgh"), generator.integers(0, 9))) for _ in range(30)]
    left = np.array([distinct(said[:row] + said[row + 1 :], 2)["value"] for row in range(30)])
    error = 1.959963984540054 * np.sqrt(29 / 30 * ((left - left.mean()) ** 2).sum())
    found = distinct(said, 2)
    assert found["low"] == pytest.approx(found["value"] - error)
    assert found["high"] == pytest.approx(found["value"] + error)


def test_the_interval_holds_what_other_rows_would_give() -> None:
    generator = np.random.default_rng(1)
    found = [distinct([" ".join(map(str, generator.zipf(1.5, 8))) for _ in range(40)], 2) for _ in range(100)]
    truth = np.mean([one["value"] for one in found])
    assert 90 <= sum(one["low"] <= truth <= one["high"] for one in found) <= 100


def test_one_row_has_no_interval() -> None:
    assert distinct(["a b c"], 2) == {"value": 1.0, "low": None, "high": None}
    assert distinct(["a b c", ""], 2)["value"] == 1.0


def test_repetition_by_hand() -> None:
    found = statistics(["go go go go go", "one two three four five", "short"])
    assert found.tolist() == [[1.0, 0.5], [1.0, 0.0], [0.0, 0.0]]
    assert REPETITION(["", "", ""], ["go go go go go", "one two three four five", "short"]) == 0.25
    assert np.isnan(REPETITION([""], ["short"]))


@pytest.mark.parametrize(
    "said, order, message",
    [([], 2, "no rows to judge on"), (["a", None], 2, "null in row 1"), (["a"], 0, "allowed: 1 or more")],
)
def test_bad_rows_are_named(said: list, order: int, message: str) -> None:
    for function in (lambda: distinct(said, order), lambda: statistics(said, order=order)):
        with pytest.raises(DataError) as error:
            function()
        assert message in str(error.value)
