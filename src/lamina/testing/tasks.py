"""The contract of a task."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import polars as pl
import torch
from torch import Tensor, nn

from lamina.config import as_dict, check
from lamina.features.base import Feature
from lamina.features.boolean import Boolean
from lamina.features.category import Category
from lamina.features.labels import Labels
from lamina.features.number import Number
from lamina.tasks import task_name_of
from lamina.tasks.base import RowTask
from lamina.testing.common import check_bounds, choices

__all__ = [
    "TASK_CHECKS",
    "answers_in_columns",
    "averages_its_members",
    "check_task",
    "has_the_right_gradient",
    "keeps_its_state_as_json",
    "learns_a_small_batch",
    "loses_in_numbers",
    "refuses_options",
    "sample_targets",
]

Targets = Sequence[tuple[Feature, pl.Series]]


def check_task(cls: type[RowTask], targets: Targets | None = None) -> None:
    """Run every check of :data:`TASK_CHECKS` over a task class.

    Args:
        cls: the class.
        targets: (fitted feature, cells as it reads them), 40 or so; those of :func:`sample_targets` that are its own
            if None.

    Raises:
        AssertionError: on the first part of the contract that does not hold.

    Example:
        >>> from lamina.tasks.binary import Binary
        >>> check_task(Binary)
    """
    if targets is None:
        targets = [pair for pair in sample_targets() if task_name_of(pair[0]) == cls.name]
    assert targets, f"no sample target is for the task {cls.name}; give targets of your own"
    for one in TASK_CHECKS:
        one(cls, targets)


def sample_targets(rows: int = 40) -> list[tuple[Feature, pl.Series]]:
    """Fitted targets of every kind that can be predicted, each with its cells."""
    draw = np.random.default_rng(0)
    names = draw.choice(["ash", "beech", "cedar"], rows, p=[0.5, 0.3, 0.2])
    sets = [[name for name in ("a", "b", "c") if draw.random() < 0.4] for _ in range(rows)]
    raw: list[tuple[type[Feature], Any]] = [
        (Boolean, draw.random(rows) < 0.4),
        (Boolean, np.where(draw.random(rows) < 0.4, "yes", "no").tolist()),
        (Category, np.where(draw.random(rows) < 0.6, "ill", "well").tolist()),
        (Category, names.tolist()),
        (Category, draw.integers(1, 6, rows)),
        (Labels, sets),
        (Labels, ["|".join(names) for names in sets]),
        (Number, draw.normal(50, 10, rows)),
        (Number, np.round(draw.lognormal(3, 1.5, rows))),  # a count with a long tail: its root is scaled
    ]
    pairs = []
    for cls, cells in raw:
        feature = cls("y", is_target=True)
        read = feature.read(pl.Series("y", cells))
        pairs.append((feature.fit(read), read))
    return pairs


def _tasks(cls: type[RowTask], targets: Targets) -> Iterator[tuple[RowTask, Tensor]]:
    """The task for each target, for the first one with each choice of its settings, and the encoded cells to learn."""
    each = [{name: value} for name, value in choices(cls.Settings)]
    for place, (feature, cells) in enumerate(targets):
        (array,) = feature.encode(cells).values()
        target = torch.from_numpy(array if feature.kind == "labels" else array[:, 0])
        for values in [{}, *(each if place == 0 else [])]:
            yield cls(feature, check(cls.Settings, values)), target


def _raw(task: RowTask, rows: int, members: int = 3, seed: int = 0) -> Tensor:
    return torch.randn(rows, members, task.width, generator=torch.Generator().manual_seed(seed))


def loses_in_numbers(cls: type[RowTask], targets: Targets) -> None:
    """The loss is a finite scalar, for one row and one member too, and the mean over rows: pieces weighed by their
    rows give the same. What is watched is one finite number a row, even where outputs are extreme."""
    for task, target in _tasks(cls, targets):
        raw = _raw(task, len(target))
        loss = task.loss(raw, target)
        assert loss.shape == () and torch.isfinite(loss)
        assert task.loss(raw[:1, :1], target[:1]).shape == ()
        pieces = [(task.loss(raw[part], target[part]), len(target[part])) for part in (slice(0, 9), slice(9, None))]
        summed = torch.stack([one * rows for one, rows in pieces]).sum()
        assert torch.isclose(summed / len(target), loss, rtol=1e-4), task.settings
        for size in (1, 1e4):
            judged = task.judge(task.activate(raw * size), target)
            assert judged.shape == (len(target),) and torch.isfinite(judged).all()


def has_the_right_gradient(cls: type[RowTask], targets: Targets) -> None:
    """The gradient of the loss agrees with finite differences in float64."""
    for task, target in _tasks(cls, targets):
        some = target[:6].double() if target.is_floating_point() else target[:6]
        raw = _raw(task, 6, 2).double().requires_grad_()
        assert torch.autograd.gradcheck(lambda raw, task=task, some=some: task.loss(raw, some), (raw,)), task.settings


def averages_its_members(cls: type[RowTask], targets: Targets) -> None:
    """Equal members predict as one does, and their order does not matter; what is said to be a probability is one."""
    for task, target in _tasks(cls, targets):
        raw = _raw(task, len(target))
        predicted = task.activate(raw)
        assert predicted.shape == (len(target), task.width) and predicted.dtype == torch.float32
        assert torch.allclose(task.activate(raw[:, [2, 0, 1]]), predicted, atol=1e-6)
        one = task.activate(raw[:, :1])
        assert torch.allclose(task.activate(raw[:, [0, 0, 0]]), one, atol=1e-5)
        probability = task.answer(predicted.numpy()).probability
        if probability is not None:
            assert ((probability >= 0) & (probability <= 1)).all()
            if task.feature.kind != "labels":
                assert np.allclose(probability.sum(1), 1)


def learns_a_small_batch(cls: type[RowTask], targets: Targets) -> None:
    """A small network that is trained on the loss ends with the right answers, and what is watched falls."""
    for task, target in _tasks(cls, targets):
        torch.manual_seed(0)
        rows = torch.randn(24, 16)
        net = nn.Sequential(nn.Linear(16, 64), nn.ReLU(), nn.Linear(64, 2 * task.width), nn.Unflatten(1, (2, -1)))
        optimiser = torch.optim.Adam(net.parameters(), lr=0.02)
        before = task.judge(task.activate(net(rows)), target[:24]).mean().item()
        for _ in range(200):
            optimiser.zero_grad()
            task.loss(net(rows), target[:24]).backward()
            optimiser.step()
        predicted = task.activate(net(rows)).detach()
        assert task.judge(predicted, target[:24]).mean() < before, task.settings
        answer, truth = task.answer(predicted.numpy()), task.truth(target[:24].numpy())
        if answer.value is not None:
            error = np.abs(answer.value - truth).mean() / np.abs(truth - truth.mean()).mean()
            assert error < 0.15, f"{task.settings}: {error:.2f} of the constant's error is left"
        else:
            assert np.mean(answer.decision == truth) > 0.95, task.settings


def answers_in_columns(cls: type[RowTask], targets: Targets) -> None:
    """The answer is a table with the prediction under the target's name, in the cells' own type: for many rows, for
    one and for none; each row's answer is its own."""
    for task, target in _tasks(cls, targets):
        predicted = task.activate(_raw(task, len(target))).numpy()
        task.calibrate(predicted, target.numpy())
        whole = task.answer(predicted).frame(task.feature)
        assert whole.columns[0] == task.feature.column
        assert whole.null_count().sum_horizontal()[0] == 0
        assert all(name.startswith(f"{task.feature.column}_") for name in whole.columns[1:])
        for row in range(3):
            alone = task.answer(predicted[row : row + 1]).frame(task.feature)
            assert alone.equals(whole[row : row + 1])
        assert task.answer(predicted[:0]).frame(task.feature).schema == whole.schema
        task.feature.read(whole[task.feature.column])  # a prediction can be read as a cell


