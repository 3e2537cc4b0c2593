"""Tasks, one a file: what a target's type means for learning."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lamina.errors import DataError, SettingError, nearest
from lamina.features.base import Feature
from lamina.names import Names

__all__ = ["TASKS", "is_alone", "predictable", "task_name_of"]

TASKS = Names(
    "task",
    {
        "binary": "lamina.tasks.binary:Binary",
        "multiclass": "lamina.tasks.multiclass:Multiclass",
        "multilabel": "lamina.tasks.multilabel:Multilabel",
        "regression": "lamina.tasks.regression:Regression",
        "tag": "lamina.tasks.tag:Tag",
        "transcribe": "lamina.tasks.transcribe:Transcribe",
        "point": "lamina.tasks.point:Point",
        "extract": "lamina.tasks.extract:Extract",
        "continue": "lamina.tasks.continue_:Continue",
        "write": "lamina.tasks.write:Write",
        "compose": "lamina.tasks.compose:Compose",
        "chat": "lamina.tasks.chat:ChatTask",
    },
    group="lamina.tasks",
)


def task_name_of(feature: Feature, inputs: Sequence[Feature] = (), asked: str | None = None) -> str:
    """The task that a target stands for: the type of what you predict is the task.

    Args:
        feature: of the target; fitted, where it is a category.
        inputs: features of the columns that it is predicted from, which can matter too.
        asked: the name of a task that is wanted instead, of those that the target's type allows.

    Raises:
        DataError: if the column has one value only, or its type cannot be predicted.
        SettingError: if it cannot be predicted as asked.
    """
    names: list[Any] = list(getattr(feature, "names", []))
    fitting = [name for name in TASKS if feature.kind in TASKS[name].kinds]
    if feature.kind == "category" and len(names) < 2:
        fitting = []
    elif feature.kind == "category":
        fitting = ["binary" if len(names) == 2 else "multiclass"]
    if not fitting:
        raise DataError(
            f"the target {feature.column!r} cannot be predicted",
            got=f"a {feature.kind} column" + (f" with the one value {names[0]!r}" if len(names) == 1 else ""),
            allowed=f"a {', '.join(predictable())} column that varies",
        )
    if asked is not None and asked not in fitting:
        raise SettingError(
            f"a {feature.kind} column is not predicted so", got=f"task.name={asked}", allowed=", ".join(fitting),
            do=nearest(asked, fitting),
        )  # fmt: skip
    # The first one that suits; so the more particular ones stand first in the table.
    suiting = (name for name in fitting if TASKS[name].suits(inputs))
    return asked or next(suiting, fitting[-1])


def predictable() -> list[str]:
    """The kinds of columns that can be targets."""
    return list(dict.fromkeys(kind for name in TASKS for kind in TASKS[name].kinds))


def is_alone(kind: str) -> bool:
    """Whether targets of a kind are predicted alone."""
    return any(kind in TASKS[name].kinds and TASKS[name].gives != "row" for name in TASKS)
