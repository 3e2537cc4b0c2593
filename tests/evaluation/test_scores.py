"""The scores document: strict JSON, paired differences, a verdict that the figures bear out."""

from __future__ import annotations

import json

import numpy as np
import pytest
from test_metrics import case

from lamina.errors import DataError
from lamina.evaluation import KINDS, METRICS, Answer, Baseline
from lamina.evaluation.baselines import decide
from lamina.evaluation.figures import figure, together
from lamina.evaluation.scores import scores


def regression(noise: float, rows: int = 400) -> tuple[np.ndarray, Answer]:
    generator = np.random.default_rng(0)
    target = generator.normal(0, 10, rows)
    return target, Answer(value=target + noise * generator.normal(size=rows))


@pytest.mark.parametrize("kind", KINDS)
def test_is_strict_json_with_every_metric(kind: str) -> None:
    target, answer, _ = case(kind)
    document = scores(kind, target, {"network": answer, "other": answer}, resamples=50)
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    assert [metric["name"] for metric in document["metrics"]] == [metric.name for metric in METRICS[kind]]
    assert document["headline"] == METRICS[kind][0].name
    for name, score in document["systems"]["network"]["scores"].items():
        if (kind, name) == ("point", "no_answer"):  # all of these rows have one
            assert score["value"] is None
        else:
            assert score["low"] <= score["value"] <= score["high"]
    assert document["systems"]["network"]["difference"] is None
    assert document["systems"]["other"]["difference"] == {"value": 0.0, "low": 0.0, "high": 0.0}


def test_same_seed_same_document() -> None:
    target, answer, _ = case("regression")
    assert scores("regression", target, {"network": answer}, seed=3) == scores(
        "regression", target, {"network": answer}, seed=3
    )


@pytest.mark.parametrize(
    "own, other, outcome, words",
    [
        (1.0, 5.0, "better", "The network pays here: RMSE"),
        (5.0, 1.0, "worse", "The network does not pay here: RMSE"),
        (1.0, 1.0, "unclear", "cannot be told from these 400 rows"),
    ],
)
def test_verdict_where_less_is_better(own: float, other: float, outcome: str, words: str) -> None:
    target, network = regression(own)
    worst = Answer(value=np.zeros(400))
    document = scores("regression", target, {"network": network, "constant": worst, "boosting": regression(other)[1]})
    assert document["outcome"] == outcome
    assert document["against"] == "boosting"
    assert words in document["verdict"] and "gradient boosting, the best baseline" in document["verdict"]


def test_verdict_where_more_is_better() -> None:
    target, good, _ = case("binary", rows=600)
    poor = np.full((600, 2), 0.5)
    poor = Answer(probability=poor, decision=decide("binary", poor))
    assert scores("binary", target, {"network": good, "constant": poor})["outcome"] == "better"
    assert scores("binary", target, {"network": poor, "tree": good})["outcome"] == "worse"


def test_left_out_baselines_keep_their_reason() -> None:
    target, network = regression(1.0)
    document = scores("regression", target, {"network": network, "svm": Baseline(None, 0.0, "left out: too many")})
    assert document["systems"]["svm"] == {
        "scores": {},
        "difference": None,
        "seconds": 0.0,
        "note": "left out: too many",
    }
    assert document["outcome"] == "alone"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rows", [1, 2, 3])
def test_very_few_rows(kind: str, rows: int) -> None:
    target, answer, _ = case(kind, rows=rows)
    document = scores(kind, target, {"network": answer, "constant": answer}, resamples=30)
    json.dumps(document, allow_nan=False)
    assert document["outcome"] == "unclear"


def test_one_class_in_the_test_rows() -> None:
    probability = np.array([[0.3, 0.7], [0.6, 0.4], [0.2, 0.8]])
    answer = Answer(probability=probability, decision=decide("binary", probability))
    document = scores("binary", np.ones(3, dtype=int), {"network": answer}, names=["no", "yes"])
    assert document["systems"]["network"]["scores"]["roc_auc"] == {"value": None, "low": None, "high": None}
    assert "not defined" in document["verdict"]
    assert "roc" not in document["detail"]


def test_no_rows_is_an_error() -> None:
    with pytest.raises(DataError, match="no rows to judge on"):
        scores("regression", np.zeros(0), {"network": Answer(value=np.zeros(0))})


def test_confusion_and_per_class() -> None:
    target, decision = np.array([0, 0, 1, 1, 1]), np.array([0, 1, 1, 1, 0])
    found = scores("binary", target, {"network": Answer(decision=decision)}, names=["no", "yes"])
    assert found["headline"] == "accuracy"  # without probabilities there is nothing to rank
    assert found["detail"]["confusion"] == {"classes": ["no", "yes"], "counts": [[1, 1], [1, 2]]}
    assert found["detail"]["per_class"][1] == {
        "name": "yes",
        "rows": 3,
        "precision": pytest.approx(2 / 3),
        "recall": pytest.approx(2 / 3),
        "f1": pytest.approx(2 / 3),
    }


def test_detail_is_bounded() -> None:
    rows = 20_000
    generator = np.random.default_rng(0)
    target = generator.integers(0, 2, rows)
    probability = generator.random(rows)
    probability = np.column_stack([1 - probability, probability])
    answer = Answer(probability=probability, decision=decide("binary", probability))
    found = scores("binary", target, {"network": answer}, resamples=5)["detail"]
    for name in ("roc", "precision_recall"):
        assert len(found[name]) <= 200
    assert found["roc"][0] == [0, 0] and found["roc"][-1] == [1, 1]
    assert sum(one["rows"] for one in found["reliability"]) == rows
    many = generator.integers(0, 150, rows)
    found = scores("multiclass", many, {"network": Answer(decision=many)}, resamples=5)["detail"]
    assert len(found["confusion"]["classes"]) == 30 and found["confusion"]["classes"][-1] == "121 others"
    assert np.sum(found["confusion"]["counts"]) == rows
    assert len(found["per_class"]) == 100
    value = Answer(value=generator.normal(size=rows))
    found = scores("regression", generator.normal(size=rows), {"network": value}, resamples=5)["detail"]
    assert len(found["predicted"]) == 500
    assert sum(found["residuals"]["counts"]) == rows


@pytest.mark.parametrize("off", [0.0, 5.0, 1e9])
def test_errors_that_are_all_the_same(off: float) -> None:
    target = np.arange(30.0)
    found = scores("regression", target, {"network": Answer(value=target + off)}, resamples=5)["detail"]["residuals"]
    assert sum(found["counts"]) == 30 and max(found["counts"]) == 30


def test_figures() -> None:
    assert figure(0.99999) == "1.000"
    assert figure(-45438.4) == "-45,438"
    assert figure(float("nan")) == "not defined"
    assert together([1234.5, 2.25]) == ["1,234", "2"]
    assert together([None, 0.5]) == ["not defined", "0.5000"]
