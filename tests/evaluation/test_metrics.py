"""Every metric equals scikit-learn's, with weights, to 1e-9."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from lamina.evaluation import KINDS, METRICS, Answer
from lamina.evaluation.baselines import decide
from lamina.evaluation.metrics import measure, metrics_for

ROWS = 300
WORDED = ("write", "transcribe", "point", "extract")  # each answer is a text
SUMMED = ("continue", "compose", "chat")  # the network's own probability is judged
LABELS = ["O", "B-time", "I-time", "B-place"]


def case(kind: str, seed: int = 0, rows: int = ROWS, ties: bool = True) -> tuple[np.ndarray, Answer, np.ndarray]:
    """A target, an answer that is right more often than not, and weights, some of them zero."""
    generator = np.random.default_rng(seed)
    weights = generator.integers(0, 4, rows).astype(float)
    if kind == "regression":
        target = generator.normal(50, 10, rows)
        value = target + generator.normal(0, 3, rows)
        quantiles = {share: value + shift for share, shift in [(0.1, -4.0), (0.5, 0.0), (0.9, 4.0)]}
        return target, Answer(value=value, quantiles=quantiles, lower=value - 4, upper=value + 4), weights
    if kind in SUMMED:
        sums = generator.uniform(0.5, 9, (rows, 8))
        return np.arange(rows), Answer(sums=sums), weights
    if kind == "tag":
        target, said = np.empty(rows, object), np.empty(rows, object)
        target[:] = [generator.choice(LABELS, 6).tolist() for _ in range(rows)]
        said[:] = [[one if generator.random() < 0.8 else "O" for one in row] for row in target]
        return target, Answer(labels=said, spans=said), weights
    if kind in WORDED:
        words = generator.choice(["a", "cat", "dog", "sat", "on", "mat", "."], (rows, 8)).astype(object)
        said = np.where(generator.random((rows, 8)) < 0.8, words, "so")
        target, said = (np.array([" ".join(row) for row in part], object) for part in (words, said))
        return target, Answer(text=said), weights
    if kind == "multilabel":
        target = (generator.random((rows, 4)) < [0.5, 0.3, 0.2, 0.4]).astype(np.uint8)
        probability = np.clip(0.5 * target + 0.6 * generator.random((rows, 4)), 0, 1)
    else:
        size = 2 if kind == "binary" else 4
        target = generator.integers(0, size, rows)
        logits = generator.normal(0, 1, (rows, size)) + 1.2 * (target[:, None] == np.arange(size))
        probability = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        if ties:
            probability = np.round(probability * 20 + 0.5)
            probability /= probability.sum(axis=1, keepdims=True)
    return target, Answer(probability=probability, decision=decide(kind, probability)), weights


def pinball(y: np.ndarray, a: Answer, w: np.ndarray) -> float:
    return float(np.mean([sk.mean_pinball_loss(y, q, alpha=s, sample_weight=w) for s, q in a.quantiles.items()]))


def coverage(y: np.ndarray, a: Answer, w: np.ndarray) -> float:
    return float(np.average((a.lower <= y) & (y <= a.upper), weights=w))


def one_vs_rest(y: np.ndarray, a: Answer, w: np.ndarray) -> float:
    return sk.roc_auc_score(y, a.probability, multi_class="ovr", average="macro", sample_weight=w)


REFERENCES = {
    ("binary", "roc_auc"): lambda y, a, w: sk.roc_auc_score(y, a.probability[:, 1], sample_weight=w),
    ("binary", "accuracy"): lambda y, a, w: sk.accuracy_score(y, a.decision, sample_weight=w),
    ("binary", "balanced_accuracy"): lambda y, a, w: sk.balanced_accuracy_score(y, a.decision, sample_weight=w),
    ("binary", "average_precision"): lambda y, a, w: sk.average_precision_score(
        y, a.probability[:, 1], sample_weight=w
    ),
    ("binary", "log_loss"): lambda y, a, w: sk.log_loss(y, a.probability, sample_weight=w),
    ("binary", "f1"): lambda y, a, w: sk.f1_score(y, a.decision, sample_weight=w),
    ("binary", "mcc"): lambda y, a, w: sk.matthews_corrcoef(y, a.decision, sample_weight=w),
    ("multiclass", "roc_auc"): one_vs_rest,
    ("multiclass", "accuracy"): lambda y, a, w: sk.accuracy_score(y, a.decision, sample_weight=w),
    ("multiclass", "balanced_accuracy"): lambda y, a, w: sk.balanced_accuracy_score(y, a.decision, sample_weight=w),
    ("multiclass", "log_loss"): lambda y, a, w: sk.log_loss(y, a.probability, sample_weight=w),
    ("multiclass", "f1"): lambda y, a, w: sk.f1_score(y, a.decision, sample_weight=w, average="macro"),
    ("multiclass", "mcc"): lambda y, a, w: sk.matthews_corrcoef(y, a.decision, sample_weight=w),
    ("multilabel", "f1_micro"): lambda y, a, w: sk.f1_score(y, a.decision, sample_weight=w, average="micro"),
    ("multilabel", "f1_macro"): lambda y, a, w: sk.f1_score(y, a.decision, sample_weight=w, average="macro"),
    ("multilabel", "average_precision"): lambda y, a, w: sk.average_precision_score(y, a.probability, sample_weight=w),
    ("multilabel", "subset_accuracy"): lambda y, a, w: sk.accuracy_score(y, a.decision, sample_weight=w),
    ("multilabel", "hamming_loss"): lambda y, a, w: sk.hamming_loss(y, a.decision, sample_weight=w),
    ("regression", "rmse"): lambda y, a, w: sk.root_mean_squared_error(y, a.value, sample_weight=w),
    ("regression", "mae"): lambda y, a, w: sk.mean_absolute_error(y, a.value, sample_weight=w),
    ("regression", "r2"): lambda y, a, w: sk.r2_score(y, a.value, sample_weight=w),
    ("regression", "median_absolute_error"): lambda y, a, w: sk.median_absolute_error(y, a.value, sample_weight=w),
    ("regression", "pinball"): pinball,
    ("regression", "coverage"): coverage,
}


def test_every_metric_has_a_reference() -> None:
    """Those of texts and labels of words are compared with theirs in evaluation/text and test_tag_scores.py."""
    kinds = [kind for kind in KINDS if kind not in (*WORDED, *SUMMED, "tag")]
    assert {(kind, metric.name) for kind in kinds for metric in METRICS[kind]} == set(REFERENCES)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("kind, name", list(REFERENCES))
def test_equals_scikit_learn(kind: str, name: str, weighted: bool) -> None:
    target, answer, weights = case(kind)
    weights = weights if weighted else np.ones(len(target))
    metric = next(metric for metric in METRICS[kind] if metric.name == name)
    assert metric(target, answer, weights) == pytest.approx(REFERENCES[kind, name](target, answer, weights), abs=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_many_replicates_equal_one_at_a_time(kind: str) -> None:
    target, answer, _ = case(kind, rows=60)
    metrics = metrics_for(kind, answer)
    function = measure(metrics, target, answer)
    weights = np.random.default_rng(1).integers(0, 3, (5, 60)).astype(float)
    together = function(weights)
    assert together.shape == (5, len(metrics))
    for row in range(5):
        np.testing.assert_allclose(together[row], function(weights[row : row + 1])[0], rtol=1e-12)


@settings(derandomize=True, deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5), st.integers(1, 3)), min_size=2, max_size=30))
def test_ranks_with_many_ties(rows: list[tuple[bool, int, int]]) -> None:
    """Weights mean the same as rows repeated."""
    target, score, weight = (np.array(column) for column in zip(*rows, strict=True))
    target = target.astype(int)
    if len(set(target.tolist())) < 2:
        return
    probability = np.column_stack([1 - score / 5, score / 5])
    answer = Answer(probability=probability, decision=decide("binary", probability))
    again = np.repeat(np.arange(len(target)), weight)
    for metric in METRICS["binary"]:
        weighted = metric(target, answer, weight.astype(float))
        repeated = REFERENCES["binary", metric.name](target[again], _take(answer, again), np.ones(len(again)))
        assert weighted == pytest.approx(repeated, abs=1e-9), metric.name


def _take(answer: Answer, rows: np.ndarray) -> Answer:
    return Answer(probability=answer.probability[rows], decision=answer.decision[rows])


def test_undefined_is_nan_not_a_number_made_up() -> None:
    probability = np.array([[0.2, 0.8], [0.6, 0.4]])
    answer = Answer(probability=probability, decision=decide("binary", probability))
    found = {metric.name: metric(np.array([1, 1]), answer) for metric in METRICS["binary"]}
    assert np.isnan(found["roc_auc"])
    assert found["accuracy"] == 0.5
    assert found["mcc"] == 0.0  # as scikit-learn has it
    flat = Answer(value=np.array([1.0, 2.0]))
    r2 = next(metric for metric in METRICS["regression"] if metric.name == "r2")
    assert np.isnan(r2(np.array([3.0, 3.0]), flat))


def test_a_class_that_no_row_has_is_left_out_of_macro_averages() -> None:
    target, answer, _ = case("multiclass")
    keep = target != 3
    few = _take(answer, keep)
    area = next(metric for metric in METRICS["multiclass"] if metric.name == "roc_auc")
    parts = [sk.roc_auc_score(target[keep] == code, few.probability[:, code]) for code in range(3)]
    assert area(target[keep], few) == pytest.approx(np.mean(parts), abs=1e-9)


def test_a_certain_mistake_stays_finite() -> None:
    answer = Answer(probability=np.array([[1.0, 0.0]]), decision=np.array([0]))
    log_loss = next(metric for metric in METRICS["binary"] if metric.name == "log_loss")
    assert log_loss(np.array([1]), answer) == pytest.approx(36.04, abs=0.01)


def test_r2_of_large_values_does_not_cancel() -> None:
    target = 1e9 + np.arange(10.0)
    r2 = next(metric for metric in METRICS["regression"] if metric.name == "r2")
    assert r2(target, Answer(value=target + 0.5)) == pytest.approx(sk.r2_score(target, target + 0.5), abs=1e-9)
