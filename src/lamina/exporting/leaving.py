"""What a run takes with it when it leaves, and what is told of its going."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl

from lamina.errors import UsageError
from lamina.runs.predictor import Predictor
from lamina.tasks import TASKS
from lamina.tasks.base import RowTask

__all__ = ["Exported", "Leaving", "Writer", "check_leaves"]


@dataclasses.dataclass(frozen=True)
class Leaving:
    """A run on its way out.

    Attributes:
        name: of the run.
        predictor: its features, network and tasks.
        rows: raw rows on which what leaves is compared with the run; real ones, where there are any.
        are_real: whether they are; else they are made from what the features know.
        scores: the run's ``scores.json``.
        licence: what the file may be used for; None where nobody said.
        licence_text: the licence itself, where it came as a file.
    """

    name: str
    predictor: Predictor
    rows: pl.DataFrame
    are_real: bool
    scores: dict[str, Any]
    licence: str | None = None
    licence_text: str | None = None


@dataclasses.dataclass(frozen=True)
class Exported:
    """A file that was written.

    Attributes:
        path: of the file.
        format: its name.
        bytes: its size.
        members: what is inside -> size in bytes; none of a file that is one thing.
        rows: on how many rows it was compared with the run.
        are_real: whether these were real ones.
        difference: the greatest between its activated outputs and the run's; None where it has no outputs.
    """

    path: Path
    format: str
    bytes: int
    members: dict[str, int]
    rows: int
    are_real: bool
    difference: float | None

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return {**dataclasses.asdict(self), "path": str(self.path)}


Writer = Callable[[Leaving, Path], Exported]


def check_leaves(predictor: Predictor) -> None:
    """Refuse a run whose task cannot leave yet.

    Raises:
        UsageError: naming the task, and those that can.
    """
    tasks = predictor.objective.tasks
    alone = next((task for task in tasks if not isinstance(task, RowTask)), None)
    if alone is not None:
        able = ", ".join(name for name in TASKS if issubclass(TASKS[name], RowTask))
        raise UsageError(f"a run of the task {alone.name} cannot be exported yet", allowed=able,
                         do="lamina predict RUN DATA")  # fmt: skip
