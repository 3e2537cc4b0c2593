"""Decision thresholds: chosen on validation rows, and explained."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, f1_score

from lamina.errors import SettingError
from lamina.evaluation.baselines import decide
from lamina.tasks.threshold import choose


def rows(share: float, count: int = 500) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    target = (generator.random(count) < share).astype(int)
    return target, np.clip(share + 0.25 * (target - share) + 0.1 * generator.normal(size=count), 0.001, 0.999)


def by_hand(target: np.ndarray, probability: np.ndarray, score) -> float:
    """The best score of any threshold."""
    cuts = [0.0, *np.unique(probability), 1.0]
    return max(score(target, (probability >= cut).astype(int)) for cut in cuts)


def test_auto_leaves_balanced_classes_alone() -> None:
    value, sentence = choose(*rows(0.4))
    assert value == 0.5
    assert "of the validation rows, enough" in sentence


@pytest.mark.parametrize("rule", ["auto", "f1"])
def test_best_f1_of_a_rare_class(rule: str) -> None:
    target, probability = rows(0.08)
    value, sentence = choose(target, probability, rule)
    assert f1_score(target, probability >= value) == pytest.approx(by_hand(target, probability, f1_score))
    assert "F1 is best on the validation rows" in sentence
    assert value < 0.5


def test_auto_serves_the_rarer_class_whichever_it_is() -> None:
    target, probability = rows(0.08)
    other, _ = choose(1 - target, 1 - probability, "auto")
    assert f1_score(target, 1 - probability < other) == pytest.approx(by_hand(target, probability, f1_score))


def test_balanced() -> None:
    target, probability = rows(0.1)
    value, _ = choose(target, probability, "balanced")
    best = by_hand(target, probability, balanced_accuracy_score)
    assert balanced_accuracy_score(target, probability >= value) == pytest.approx(best)


def test_ties_go_to_one_half() -> None:
    target = np.repeat([0, 1], [90, 10])
    assert choose(target, np.where(target == 1, 0.9, 0.1), "f1").value == 0.5
    assert choose(target, np.where(target == 1, 0.3, 0.1), "f1").value == pytest.approx(0.2)


def test_too_few_rows_to_learn_from() -> None:
    target = np.repeat([0, 1], [95, 5])
    value, sentence = choose(target, np.linspace(0, 1, 100))
    assert value == 0.5 and "5 validation rows" in sentence
    assert choose(np.zeros(20, dtype=int), np.linspace(0, 1, 20)).value == 0.5
    assert choose(np.zeros(0, dtype=int), np.zeros(0)).value == 0.5


def test_a_number_is_taken_as_it_is() -> None:
    assert choose(*rows(0.1), 0.25) == (0.25, "The decision threshold is 0.25, as set.")


@pytest.mark.parametrize("rule", ["F2", 1.5, None, True])
def test_other_rules_are_refused(rule: object) -> None:
    with pytest.raises(SettingError, match="allowed: auto, f1, balanced"):
        choose(*rows(0.1), rule)


def test_decide() -> None:
    probability = np.array([[0.2, 0.8], [0.5, 0.5]])
    assert decide("binary", probability).tolist() == [1, 1]
    assert decide("multiclass", probability).tolist() == [1, 0]
    assert decide("multilabel", probability).tolist() == [[0, 1], [1, 1]]