def keeps_its_state_as_json(cls: type[RowTask], targets: Targets) -> None:
    """What was learned from the validation rows goes through JSON, and gives the same answers again."""
    for task, target in _tasks(cls, targets):
        predicted = task.activate(_raw(task, len(target))).numpy()
        task.calibrate(predicted, target.numpy())
        feature = type(task.feature).from_json(json.loads(json.dumps(task.feature.to_json())))
        again = cls(feature, check(cls.Settings, json.loads(json.dumps(as_dict(task.settings)))))
        again.state = json.loads(json.dumps(task.state, allow_nan=False))
        assert again.answer(predicted).frame(feature).equals(task.answer(predicted).frame(task.feature))
        assert all(isinstance(note, str) for note in json.loads(json.dumps(task.notes)))
        cls(task.feature, task.settings).calibrate(predicted[:0], target[:0].numpy())  # no validation rows


def refuses_options(cls: type[RowTask], targets: Targets) -> None:
    """Unknown options, and values of another kind or past their bounds, are refused; the class is documented."""
    check_bounds(cls.Settings)
    assert inspect.getdoc(cls)
    assert cls.name == cls.name.lower()


TASK_CHECKS: tuple[Callable[[type[RowTask], Targets], None], ...] = (
    loses_in_numbers,
    has_the_right_gradient,
    averages_its_members,
    learns_a_small_batch,
    answers_in_columns,
    keeps_its_state_as_json,
    refuses_options,
)
