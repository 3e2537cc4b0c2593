"""The tasks of all targets as one thing to learn."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from lamina.tasks.base import Task

__all__ = ["Objective"]


class Objective:
    """Tasks side by side: each reads its own slice of the raw outputs; losses are added.

    Attributes:
        width: raw outputs of all tasks together.
    """

    def __init__(self, tasks: Sequence[Task]) -> None:
        self.tasks = list(tasks)
        ends = [sum(task.width for task in tasks[: place + 1]) for place in range(len(tasks))]
        self.slices = [slice(end - task.width, end) for task, end in zip(tasks, ends, strict=True)]
        self.width = ends[-1]

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
