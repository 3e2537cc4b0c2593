"""Tasks, one a file: what a target's type means for learning."""

from __future__ import annotations

from typing import Any

from lamina.errors import DataError
from lamina.features.base import Feature
from lamina.names import Names

__all__ = ["TASKS", "task_name_of"]

TASKS = Names(
    "task",
    {
        "binary": "lamina.tasks.binary:Binary",
        "multiclass": "lamina.tasks.multiclass:Multiclass",
        "multilabel": "lamina.tasks.multilabel:Multilabel",
        "regression": "lamina.tasks.regression:Regression",
        "write": "lamina.tasks.write:Write",
    },
    group="lamina.tasks",
)


def task_name_of(feature: Feature) -> str:
    """The task that a fitted target stands for: the type of what you predict is the task.

    Raises:
        DataError: if the column has one value only, or its type cannot be predicted.
    """
    if feature.kind == "number":
        return "regression"
    if feature.kind == "text":
        return "write"
    names: list[Any] = list(getattr(feature, "names", []))
    if feature.kind == "labels":
        return "multilabel"
    if feature.kind == "boolean":
        return "binary"
    if feature.kind == "category" and len(names) >= 2:
        return "binary" if len(names) == 2 else "multiclass"
    raise DataError(
        f"the target {feature.column!r} cannot be predicted",
        got=f"a {feature.kind} column" + (f" with the one value {names[0]!r}" if len(names) == 1 else ""),
        allowed="a number, category, boolean, labels or text column that varies",
    )
