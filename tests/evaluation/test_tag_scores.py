"""Scores of words' labels: seqeval's and scikit-learn's figures, and what stands beside a network."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.metrics import f1_score

from lamina.evaluation.metrics import METRICS, measure
from lamina.evaluation.tags import constant, label_counts, span_counts, words, words_right
from lamina.features.answer import Answer
from lamina.features.tags import as_array, spans_of

TRUTH = [
    ["B-per", "I-per", "O", "B-loc"],
    ["O", "B-loc", "I-loc", "O"],
    ["I-per", "O"],
    ["O", "B-per", "I-loc", "I-per"],
]
SAID = [
    ["B-per", "I-per", "O", "B-per"],
    ["O", "B-loc", "O", "O"],
    ["B-per", "O"],
    ["O", "B-per", "I-per", "I-per"],
]
# Of seqeval 1.2.2: precision_score, recall_score, f1_score and accuracy_score of all rows, then of rows 1, 1, 2 and 4.
GOLDEN = [
    [0.4, 0.2857142857142857, 0.3333333333333333, 0.7142857142857143],
    [0.3333333333333333, 0.25, 0.2857142857142857, 0.75],
]


def metrics(truth: Any, said: Any, weights: Any = None) -> dict[str, float]:
    answer = Answer(labels=as_array(said), spans=as_array([spans_of(row) for row in said]))
    chosen = METRICS["tag"]
    weights = np.ones((1, len(truth))) if weights is None else np.array([weights], float)
    found = measure(chosen, as_array(truth), answer)(weights)[0]
    return {metric.name: value for metric, value in zip(chosen, found.tolist(), strict=True)}


def test_golden_numbers_of_seqeval() -> None:
    for golden, weights in zip(GOLDEN, ([1, 1, 1, 1], [2, 1, 0, 1]), strict=True):
        found = metrics(TRUTH, SAID, weights)
        names = ("span_precision", "span_recall", "span_f1", "accuracy")
        assert [found[name] for name in names] == pytest.approx(golden, abs=1e-12)


def test_f1_of_labels_is_that_of_scikit_learn_and_rows_are_right_as_a_whole() -> None:
    found = metrics(TRUTH, SAID)
    flat = [[label for row in side for label in row] for side in (TRUTH, SAID)]
    assert found["f1_macro"] == pytest.approx(f1_score(*flat, average="macro"), abs=1e-12)
    assert found["exact"] == 0
    assert metrics(TRUTH, [TRUTH[0], *SAID[1:]])["exact"] == 0.25


def test_a_draw_of_rows_is_the_same_as_those_rows() -> None:
    drawn = [0, 2, 2, 1]
    again = metrics([TRUTH[row] for row in drawn], [SAID[row] for row in drawn])
    assert metrics(TRUTH, SAID, [1, 1, 2, 0]) == pytest.approx(again)


def test_nothing_to_divide_by_is_no_number() -> None:
    found = metrics([["O"], []], [["O"], []])
    assert np.isnan([found["span_precision"], found["span_recall"], found["span_f1"]]).all()
    assert found["accuracy"] == found["exact"] == 1
    for count in (span_counts, words_right, label_counts):
        assert count([], []).shape[0] == 0


def test_spans_are_scored_where_labels_make_some() -> None:
    plain = Answer(labels=as_array([["DET", "NOUN"]]))
    assert [metric.name for metric in METRICS["tag"] if metric.fits(plain)] == ["accuracy", "f1_macro", "exact"]


def test_what_stands_beside_a_network() -> None:
    taught = [([(1,), (2, 3)], [1, 2]), ([(2, 3), (1,), (1,)], [2, 1, 3]), ([(4,)], [3])]
    judged = [[(2, 3), (9,)], [], [(4,), (1,)]]
    assert words(taught, judged) == [[2, 1], [], [3, 1]]
    assert constant(taught, judged) == [[1, 1], [], [1, 1]]
