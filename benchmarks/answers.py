"""What a way of learning answers for test rows, how good that is, and by how much it is better than another's answers.

scikit-learn judges, on every test row. A difference has a 95% interval by the paired bootstrap: test rows are drawn
with replacement, the same for both.
"""

from __future__ import annotations

import dataclasses
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from sklearn.metrics import accuracy_score, f1_score, roc_auc_score

import lamina

__all__ = ["METRICS", "Answers", "ask_lamina", "gains", "mean_gain", "score"]

DRAWS = 2000  # of the bootstrap
SEED = 0


@dataclasses.dataclass(frozen=True)
class Answers:
    """For n test rows.

    Attributes:
        said: (n,) of words.
        chance: (n,), probability of the last of two classes, by their names; None where there are more.
        seconds: that learning took.
        document: what is good to know of it, for the measured row.
    """

    said: np.ndarray
    chance: np.ndarray | None
    seconds: float
    document: dict[str, Any] = dataclasses.field(default_factory=dict)

    def take(self, rows: np.ndarray) -> Answers:
        """Those of some rows."""
        chance = None if self.chance is None else self.chance[rows]
        return dataclasses.replace(self, said=self.said[rows], chance=chance)


def ask_lamina(
    learn: pl.DataFrame, judge: pl.DataFrame, target: str, budget: str, /, *, seed: int = SEED, **settings: Any
) -> Answers:
    """Train by ``lamina.train`` alone, and predict the test rows.

    Args:
        learn: the training rows.
        judge: the test rows; the target is not looked at.
        target: a column of classes.
        budget: of the training.
        seed: of the training.
        settings: what else a user would say.
    """
    features = {target: "category", **settings.pop("features", {})}
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        run = lamina.train(
            learn, target, features=features, budget=budget, seed=seed, split__test=0.0, baselines="none",
            progress=True, out=Path(folder) / "run", **settings,
        )  # fmt: skip
        seconds = time.perf_counter() - start
        frame = run.predict(judge.drop(target))
        training = json.loads((run.path / "run.json").read_text())["training"]
    chances = [name for name in frame.columns if name.startswith(f"{target}_probability_")]
    return Answers(
        frame[target].cast(pl.String).to_numpy(),
        frame[max(chances)].to_numpy() if len(chances) == 2 else None,
        seconds,
        {"networks": len(training["networks"]), "parameters": training["parameters"]},
    )


def _auc(truth: np.ndarray, answers: Answers) -> float:
    return float(roc_auc_score(truth == truth.max(), answers.chance))


METRICS: dict[str, Callable[[np.ndarray, Answers], float]] = {
    "accuracy": lambda truth, answers: float(accuracy_score(truth, answers.said)),
    "macro_f1": lambda truth, answers: float(f1_score(truth, answers.said, average="macro")),
    "auc": _auc,
}


def score(metrics: Sequence[str], truth: np.ndarray, answers: Answers) -> dict[str, float]:
    """The figures of some answers."""
    return {name: METRICS[name](truth, answers) for name in metrics}


def gains(metrics: Sequence[str], truth: np.ndarray, ours: Answers, theirs: Answers) -> dict[str, float]:
    """By how much our figures are higher than theirs: of each ``NAME_gain``, ``NAME_gain_low`` and ``NAME_gain_high``.

    Args:
        metrics: of :data:`METRICS`.
        truth: (n,) of words.
        ours, theirs: for the same rows.
    """
    generator = np.random.default_rng(SEED)
    drawn = [generator.integers(0, len(truth), len(truth)) for _ in range(DRAWS)]
    drawn = [rows for rows in drawn if len(np.unique(truth[rows])) == len(np.unique(truth))]
    found: dict[str, float] = {}
    for name in metrics:
        judge = METRICS[name]
        differences = [
            judge(truth[rows], ours.take(rows)) - judge(truth[rows], theirs.take(rows)) for rows in drawn
        ]  # fmt: skip
        found |= _with_interval(f"{name}_gain", judge(truth, ours) - judge(truth, theirs), differences)
    return found


def mean_gain(ours: np.ndarray, theirs: np.ndarray, name: str = "accuracy_gain") -> dict[str, float]:
    """The mean gain of several trainings, each beside its own other; both trainings and test rows are drawn.

    Args:
        ours, theirs: (trainings, n), whether each answer is right.
        name: of the figure.
    """
    generator = np.random.default_rng(SEED)
    better = ours.astype(np.float64) - theirs  # (trainings, n)
    trainings, rows = better.shape
    differences = [
        better[generator.integers(0, trainings, trainings)][:, generator.integers(0, rows, rows)].mean()
        for _ in range(DRAWS)
    ]  # fmt: skip
    return _with_interval(name, float(better.mean()), differences)


def _with_interval(name: str, value: float, differences: Sequence[float]) -> dict[str, float]:
    low, high = np.quantile(differences, [0.025, 0.975])
    return {name: value, f"{name}_low": float(low), f"{name}_high": float(high)}
