"""What a run folder says of its networks, as objects."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import nn

from lamina.config import check
from lamina.errors import DamagedRunError, NotARunError, UsageError
from lamina.features.base import Feature
from lamina.features.encoder import Encoder
from lamina.files import read_json
from lamina.models import MODELS
from lamina.models.base import Foreign
from lamina.models.committee import Committee
from lamina.nn.start import seed_of, start
from lamina.plan import Plan
from lamina.runs.manifest import check_format
from lamina.runs.predictor import Predictor
from lamina.tasks import TASKS, task_name_of
from lamina.tasks.base import Task
from lamina.training.budget import Budget
from lamina.training.memory import available, within
from lamina.training.objective import Objective
from lamina.transfer.transfer import Transfer

__all__ = ["Module", "Parts", "join", "load_predictor", "task_of"]

COMPANION_ROWS = 100_000  # of more rows, a memory of some thousands says little

Module = nn.Module | Callable[[int, int], nn.Module] | None


@dataclasses.dataclass
class Parts:
    """Plan, features and tasks of a run.

    Attributes:
        rows: how many there are to train on.
        transfer: how networks start from pre-trained weights; None where they start from nothing.
    """

    plan: Plan
    encoder: Encoder
    objective: Objective
    rows: int
    transfer: Transfer | None = None

    @classmethod
    def load(cls, folder: Path) -> Parts:
        """Read plan, features and tasks."""
        if not (folder / "run.json").is_file():
            raise NotARunError(f"{folder} is not a run", do="name a folder that lamina train made")
        check_format(read_json(folder / "run.json").get("format"))
        plan = Plan.of(read_json(folder / "plan.json"))
        encoder = Encoder.from_json(read_json(folder / "features.json"))
        rows = read_json(folder / "run.json")["rows"]["train"]
        tasks = []
        for feature in encoder.targets:
            task, settings = task_of(feature, encoder.inputs, plan)
            tasks.append(task(feature, settings))
        objective = Objective.of(tasks)
        return cls(plan, encoder, objective, rows, Transfer.of(folder, plan.weights, augmented=_augments(plan)))

    def network(self, place: int, module: Module = None) -> nn.Module:
        """Network number ``place`` with its starting weights, or the user's module, as it comes or made from the seed.

        Raises:
            MemoryNeedError: if its training would not fit in memory.
            UsageError: if the run was trained with a module of the user's and none is given.
        """
        layout, outputs = self.encoder.layout, self.objective.width
        if self.plan.model_name is None:
            if module is None:
                raise UsageError(
                    "this run was trained with a module of your own", do="pass it: load(path, model=module)"
                )
            if not isinstance(module, nn.Module):
                with torch.random.fork_rng(devices=[]):
                    torch.manual_seed(self.seed(place))
                    module = module(layout.dense_width, outputs)
            return Foreign(module, layout, outputs)
        cls, settings = self._architecture(place)
        with within(available()):
            return start(cls(layout, outputs, settings), self.seed(place))

    def _architecture(self, place: int) -> tuple[Any, Any]:
        """Class and settings of a network: the plan's, or those of a companion."""
        plan, kind = self.plan, place % self.kinds
        assert plan.model_name is not None
        if not kind:
            return MODELS[plan.model_name], plan.model
        companion = self.companions[kind - 1]
        if companion in MODELS:
            return MODELS[companion], MODELS[companion].Settings()
        # A backbone: the same network, but that it reads its texts otherwise.
        return MODELS[plan.model_name], dataclasses.replace(plan.model, text=companion)

    @property
    def kinds(self) -> int:
        """How many architectures there are; their networks take turns."""
        return 1 + len(self.companions)

    def fold(self, place: int) -> int:
        """The fold that network number ``place`` does not learn from: a network and its companions share one."""
        return place // self.kinds

    @property
    def companions(self) -> Sequence[str]:
        """The architectures that take turns with the plan's own; none where all networks are of one."""
        chosen = self.plan.train.companions
        if chosen != "auto":
            return () if chosen == "none" else chosen
        if Budget.parse(self.plan.train.budget).seconds is None or self.rows >= COMPANION_ROWS:
            return ()
        if self.plan.model_name == "tabm":
            return ("modern_nca",)
        texts = {slot.group for slot in self.encoder.layout.wide} == {"tokens"}
        return ("gru", "bag") if texts and self.plan.model.text == "auto" and self.transfer is None else ()

    def seed(self, place: int) -> int:
        """The seed of one of the networks."""
        return self.plan.seed if place == 0 else seed_of(self.plan.seed, "network", place)


def _augments(plan: Plan) -> bool:
    """Whether the plan asks for augmentation; ``auto`` leaves it off where networks never change."""
    said = plan.augment
    asked = any(isinstance(one, Mapping) for one in (said.image, said.text, said.frames, said.clip))
    return asked or bool(said.mix_up or said.cut_mix)


def task_of(feature: Feature, inputs: Sequence[Feature], plan: Plan) -> tuple[type[Task], Any]:
    """The task of a target, and its settings as the plan has them.

    Raises:
        DataError, SettingError: as :func:`lamina.tasks.task_name_of`; also if there is no such setting.
    """
    column = feature.column
    for_one = plan.task.get(column)
    if not isinstance(for_one, dict):  # then those that are meant for all
        for_one = {name: value for name, value in plan.task.items() if name not in plan.data.target}
    values = dict(for_one)
    cls = TASKS[task_name_of(feature, inputs, values.pop("name", None))]
    return cls, check(cls.Settings, values, f"task.{column}")


def join(networks: Sequence[nn.Module], votes: Sequence[int] | None = None) -> nn.Module:
    """One network as it is, several as a committee; votes say how much each counts."""
    return networks[0] if len(networks) == 1 else Committee(networks, votes)


def load_predictor(folder: Path, module: Module = None) -> Predictor:
    """The predictor of a finished run."""
    parts = Parts.load(folder)
    for task, saved in zip(parts.objective.tasks, read_json(folder / "tasks.json"), strict=True):
        task.state = saved["state"]
    count = len(read_json(folder / "run.json")["training"]["networks"])
    model = join([parts.network(place, module) for place in range(count)])
    try:
        model.load_state_dict(load_file(folder / "weights.safetensors"))
    except (RuntimeError, OSError) as error:
        raise DamagedRunError("the weights do not fit the plan", got=str(error).splitlines()[0]) from error
    return Predictor(parts.encoder, model, parts.objective)
