"""Baselines: right on easy data, quiet on hard data, and every oddity said in the note."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.linear_model import LogisticRegression

from lamina.errors import SettingError
from lamina.evaluation import Matrix
from lamina.evaluation import baselines as module
from lamina.evaluation.baselines import BASELINES, baselines
from lamina.evaluation.scores import scores


def mixed(rows: int = 400, seed: int = 0) -> tuple[Matrix, np.ndarray]:
    """Numbers, a flag, a small and a large category; and a score that depends on all kinds."""
    generator = np.random.default_rng(seed)
    number = generator.normal(size=(rows, 2)).astype(np.float32)
    flag = generator.integers(0, 2, (rows, 1)).astype(np.uint8)
    category = np.column_stack([generator.integers(0, 4, rows), generator.integers(0, 400, rows)]).astype(np.int32)
    signal = 2 * number[:, 0] + flag[:, 0] + 1.5 * (category[:, 0] == 2) - 0.8
    return Matrix(number, flag, category, (4, 400)), signal


def split(matrix: Matrix, target: np.ndarray) -> tuple[Matrix, Matrix, np.ndarray, np.ndarray]:
    half = len(target) // 2
    return matrix[:half], matrix[half:], target[:half], target[half:]


def test_binary_on_every_kind_of_column() -> None:
    matrix, signal = mixed(800)
    train, test, known, asked = split(matrix, (signal > 0).astype(int))
    found = baselines("binary", train, test, known)
    assert list(found) == list(BASELINES)
    document = scores("binary", asked, {"network": found["linear"].answer} | found, resamples=50)
    areas = {name: system["scores"]["roc_auc"]["value"] for name, system in document["systems"].items()}
    assert areas["constant"] == 0.5
    assert areas["linear"] > 0.95 and areas["tree"] > 0.85 and areas["boosting"] > 0.93 and areas["svm"] > 0.9
    assert not any(baseline.note for baseline in found.values())
    for baseline in found.values():
        np.testing.assert_allclose(baseline.answer.probability.sum(axis=1), 1.0)


def test_real_tables() -> None:
    inputs, target = load_breast_cancer(return_X_y=True)
    rows = Matrix.of({"number": inputs.astype(np.float32)}, sizes=[], rows=len(inputs))
    train, test, known, asked = split(rows, target)
    found = baselines("binary", train, test, known)
    right = {name: (baseline.answer.decision == asked).mean() for name, baseline in found.items()}
    assert min(right["linear"], right["tree"], right["boosting"], right["svm"]) > 0.9 > right["constant"]
    inputs, target = load_diabetes(return_X_y=True)
    rows = Matrix.of({"number": inputs.astype(np.float32)}, sizes=[], rows=len(inputs))
    train, test, known, asked = split(rows, target)
    found = baselines("regression", train, test, known)
    error = {name: np.abs(baseline.answer.value - asked).mean() for name, baseline in found.items()}
    assert max(error["linear"], error["boosting"], error["svm"]) < 0.85 * error["constant"]


def test_several_labels_one_of_them_never_there() -> None:
    matrix, signal = mixed(300)
    target = np.column_stack([signal > 0, np.zeros(300), signal > 1]).astype(np.uint8)
    train, test, known, asked = split(matrix, target)
    found = baselines("multilabel", train, test, known)
    for baseline in found.values():
        assert baseline.answer.probability.shape == (150, 3)
        assert not baseline.answer.probability[:, 1].any()
    assert (found["linear"].answer.decision == asked).mean() > 0.9


def test_classes_that_training_lacks_get_probability_zero() -> None:
    matrix, signal = mixed(200)
    target = np.digitize(signal, [-1, 1])
    target[target == 1] = 3
    found = baselines("multiclass", matrix, matrix, target, which="linear,constant", classes=5)
    for baseline in found.values():
        assert baseline.answer.probability.shape == (200, 5)
        assert not baseline.answer.probability[:, [1, 4]].any()


def test_which() -> None:
    matrix, signal = mixed(40)
    assert baselines("regression", matrix, matrix, signal, which="none") == {}
    assert list(baselines("regression", matrix, matrix, signal, which=["tree", "constant"])) == ["constant", "tree"]
    with pytest.raises(SettingError, match="did you mean boosting"):
        baselines("regression", matrix, matrix, signal, which="bosting")


def test_same_seed_same_answers() -> None:
    matrix, signal = mixed(200)
    first = baselines("regression", matrix, matrix, signal, seed=5)
    again = baselines("regression", matrix, matrix, signal, seed=5)
    for name, baseline in first.items():
        np.testing.assert_array_equal(baseline.answer.value, again[name].answer.value)


def test_missing_numbers_and_unseen_codes() -> None:
    matrix, signal = mixed(300)
    train, test, known, _ = split(matrix, signal)
    train.number[::7, 0] = np.nan
    test.number[::5, 1] = np.nan
    train.category[:, 1] %= 200
    for name, baseline in baselines("regression", train, test, known).items():
        assert baseline.answer is not None, f"{name}: {baseline.note}"
        assert np.isfinite(baseline.answer.value).all()


def test_large_tables_are_sampled_or_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.Candidate, "most_rows", 100)
    monkeypatch.setattr(module.Svm, "most_rows", 150)
    matrix, signal = mixed(200)
    found = baselines("regression", matrix, matrix, signal)
    assert found["linear"].note == "fitted on 100 of 200 training rows, drawn at random"
    assert found["constant"].note == ""
    assert found["svm"].answer is None
    assert found["svm"].note == "left out: 200 training rows, and it takes at most 150"


def test_no_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PILOT_ROWS", 50)
    matrix, signal = mixed(200)
    found = baselines("regression", matrix, matrix, signal, seconds=0.0)
    assert found["constant"].answer is not None
    assert all("s were left" in baseline.note for name, baseline in found.items() if name != "constant")


def test_warnings_become_notes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.Linear, "estimator", lambda self, target: LogisticRegression(max_iter=1))
    matrix, signal = mixed(100)
    found = baselines("binary", matrix, matrix, (signal > 0).astype(int), which="linear")["linear"]
    assert found.answer is not None
    assert found.note.startswith("lbfgs failed to converge after 1 iteration")


def test_a_class_with_one_row_is_no_error() -> None:
    matrix, signal = mixed(60)
    target = (signal > 0).astype(int)
    target[0] = 2
    found = baselines("multiclass", matrix, matrix, target)
    assert found["svm"].answer is None and found["svm"].note.startswith("left out: ")
    assert all(found[name].answer is not None for name in ("constant", "linear", "tree", "boosting"))


def test_one_class_only_is_no_error() -> None:
    matrix, _ = mixed(60)
    found = baselines("binary", matrix, matrix, np.ones(60, dtype=int))
    assert found["constant"].answer.probability[0].tolist() == [0.0, 1.0]
    assert found["linear"].answer is None
