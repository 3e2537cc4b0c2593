"""The plan: every setting of a run, checked before the first batch, and saved with it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from lamina.config import as_dict, check, defaults, schema, setting, settings
from lamina.data.split import SplitSettings
from lamina.errors import SettingError, UsageError, nearest
from lamina.evaluation.settings import EvaluateSettings
from lamina.features import FEATURES
from lamina.models import MODELS
from lamina.tasks import TASKS
from lamina.training.budget import Budget
from lamina.training.settings import TrainSettings

__all__ = ["DataSettings", "Plan", "plan_schema", "read_plan"]


@settings
class DataSettings:
    """Which table, and what of it."""

    source: str | None = setting(None, "The table: a file, folder or glob.")
    target: list[str] = setting([], "The column or columns to predict.")
    inputs: list[str] | None = setting(None, "The columns to predict from; all others if not given.")
    test: str | None = setting(None, "A table of its own for the final scores.")
    valid: str | None = setting(None, "A table of its own for early stopping and choices.")
    missing: list[str] = setting([], "Words that mean a missing cell, beside the usual ones.")
    features: dict[str, Any] = setting(
        {}, "Column -> its feature's name, or {kind: name, setting: value}, where the inferred one is to be overruled."
    )


@dataclasses.dataclass(frozen=True)
class Plan:
    """All settings of a run. ``Plan.of(plan.to_json()) == plan``.

    Attributes:
        data: the table and its columns.
        split: who teaches and who judges.
        model: the architecture's name and its settings; None where a module of the user's stands in.
        task: settings of each target's task, by target; checked once the target's type is known.
        train: the training.
        evaluate: scores and baselines.
        seed: everything random is a function of it.

    Example:
        >>> Plan.of({"data": {"target": ["y"]}, "model": {"name": "mlp", "width": 64}}).model.width
        64
    """

    data: DataSettings = dataclasses.field(default_factory=lambda: defaults(DataSettings))
    split: SplitSettings = dataclasses.field(default_factory=lambda: defaults(SplitSettings))
    model_name: str | None = "tabm"
    model: Any = None
    task: dict[str, Any] = dataclasses.field(default_factory=dict)
    train: TrainSettings = dataclasses.field(default_factory=lambda: defaults(TrainSettings))
    evaluate: EvaluateSettings = dataclasses.field(default_factory=lambda: defaults(EvaluateSettings))
    seed: int = 0

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Plan:
        """Make a plan from plain values, as read from a file.

        Raises:
            SettingError: on anything unknown, of the wrong type or out of bounds.
        """
        known = ["data", "split", "model", "task", "train", "evaluate", "seed"]
        for name in values:
            if name not in known:
                raise SettingError(f"unknown setting {name}", allowed=", ".join(known), do=nearest(str(name), known))
        seed = values.get("seed", 0)
        if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**32:
            raise SettingError("setting seed is not valid", got=repr(seed), allowed="a whole number from 0 to 2^32 - 1")
        model_name, model = _model(values.get("model", "tabm"))
        plan = cls(
            data=check(DataSettings, values.get("data", {}), "data"),
            split=check(SplitSettings, values.get("split", {}), "split"),
            model_name=model_name,
            model=model,
            task=_tasks(values.get("task", {})),
            train=check(TrainSettings, values.get("train", {}), "train"),
            evaluate=check(EvaluateSettings, values.get("evaluate", {}), "evaluate"),
            seed=seed,
        )
        Budget.parse(plan.train.budget)
        return plan

    def to_json(self) -> dict[str, Any]:
        """The plan as JSON values."""
        model = {"name": self.model_name, **(as_dict(self.model) if self.model is not None else {})}
        return {
            "data": as_dict(self.data),
            "split": as_dict(self.split),
            "model": model,
            "task": self.task,
            "train": as_dict(self.train),
            "evaluate": as_dict(self.evaluate),
            "seed": self.seed,
        }


def _model(values: Any) -> tuple[str | None, Any]:
    """(name, settings) of the model section: a name, or a group with one."""
    if isinstance(values, str):
        values = {"name": values}
    if not isinstance(values, Mapping):
        raise SettingError("model must be a name or a group of settings with a name", got=repr(values))
    rest = {key: value for key, value in values.items() if key != "name"}
    name = values.get("name", "tabm")
    if name is None:
        return None, None
    return name, check(MODELS[name].Settings, rest, "model")


def _tasks(values: Any) -> dict[str, Any]:
    if not isinstance(values, Mapping):
        raise SettingError("task must be a group of settings", got=repr(values))
    return dict(values)


def read_plan(path: Path) -> dict[str, Any]:
    """The values of a plan file, YAML or JSON.

    Raises:
        UsageError: if there is no such file, or it is no group of settings.
    """
    try:
        values = yaml.safe_load(path.read_text())
    except OSError as error:
        raise UsageError(f"the plan {path} cannot be read", got=error.strerror or str(error)) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UsageError(
            f"the plan {path} is not YAML", got=str(error), do="mend the file; lamina schema says its form"
        ) from error
    if not isinstance(values, dict):
        raise UsageError(f"the plan {path} is no group of settings", got=type(values).__name__)
    return values


def plan_schema() -> dict[str, Any]:
    """The JSON Schema of a plan file, with every model, task and feature."""

    def closed(cls: type, name: str) -> dict[str, Any]:
        made = schema(cls)
        made["properties"] = {"name": {"const": name}, **made.get("properties", {})}
        return {**made, "required": ["name"], "title": name}

    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Lamina plan",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "data": schema(DataSettings),
            "split": schema(SplitSettings),
            "model": {"anyOf": [{"enum": list(MODELS)}, *(closed(MODELS[name].Settings, name) for name in MODELS)]},
            "task": {
                "description": "Settings of the target's task, or target -> settings where there are several.",
                "anyOf": [schema(TASKS[name].Settings) for name in TASKS] + [{"type": "object"}],
            },
            "train": schema(TrainSettings),
            "evaluate": schema(EvaluateSettings),
            "seed": {"type": "integer", "minimum": 0, "maximum": 2**32 - 1, "default": 0},
        },
        "$defs": {"features": {name: schema(FEATURES[name].Settings) for name in FEATURES}},
    }
