"""A classical model on vectors: judged on rows that it was not fitted on, beside the constant."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from lamina.errors import DataError, UsageError
from lamina.explain.probe import probe
from lamina.features import FEATURES

DRAW = np.random.default_rng(0)
VECTORS = DRAW.normal(size=(300, 4)).astype(np.float32)
INPUTS = DRAW.integers(0, 2**63, 300).astype(np.uint64)
KIND = pl.Series("kind", np.where(VECTORS[:, 0] > 0, "b", "a"))


@pytest.mark.parametrize("name", ["logistic", "svm"])
def test_it_finds_what_the_vectors_hold(name: str) -> None:
    found = probe(name, VECTORS, INPUTS, KIND, FEATURES["category"]("kind"))
    assert found["kind"] == "binary" and found["rows"]["train"] + found["rows"]["test"] == 300
    assert found["scores"]["roc_auc"]["value"] > 0.95 > found["constant"]["roc_auc"]["value"]
    assert found["scores"]["roc_auc"]["low"] is not None
    assert "on the vectors reaches" in found["sentence"]


def test_numbers_and_several_classes() -> None:
    value = pl.Series("value", VECTORS @ np.arange(4.0))
    assert probe("logistic", VECTORS, INPUTS, value, FEATURES["number"]("value"))["scores"]["r2"]["value"] > 0.95
    kind = pl.Series("kind", (np.abs(VECTORS[:, 0]) * 2).astype(int).clip(0, 2).astype(str))
    assert probe("svm", VECTORS, INPUTS, kind, FEATURES["category"]("kind"))["kind"] == "multiclass"


def test_rows_with_the_same_inputs_stay_together() -> None:
    noise = pl.Series("kind", DRAW.choice(["a", "b"], 300)[np.arange(300) // 2])
    twice = VECTORS[np.arange(300) // 2]
    found = probe("svm", twice, INPUTS[np.arange(300) // 2], noise, FEATURES["category"]("kind"))
    assert found["scores"]["roc_auc"]["value"] < 0.75


def test_rows_without_a_target_are_counted() -> None:
    kind = KIND.to_frame().select(pl.when(pl.int_range(300) < 30).then(None).otherwise(pl.col("kind")).alias("kind"))
    assert probe("logistic", VECTORS, INPUTS, kind["kind"], FEATURES["category"]("kind"))["rows"]["left_out"] == 30


def test_what_cannot_be_probed_is_refused() -> None:
    with pytest.raises(UsageError, match=r"no such probe · got logistik .*did you mean logistic"):
        probe("logistik", VECTORS, INPUTS, KIND, FEATURES["category"]("kind"))
    with pytest.raises(DataError, match="a text column"):
        probe("svm", VECTORS, INPUTS, KIND, FEATURES["text"]("kind"))
    with pytest.raises(DataError, match="one value only"):
        probe("svm", VECTORS, INPUTS, pl.Series("kind", ["a"] * 300), FEATURES["category"]("kind"))
