"""The tasks of all targets as one thing to learn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lamina.data.batches import Batch, Batches
from lamina.data.rows import Rows
from lamina.data.windows import Windows
from lamina.features.answer import Answer
from lamina.tasks.alone import Alone
from lamina.tasks.base import RowTask, Task

__all__ = ["Objective", "Single"]


class Objective:
    """Tasks side by side: each reads its own slice of the raw outputs; losses are added.

    Attributes:
        width: raw outputs of all tasks together.
        blends: whether the outputs of several networks can be averaged.
    """

    blends = True

    def __init__(self, tasks: Sequence[Task]) -> None:
        self.tasks: list[RowTask] = list(tasks)  # type: ignore[arg-type]
        ends = [sum(task.width for task in tasks[: place + 1]) for place in range(len(tasks))]
        self.slices = [slice(end - task.width, end) for task, end in zip(tasks, ends, strict=True)]
        self.width = ends[-1]

    @staticmethod
    def of(tasks: Sequence[Task]) -> Objective:
        """Tasks as one thing to learn."""
        if not any(isinstance(task, Alone) for task in tasks):
            return Objective(tasks)
        assert len(tasks) == 1, "what is predicted alone has no target beside it"
        return Single(tasks)

    def batches(self, model: Any, rows: Rows, size: int, seed: int) -> Batches | Windows:
        """The batches that a network learns from, of so many rows."""
        return Batches(rows, size, seed)

    def watched(self, rows: Rows) -> Rows:
        """Those of the valid rows that are looked at between epochs."""
        return rows

    def judged(self, rows: Rows) -> Rows:
        """Those of the rows that are looked at in the end."""
        return rows

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

    def said(self, model: Any, batch: Batch) -> Any:
        """What a network says of judged rows: as :meth:`outputs`, where its targets need not be known."""
        return self.outputs(model, batch.inputs, batch.rows.tolist())

    def joined(self, parts: Sequence[Any]) -> Any:
        """The outputs of several batches as those of one."""
        return np.concatenate([np.empty((0, self.width), np.float32), *parts])

    def answers(self, outputs: Any) -> list[Answer]:
        """One answer for each target, from the outputs of n rows."""
        return [task.answer(outputs[:, part]) for task, part in zip(self.tasks, self.slices, strict=True)]


class Single(Objective):
    """One target that is predicted alone: its task knows how its network is asked."""

    blends = False
    tasks: list[Alone]  # type: ignore[assignment]

    def batches(self, model: Any, rows: Rows, size: int, seed: int) -> Batches | Windows:
        return self.tasks[0].batches(model, rows, size, seed)

    def watched(self, rows: Rows) -> Rows:
        return self.tasks[0].watched(rows)

    def judged(self, rows: Rows) -> Rows:
        return self.tasks[0].judged(rows)

    def raw(self, model: Any, batch: Batch) -> Tensor:
        return self.tasks[0].raw(model, batch)

    def loss(self, raw: Tensor, targets: list[Tensor]) -> Tensor:
        return self.tasks[0].loss(raw, targets[0])

    def activate(self, raw: Tensor) -> Tensor:
        return self.tasks[0].activate(raw)

    def judge(self, predicted: Tensor, targets: list[Tensor]) -> Tensor:
        return self.tasks[0].judge(predicted, targets[0])

    def watch(self, model: Any, batch: Batch) -> Tensor:
        return self.tasks[0].watch(model, batch)

    def outputs(self, model: Any, inputs: dict[str, Tensor], rows: Sequence[int] | None = None) -> Sequence[Any]:
        return self.tasks[0].outputs(model, inputs, range(len(inputs["number"])) if rows is None else rows)

    def said(self, model: Any, batch: Batch) -> Sequence[Any]:
        return self.tasks[0].said(model, batch)

    def joined(self, parts: Sequence[Any]) -> list[Any]:
        return [row for part in parts for row in part]

    def answers(self, outputs: Any) -> list[Answer]:
        return [self.tasks[0].answer(outputs)]
