"""Every task keeps the contract; a new row of the table joins by being there. Then the losses against closed forms."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from polars.testing import assert_frame_equal
from scipy import stats
from sklearn.metrics import log_loss, mean_pinball_loss

import lamina
from lamina.config import check
from lamina.errors import SettingError
from lamina.features.base import Feature
from lamina.tasks import TASKS, task_name_of
from lamina.tasks.base import Task
from lamina.tasks.weights import class_weights
from lamina.testing import TASK_CHECKS, sample_targets

ANSWERING = [name for name in TASKS if TASKS[name].gives == "row"]  # those that write have a suite of their own
QUICK = {"baselines": "none", "train__tensorboard": False, "evaluate__resamples": 10, "model": "mlp", "model__width": 8}


def targets_of(name: str) -> list[tuple[Feature, pl.Series]]:
    return [(feature, cells) for feature, cells in sample_targets() if task_name_of(feature) == name]


def task_of(name: str, place: int = 0, **values: object) -> Task:
    feature, _ = targets_of(name)[place]
    made: Task = TASKS[name](feature, check(TASKS[name].Settings, values))
    return made


@pytest.mark.parametrize("check", TASK_CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", ANSWERING)
def test_contract(name: str, check: Callable[..., None]) -> None:
    check(TASKS[name], targets_of(name))


@pytest.mark.parametrize("name", ANSWERING)
def test_trained_saved_loaded(name: str, tmp_path: Path) -> None:
    """A run of each kind of target answers the same when it is loaded again, for one row and for many."""
    for place, (_, cells) in enumerate(targets_of(name)):
        inputs = {"a": np.arange(40) % 7 / 3, "b": ["x", "y", "z", "x", "u"] * 8}
        frame = pl.DataFrame(inputs).with_columns(cells.alias("y"))
        run = lamina.train(frame, "y", budget="4steps", out=tmp_path / str(place), **QUICK)
        saved = json.loads((run.path / "tasks.json").read_text())
        assert [task["name"] for task in saved] == [name]
        predicted = run.predict(frame.drop("y"))
        again = lamina.load(run.path)
        assert again.predict(frame.drop("y")).equals(predicted)
        assert_frame_equal(again.predict(frame[7:8].drop("y")), predicted[7:8], rel_tol=1e-5)
        assert predicted.columns[0] == "y" and len(predicted) == 40
        if name != "regression":
            assert predicted["y"].dtype == cells.dtype


# --- losses against closed forms ----------------------------------------------------------------------------------


def test_cross_entropy_is_sklearns() -> None:
    draw = np.random.default_rng(0)
    raw, target = torch.from_numpy(draw.normal(size=(50, 1, 1))), torch.from_numpy(draw.integers(0, 2, 50))
    task = task_of("binary")
    expected = log_loss(target.numpy(), torch.sigmoid(raw)[:, 0, 0].numpy())
    assert task.loss(raw, target).item() == pytest.approx(expected)
    assert task.judge(task.activate(raw), target).mean().item() == pytest.approx(expected, rel=1e-5)

    task = task_of("multiclass")
    raw, target = torch.from_numpy(draw.normal(size=(50, 1, 3))), torch.from_numpy(draw.integers(0, 3, 50))
    expected = log_loss(target.numpy(), torch.softmax(raw, -1)[:, 0].numpy(), labels=[0, 1, 2])
    assert task.loss(raw, target).item() == pytest.approx(expected)
    assert task.judge(task.activate(raw), target).mean().item() == pytest.approx(expected, rel=1e-5)

    task = task_of("multilabel")
    raw, target = torch.from_numpy(draw.normal(size=(50, 1, 3))), torch.from_numpy(draw.integers(0, 2, (50, 3)))
    shares = torch.sigmoid(raw)[:, 0].numpy()
    expected = np.mean([log_loss(target[:, k].numpy(), shares[:, k]) for k in range(3)])
    assert task.loss(raw, target).item() == pytest.approx(expected)
    assert task.judge(task.activate(raw), target).mean().item() == pytest.approx(expected, rel=1e-5)


def test_weights_multiply_a_rows_loss() -> None:
    target = torch.tensor([0, 1, 2, 0])
    raw = torch.randn(4, 1, 3, generator=torch.Generator().manual_seed(0))
    plain = task_of("multiclass")
    weighted = task_of("multiclass", class_weights="balanced")
    rows = torch.stack([plain.loss(raw[k : k + 1], target[k : k + 1]) for k in range(4)])
    counts = torch.tensor(weighted.feature.state.counts, dtype=torch.float32)
    weights = (counts.sum() / (3 * counts))[target]
    assert torch.isclose(weighted.loss(raw, target), (weights * rows).mean())


def test_label_smoothing_spreads_the_target() -> None:
    task = task_of("multiclass", label_smoothing=0.3)
    raw = torch.randn(5, 1, 3, generator=torch.Generator().manual_seed(0))
    target = torch.tensor([0, 1, 2, 0, 1])
    shares = torch.full((5, 3), 0.1)
    shares[torch.arange(5), target] += 0.7
    expected = -(shares * torch.log_softmax(raw[:, 0], -1)).sum(1).mean()
    assert torch.isclose(task.loss(raw, target), expected)


def test_regression_losses_are_their_formulas() -> None:
    draw = np.random.default_rng(0)
    raw, target = draw.normal(size=(60, 1, 1)), draw.normal(size=60) * 2
    error = raw[:, 0, 0] - target

    def losses(task: Task, raw: np.ndarray) -> tuple[float, float]:
        tensors = torch.from_numpy(raw), torch.from_numpy(target)
        return task.loss(*tensors).item(), task.judge(task.activate(tensors[0]).double(), tensors[1]).mean().item()

    for loss, expected in (
        ("squared", (error**2).mean()),
        ("absolute", np.abs(error).mean()),
        ("huber", np.where(np.abs(error) < 0.7, error**2 / 2, 0.7 * (np.abs(error) - 0.35)).mean()),
    ):
        found = losses(task_of("regression", loss=loss, huber_delta=0.7), raw)
        assert found == pytest.approx((expected, expected), rel=1e-5), loss

    raw = draw.normal(size=(60, 1, 2))
    deviation = np.sqrt(np.log1p(np.exp(raw[:, 0, 1])) + 1e-4)
    expected = -stats.norm.logpdf(target, raw[:, 0, 0], deviation).mean() - 0.5 * math.log(2 * math.pi)
    assert losses(task_of("regression", loss="gaussian"), raw) == pytest.approx((expected, expected), rel=1e-5)

    shares = [0.1, 0.5, 0.8]
    raw = np.sort(draw.normal(size=(60, 1, 3)))
    expected = np.mean([mean_pinball_loss(target, raw[:, 0, k], alpha=share) for k, share in enumerate(shares)])
    task = task_of("regression", loss="quantiles", quantiles=[0.8, 0.1, 0.5, 0.5])
    assert task.width == 3
    assert losses(task, raw) == pytest.approx((expected, expected), rel=1e-5)


def test_a_gaussian_mixture_has_the_variance_of_its_parts() -> None:
    task = task_of("regression", loss="gaussian")
    raw = torch.randn(1, 5, 2, generator=torch.Generator().manual_seed(0))
    mean, variance = raw[0, :, 0].double(), torch.nn.functional.softplus(raw[0, :, 1].double()) + 1e-4
    draws = mean + variance.sqrt() * torch.randn(200_000, 5, generator=torch.Generator().manual_seed(1)).double()
    found = task.activate(raw)[0]
    assert found[0] == pytest.approx(draws.mean().item(), abs=0.01)
    assert found[1] == pytest.approx(draws.std().item(), rel=0.01)


def test_quantiles_never_cross() -> None:
    task = task_of("regression", loss="quantiles")
    answer = task.answer(task.activate(torch.randn(50, 4, 5)).numpy())
    assert answer.quantiles is not None
    stacked = np.stack(list(answer.quantiles.values()), 1)
    assert list(answer.quantiles) == [0.05, 0.25, 0.5, 0.75, 0.95]
    assert (np.diff(stacked, axis=1) >= 0).all()
    assert (answer.value == np.clip(stacked[:, 2], task.feature.state.low, task.feature.state.high)).all()


@pytest.mark.parametrize("rows", [1, 9, 10, 99, 100, 1000])
def test_the_margin_is_the_split_conformal_one(rows: int) -> None:
    """The ceil(0.9 (n + 1))-th smallest error of n validation rows, the largest where there are too few."""
    task = task_of("regression", clip=False)
    predicted = np.random.default_rng(rows).normal(size=(rows, 1)).astype(np.float32)
    target = np.zeros(rows, np.float32)
    task.calibrate(predicted, target)
    answer = task.answer(predicted)
    assert answer.value is not None and answer.upper is not None
    errors = np.sort(np.abs(answer.value - task.truth(target)))
    assert task.state["margin"] == pytest.approx(errors[min(rows, math.ceil(0.9 * (rows + 1))) - 1])
    assert (answer.upper - answer.value) == pytest.approx(task.state["margin"])


def test_predictions_stay_within_the_training_range_unless_asked() -> None:
    predicted = np.array([[-50.0], [0.0], [50.0]], np.float32)
    kept, free = (task_of("regression", clip=clip) for clip in (True, False))
    state = kept.feature.state
    assert kept.answer(predicted).value.tolist() == pytest.approx([state.low, state.mean, state.high])
    assert free.answer(predicted).value.tolist() == pytest.approx(
        [state.mean + place * state.width for place in (-50, 0, 50)]
    )


# --- imbalance ----------------------------------------------------------------------------------------------------


def test_class_weights() -> None:
    names, counts = ["a", "b", "c"], [60, 30, 10]
    assert class_weights("none", names, counts) is None
    balanced = class_weights("balanced", names, counts)
    assert balanced is not None
    assert balanced.tolist() == pytest.approx([100 / 180, 100 / 90, 100 / 30])
    named = class_weights({"c": 6.0}, names, counts)
    assert named is not None
    assert (named[2] / named[0]).item() == pytest.approx(6)
    for weights in (balanced, named):
        assert (weights * torch.tensor(counts)).sum().item() == pytest.approx(100), "the mean over the rows is 1"
    assert class_weights("balanced", names, [5, 5, 0]) is not None
    with pytest.raises(SettingError, match="names no class · got cc · allowed: a, b, c"):
        class_weights({"cc": 1.0}, names, counts)
    with pytest.raises(SettingError, match="must be positive · got 0"):
        class_weights({"c": 0.0}, names, counts)


def test_weights_move_probabilities_as_they_should() -> None:
    """The best constant under balanced weights is one half, whatever the counts."""
    task = task_of("binary", class_weights="balanced")
    cells = targets_of("binary")[0][1]
    target = cells.cast(pl.Int64).to_torch()
    logit = torch.zeros((), requires_grad=True)
    task.loss(logit.expand(len(target), 1, 1), target).backward()
    assert logit.grad is not None and abs(logit.grad.item()) < 1e-6


def test_a_threshold_that_is_set_decides() -> None:
    task = task_of("binary", threshold=0.3)
    predicted = np.array([[0.2], [0.3], [0.31], [0.9]])
    task.calibrate(predicted, np.array([0, 1, 0, 1]))
    assert task.answer(predicted).decision.tolist() == [0, 1, 1, 1]
    labels = task_of("multilabel", threshold=0.3)
    labels.calibrate(predicted.repeat(3, 1), np.eye(4, 3, dtype=np.uint8))
    assert labels.answer(predicted.repeat(3, 1)).decision[:, 1].tolist() == [0, 1, 1, 1]


def test_imbalance_is_noticed_and_said() -> None:
    draw = np.random.default_rng(0)
    target = (draw.random(2000) < 0.08).astype(np.int64)
    predicted = np.clip(draw.normal(0.1 + 0.2 * target, 0.08), 0, 1)[:, None]
    task = task_of("binary")
    task.calibrate(predicted, target)
    assert 0.15 < task.state["threshold"] < 0.4
    assert len(task.notes) == 1 and "rarer class" in task.notes[0]
    decided = task.answer(predicted).decision
    assert decided[target == 1].mean() > 0.5


def test_a_target_names_its_task() -> None:
    assert {task_name_of(feature) for feature, _ in sample_targets()} == set(ANSWERING)
