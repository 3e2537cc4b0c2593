"""The plan: every setting of a run, checked before the first batch, and saved with it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import Field

from lamina.augment.settings import AugmentSettings, check_augment
from lamina.backbones import BACKBONES
from lamina.config import as_dict, check, defaults, schema, setting, settings
from lamina.data.split import SplitSettings
from lamina.errors import SettingError, UsageError, nearest
from lamina.evaluation.settings import EvaluateSettings
from lamina.features import FEATURES
from lamina.features.base import WIDE, field_of
from lamina.features.layout import Layout
from lamina.models import MODELS
from lamina.tasks import TASKS
from lamina.training.budget import Budget
from lamina.training.settings import TrainSettings
from lamina.transfer.settings import WeightsSettings

__all__ = ["DataSettings", "Plan", "plan_schema", "read_plan"]


@settings
class DataSettings:
    """Which table, and what of it."""

    source: str | None = setting(None, "The table: a file, folder or glob.")
    target: list[str] = setting([], "The column or columns to predict.")
    inputs: list[str] | None = setting(None, "The columns to predict from; all others if not given.")
    test: str | None = setting(None, "A table of its own for the final scores.")
    valid: str | None = setting(None, "A table of its own for early stopping and choices.")
    files: str | None = setting(
        None, "Folder or zip file that names of files in the table are relative to; the table's own if not given."
    )
    broken: float = setting(
        0.01, "Share of rows that may have a file that cannot be decoded; they are set aside.", ge=0, le=1
    )
    asked: str | None = setting(
        None, "Column that is asked, where the target is what is answered: both together are then a dialogue."
    )
    series_key: str | None = setting(None, "Column whose equal rows become one row, with their numbers as a series.")
    series_time: str | None = setting(None, "Column that orders the steps of such a series.")
    series_window: Annotated[int, Field(ge=1)] | None = setting(
        None, "Steps of a row; a key with more of them gives several rows. All of a key if not given."
    )
    series_every: int = setting(1, "Steps from the end of one such window to the next.", ge=1)
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
        model: the architecture's name and its settings; ``auto`` is settled by the table's columns, its settings then
            naming backbones at most; None where a module of the user's stands in.
        weights: pre-trained weights to start from.
        augment: what is done to the inputs in training.
        task: settings of each target's task, by target; checked once the target's type is known.
        train: the training.
        evaluate: scores and baselines.
        seed: everything random is a function of it.
        chosen: settings of training that somebody chose; a task may have others than the usual ones for the rest.

    Example:
        >>> Plan.of({"data": {"target": ["y"]}, "model": {"name": "mlp", "width": 64}}).model.width
        64
    """

    data: DataSettings = dataclasses.field(default_factory=lambda: defaults(DataSettings))
    split: SplitSettings = dataclasses.field(default_factory=lambda: defaults(SplitSettings))
    model_name: str | None = "auto"
    model: Any = None
    weights: WeightsSettings = dataclasses.field(default_factory=lambda: defaults(WeightsSettings))
    augment: AugmentSettings = dataclasses.field(default_factory=lambda: defaults(AugmentSettings))
    task: dict[str, Any] = dataclasses.field(default_factory=dict)
    train: TrainSettings = dataclasses.field(default_factory=lambda: defaults(TrainSettings))
    evaluate: EvaluateSettings = dataclasses.field(default_factory=lambda: defaults(EvaluateSettings))
    seed: int = 0
    chosen: frozenset[str] = dataclasses.field(default=frozenset(), compare=False)

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Plan:
        """Make a plan from plain values, as read from a file.

        Raises:
            SettingError: on anything unknown, of the wrong type or out of bounds.
        """
        known = ["data", "split", "model", "weights", "augment", "task", "train", "evaluate", "seed"]
        for name in values:
            if name not in known:
                raise SettingError(f"unknown setting {name}", allowed=", ".join(known), do=nearest(str(name), known))
        seed = values.get("seed", 0)
        if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**32:
            raise SettingError("setting seed is not valid", got=repr(seed), allowed="a whole number from 0 to 2^32 - 1")
        model_name, model = _model(values.get("model", "auto"))
        plan = cls(
            data=check(DataSettings, values.get("data", {}), "data"),
            split=check(SplitSettings, values.get("split", {}), "split"),
            model_name=model_name,
            model=model,
            weights=_weights(values.get("weights", {})),
            augment=check(AugmentSettings, values.get("augment", {}), "augment"),
            task=_tasks(values.get("task", {})),
            train=check(TrainSettings, values.get("train", {}), "train"),
            evaluate=check(EvaluateSettings, values.get("evaluate", {}), "evaluate"),
            seed=seed,
            chosen=frozenset(values.get("train", {})),
        )
        Budget.parse(plan.train.budget)
        if (plan.data.series_key is None) != (plan.data.series_time is None):
            raise SettingError(
                "a series needs a key and an order", do="set data.series_key and data.series_time, or neither"
            )
        check_augment(plan.augment)
        return plan

    def settled(self, layout: Layout, alone: Any = None) -> Plan:
        """The plan with a model for a table of this layout, where none was named.

        Args:
            layout: of the inputs.
            alone: the task of a target that is predicted alone; None where it takes one vector a row.

        Raises:
            SettingError: if there is no such setting of the model.
            UsageError: if the model that was named does not read the table's pictures, texts or sounds, or does not
                give what the task needs.
        """
        if self.model_name == "auto":
            backbones = self.model is not None  # they were named, and what uses them was not
            name = alone.network if alone else "mixed" if backbones or layout.wide else "tabm"
            asked = _read_by(name, _changed(self.model)) if backbones else {}
            model = check(MODELS[name].Settings, asked, "model")
            return dataclasses.replace(self, model_name=name, model=model)
        gives = alone.gives if alone else "row"
        if gives != ("row" if self.model_name is None else MODELS[self.model_name].gives):
            raise UsageError(
                f"the model does not give what task {alone.name} needs" if alone else
                "the model is for targets that are predicted alone, such as texts",
                got=f"model {self.model_name or 'of your own'}",
                allowed=", ".join(name for name in MODELS if MODELS[name].gives == gives),
                do="take another model, or leave it to auto",
            )  # fmt: skip
        if layout.wide and (self.model_name is None or not MODELS[self.model_name].reads_wide):
            raise UsageError(
                f"model {self.model_name or 'of your own'} does not read column {layout.wide[0].column!r}",
                got=f"{layout.wide[0].group}",
                allowed=", ".join(name for name in MODELS if MODELS[name].reads_wide),
                do="leave the column out with --inputs, or take another model",
            )
        return self

    def to_json(self) -> dict[str, Any]:
        """The plan as JSON values."""
        model = {"name": self.model_name, **(as_dict(self.model) if self.model is not None else {})}
        return {
            "data": as_dict(self.data),
            "split": as_dict(self.split),
            "model": model,
            "weights": as_dict(self.weights),
            "augment": as_dict(self.augment),
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
    name = values.get("name", "auto")
    if name is None:
        return None, None
    if name == "auto":
        if not rest:
            return "auto", None
        if "decoder" in rest:
            return "auto", check(MODELS["encoder_decoder"].Settings, rest, "model")
        if set(rest) & {*map(field_of, WIDE), "fusion"}:
            return "auto", check(MODELS["mixed"].Settings, rest, "model")
        name = "composer" if set(rest) & {"past", "notes"} else "tabm"
    elif name not in MODELS and name in BACKBONES:
        # A backbone's name alone means: for all the columns that it reads.
        chosen = {"name": name, **rest}
        fields = [field_of(group) for group in BACKBONES[name].groups]
        return "auto", check(MODELS["mixed"].Settings, dict.fromkeys(fields, chosen), "model")
    return name, check(MODELS[name].Settings, rest, "model")


def _changed(settings: Any) -> dict[str, Any]:
    """Those settings that are not as usual."""
    usual = as_dict(type(settings)())
    return {name: value for name, value in as_dict(settings).items() if value != usual[name]}


def _read_by(name: str, asked: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that a model has, where a backbone was named for all that it reads, and the model reads some of it.

    Raises:
        SettingError: if a backbone was named for what the model does not read, and for nothing that it does.
    """
    known = {field.name for field in dataclasses.fields(MODELS[name].Settings)}
    unread = {field_of(group) for group in WIDE} - known
    read = {key: value for key, value in asked.items() if key not in unread}
    for key in asked:
        if key in unread and asked[key] not in read.values():
            raise SettingError(
                f"model {name} has no backbone for {key}", got=f"model.{key}={asked[key]}",
                allowed=", ".join(sorted(known)), do="leave it out, or name another model",
            )  # fmt: skip
    return read


def _weights(values: Any) -> WeightsSettings:
    weights = check(WeightsSettings, values, "weights")
    if weights.source is None and weights.learn not in ("auto", "all"):
        raise SettingError(
            f"weights.learn={weights.learn} says which pre-trained weights learn, and there are none",
            do="name them: --weights RUN, or a file, or a transformers model",
        )
    return weights


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
            "weights": schema(WeightsSettings),
            "augment": schema(AugmentSettings),
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
