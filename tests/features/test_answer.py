"""Predictions as arrays, and as columns."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from lamina.features.answer import Answer
from lamina.features.boolean import Boolean
from lamina.features.text import Text

FULL = Answer(
    probability=np.arange(6.0).reshape(3, 2),
    decision=np.array([1, 0, 1]),
    value=np.array([1.0, 2.0, 3.0]),
    quantiles={0.1: np.array([0.0, 1.0, 2.0]), 0.9: np.array([2.0, 3.0, 4.0])},
    lower=np.array([0.5, 1.5, 2.5]),
    upper=np.array([1.5, 2.5, 3.5]),
    text=np.array(["a", "b", ""], object),
    sureness=np.array([0.5, 0.25, 1.0]),
)


@pytest.mark.parametrize("rows", [np.array([2, 0]), np.array([True, False, True]), np.empty(0, np.int64)])
def test_some_rows_are_taken_of_everything(rows: np.ndarray) -> None:
    taken = FULL.take(rows)
    places = np.arange(3)[rows]
    for name in ("probability", "decision", "value", "lower", "upper", "text", "sureness"):
        assert getattr(taken, name).tolist() == getattr(FULL, name)[places].tolist()
    assert taken.quantiles is not None and taken.quantiles[0.9].tolist() == (places + 2.0).tolist()
    assert len(taken) == len(places)


def test_what_does_not_apply_stays_away() -> None:
    taken = Answer(text=FULL.text, sureness=FULL.sureness).take(np.array([1]))
    assert taken.text is not None and taken.text.tolist() == ["b"] and len(taken) == 1
    assert taken.value is taken.quantiles is taken.decision is None
    assert Answer(value=FULL.value).take(np.array([1])).quantiles is None


def test_texts_as_columns() -> None:
    feature = Text("german", is_target=True)
    frame = Answer(text=FULL.text, sureness=FULL.sureness).frame(feature)
    assert frame.to_dict(as_series=False) == {"german": ["a", "b", ""], "german_sureness": [0.5, 0.25, 1.0]}
    none = Answer(text=np.array([], object), sureness=np.array([])).frame(feature)
    assert none.schema == frame.schema == {"german": pl.String, "german_sureness": pl.Float64}


def test_classes_as_columns() -> None:
    feature = Boolean("ill", is_target=True).fit(pl.Series("ill", [True, False]))
    frame = Answer(probability=FULL.probability, decision=FULL.decision).frame(feature)
    assert frame.columns == ["ill", "ill_probability_false", "ill_probability_true"]
    assert frame["ill"].to_list() == [True, False, True]
