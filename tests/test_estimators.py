"""scikit-learn's own contract of an estimator, and what is ours beyond it."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.model_selection import cross_val_score
from sklearn.utils.estimator_checks import parametrize_with_checks

from lamina.estimators import LaminaClassifier, LaminaRegressor


@parametrize_with_checks([LaminaClassifier(model="mlp"), LaminaRegressor(model="mlp")])
@pytest.mark.filterwarnings("ignore::UserWarning:sklearn")
def test_scikit_learns_contract(estimator: Any, check: Any) -> None:
    check(estimator)


@pytest.mark.slow
@parametrize_with_checks([LaminaClassifier(), LaminaRegressor()])
@pytest.mark.filterwarnings("ignore::UserWarning:sklearn")
def test_scikit_learns_contract_as_they_come(estimator: Any, check: Any) -> None:
    check(estimator)


def test_it_stands_in_a_cross_validation() -> None:
    rows, classes = load_iris(return_X_y=True)
    scores = cross_val_score(LaminaClassifier(model="mlp", budget="40epochs"), rows, classes, cv=3)
    assert scores.mean() > 0.9


def test_a_copy_answers_alike() -> None:
    rows = np.random.default_rng(0).normal(size=(60, 2))
    fitted = LaminaRegressor(model="linear", budget="5epochs", random_state=3).fit(rows, rows[:, 0])
    assert (copy.deepcopy(fitted).predict(rows) == fitted.predict(rows)).all()
    assert fitted.run_.plan.model_name == "linear"
