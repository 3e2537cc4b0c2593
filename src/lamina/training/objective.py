"""The tasks of all targets as one thing to learn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lamina.data.batches import Batch
from lamina.decoding.writer import Writer
from lamina.decoding.written import Written
from lamina.features.answer import Answer
from lamina.tasks.base import Task

__all__ = ["Objective", "Writing"]

LOGITS = 2**25  # that are judged at a time, in 128 MB: 256 rows of 512 tokens out of 8,000 would make four gigabytes


class Objective:
    """Tasks side by side: each reads its own slice of the raw outputs; losses are added.

    Attributes:
        width: raw outputs of all tasks together.
        blends: whether the outputs of several networks can be averaged.
    """

    blends = True

    def __init__(self, tasks: Sequence[Task]) -> None:
        self.tasks = list(tasks)
        ends = [sum(task.width for task in tasks[: place + 1]) for place in range(len(tasks))]
        self.slices = [slice(end - task.width, end) for task, end in zip(tasks, ends, strict=True)]
        self.width = ends[-1]

    @staticmethod
    def of(tasks: Sequence[Task]) -> Objective:
        """Tasks as one thing to learn; a text is predicted alone."""
        if not any(task.writes for task in tasks):
            return Objective(tasks)
        assert len(tasks) == 1, "a text is not predicted beside other columns"
        return Writing(tasks)

    def raw(self, model: Any, batch: Batch) -> Tensor:
        """What a network says of a batch that it learns from: (B, K, width)."""
        return model(batch.inputs)

    def loss(self, raw: Tensor, targets: list[Tensor]) -> Tensor:
        """Summed losses of a batch: (B, K, width), one encoded target a task -> scalar."""
        if len(self.tasks) == 1:
            return self.tasks[0].loss(raw, targets[0])
        losses = [
            task.loss(raw[..., part], target)
            for task, part, target in zip(self.tasks, self.slices, targets, strict=True)
        ]
        return torch.stack(losses).sum()

    def activate(self, raw: Tensor) -> Tensor:
        """One prediction a row: (B, K, width) -> (B, width)."""
        return torch.cat([task.activate(raw[..., part]) for task, part in zip(self.tasks, self.slices, strict=True)], 1)

    def ideal(self, targets: list[Tensor]) -> Tensor:
        """What a perfect network would give: one encoded target a task -> (B, width)."""
        return torch.cat([task.ideal(target) for task, target in zip(self.tasks, targets, strict=True)], 1)

    def judge(self, predicted: Tensor, targets: list[Tensor]) -> Tensor:
        """What is watched, per row: (B, width) as activated -> (B,)."""
        scores = [
            task.judge(predicted[:, part], target)
            for task, part, target in zip(self.tasks, self.slices, targets, strict=True)
        ]
        return torch.stack(scores).sum(0)

    def watch(self, model: Any, batch: Batch) -> Tensor:
        """What is watched of each row of a batch: (B,)."""
        return self.judge(self.activate(self.raw(model, batch)), batch.targets)

    def outputs(self, model: Any, inputs: dict[str, Tensor], rows: Sequence[int] | None = None) -> Any:
        """What a network says of rows whose targets nobody knows: activated outputs, (B, width) float32.

        Args:
            model: the network.
            inputs: arrays of B rows.
            rows: their numbers in the source table, which chance hangs on where there is any; 0 to B - 1 if None.
        """
        return self.activate(model(inputs)).numpy()

    def joined(self, parts: Sequence[Any]) -> Any:
        """The outputs of several batches as those of one."""
        return np.concatenate([np.empty((0, self.width), np.float32), *parts])

    def answers(self, outputs: Any) -> list[Answer]:
        """One answer for each target, from the outputs of n rows."""
        return [task.answer(outputs[:, part]) for task, part in zip(self.tasks, self.slices, strict=True)]


class Writing(Objective):
    """A text as the one thing to learn: the network is shown what is written so far, and writes on by itself."""

    blends = False

    def raw(self, model: Any, batch: Batch) -> Tensor:
        """Logits of each token after the true ones before it: (B, T + 1, width)."""
        return model(batch.inputs, batch.targets[0])

    def loss(self, raw: Tensor, targets: list[Tensor]) -> Tensor:
        return self.tasks[0].loss(raw, targets[0])

    def activate(self, raw: Tensor) -> Tensor:
        return self.tasks[0].activate(raw)

    def judge(self, predicted: Tensor, targets: list[Tensor]) -> Tensor:
        return self.tasks[0].judge(predicted, targets[0])

    def watch(self, model: Any, batch: Batch) -> Tensor:
        (written,), watch = batch.targets, super().watch
        count = max(1, LOGITS // ((written.shape[1] + 1) * self.width))
        pieces = [slice(start, start + count) for start in range(0, len(written), count)]
        return torch.cat([watch(model, _piece(batch, rows)) for rows in pieces])

    def outputs(self, model: Any, inputs: dict[str, Tensor], rows: Sequence[int] | None = None) -> list[list[Written]]:
        """Texts, and for each its alternatives."""
        return self.writer(model).write(model.memory(inputs), rows=rows)

    def writer(self, model: Any, **settings: Any) -> Writer:
        """What draws texts from a network, as the task's settings say, or others.

        Raises:
            SettingError: if there is no such setting, or its value is out of bounds.
        """
        task: Any = self.tasks[0]
        return Writer(model.decoder, task.lexicon, task.decoding(**settings))

    def joined(self, parts: Sequence[Any]) -> list[list[Written]]:
        return [row for part in parts for row in part]

    def answers(self, outputs: Any) -> list[Answer]:
        return [self.tasks[0].answer(outputs)]


def _piece(batch: Batch, rows: slice) -> Batch:
    """Some rows of a batch that nothing is mixed in."""
    inputs = {name: value[rows] for name, value in batch.inputs.items()}
    return Batch(inputs, [target[rows] for target in batch.targets], batch.rows[rows])
