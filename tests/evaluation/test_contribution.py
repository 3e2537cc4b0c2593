"""What columns contribute: the right ones, with intervals that hold, in bounded time."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from lamina.codecs.ragged import Ragged
from lamina.evaluation.contribution import contributions, exchanged
from lamina.features.base import Slot
from lamina.features.layout import Layout

LAYOUT = Layout.of(
    [
        Slot("a", "value", "number"),
        Slot("a", "missing", "flag"),
        Slot("b", "value", "number"),
        Slot("b", "code", "category", size=9),
        Slot("photo", "value", "image", shape=(2, 2, 1)),
        Slot("words", "value", "tokens", size=20),
    ]
)


def arrays(rows: int = 300) -> dict[str, Any]:
    generator = np.random.default_rng(0)
    there = generator.random(rows) > 0.2
    return {
        "number": generator.normal(size=(rows, 2)).astype(np.float32),
        "flag": generator.integers(0, 2, (rows, 1)).astype(np.uint8),
        "category": generator.integers(0, 9, (rows, 1)).astype(np.int32),
        "image000": Ragged(generator.integers(0, 9, (there.sum(), 2, 2, 1)).astype(np.uint8), np.cumsum(there)),
        "tokens001": Ragged.of([generator.integers(1, 20, generator.integers(0, 5)) for _ in range(rows)]),
    }


def loss(rows: Mapping[str, Any]) -> np.ndarray:
    """Targets of which the first is the column a, and the second says how long the text is."""
    lengths = rows["tokens001"].lengths
    return np.column_stack([(rows["number"][:, 0] - rows["truth"][:, 0]) ** 2, (lengths - rows["truth"][:, 1]) ** 2])


def given(rows: int = 300) -> dict[str, Any]:
    found = arrays(rows)
    found["truth"] = np.column_stack([found["number"][:, 0] + 0.1, found["tokens001"].lengths])
    return found


def test_all_slots_of_a_column_move_together() -> None:
    before, order = arrays(50), np.random.default_rng(1).permutation(50)
    after = exchanged(before, LAYOUT, "b", order)
    np.testing.assert_array_equal(after["number"][:, 1], before["number"][order, 1])
    np.testing.assert_array_equal(after["category"], before["category"][order])
    np.testing.assert_array_equal(after["number"][:, 0], before["number"][:, 0])
    assert after["flag"] is before["flag"] and after["image000"] is before["image000"]
    moved = exchanged(before, LAYOUT, "words", order)["tokens001"]
    np.testing.assert_array_equal(moved.lengths, before["tokens001"].lengths[order])


def test_what_says_something_contributes_to_its_target_only() -> None:
    first, second = contributions(loss, given(), LAYOUT)
    assert first["loss"] == pytest.approx(0.01, rel=1e-3) and second["loss"] == 0
    assert (first["rows"], first["exchanges"], first["left_out"]) == (300, 3, [])
    for document, name in ((first, "a"), (second, "words")):
        best, *others = document["columns"]
        assert best["name"] == name and 0 < best["low"] < best["value"] < best["high"]
        assert all(other["value"] == other["low"] == other["high"] == 0 for other in others)
        assert len(document["columns"]) == 4


def test_same_seed_same_figures() -> None:
    assert contributions(loss, given(), LAYOUT, seed=3) == contributions(loss, given(), LAYOUT, seed=3)
    assert contributions(loss, given(), LAYOUT, seed=3) != contributions(loss, given(), LAYOUT, seed=4)


def test_many_columns_are_not_all_looked_at() -> None:
    layout = Layout.of([Slot(f"c{place}", "value", "number") for place in range(70)])
    rows = {"number": np.random.default_rng(0).normal(size=(20, 70))}
    (document,) = contributions(lambda rows: rows["number"][:, :1], rows, layout)
    assert len(document["columns"]) == 60
    assert document["left_out"] == [f"c{place}" for place in range(60, 70)]


def test_a_slow_model_is_asked_less_and_wide_columns_come_first() -> None:
    def slow(rows: Mapping[str, Any]) -> np.ndarray:
        time.sleep(0.0005 * len(rows["number"]))
        return loss(rows)

    started = time.monotonic()
    (document, _) = contributions(slow, given(), LAYOUT, seconds=0.3)
    assert document["rows"] < 300 and document["exchanges"] == 1
    assert time.monotonic() - started < 2
    (document, _) = contributions(slow, given(), LAYOUT, seconds=0.001)
    assert [column["name"] for column in document["columns"]] == ["photo"]
    assert document["left_out"] == ["a", "b", "words"]
