"""The whole state of training, on disk and back.

RUN/checkpoint/0/step-000000120.safetensors     of network 0: weights, best and averaged weights, optimiser; the rest
                                                    as JSON in its header, so that one rename makes a checkpoint whole
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from lamina.errors import DamagedRunError
from lamina.files import atomic, sync_folder

__all__ = ["Position", "Snapshot", "latest", "load", "save"]


@dataclasses.dataclass
class Position:
    """Where training stands, all but the tensors. JSON values only.

    Attributes:
        step: steps done.
        seconds: time spent training so far, over all sessions.
        horizon: the last step, once it is known; the schedule runs towards it.
        best_score: lowest watched score, None before the first evaluation.
        best_step: the step that had it.
        stale: evaluations since then.
        loss_sum, loss_rows: running training loss since the last evaluation.
        rate: the learning rate before the schedule.
        way: precision, compilation and threads in use.
        stopped: why training ended, ``budget`` or ``patience``; None while it has not.
        budget: the budget that ``horizon`` and ``stopped`` come from; a run may go on under a larger one.
    """

    step: int = 0
    seconds: float = 0.0
    horizon: int | None = None
    best_score: float | None = None
    best_step: int = 0
    stale: int = 0
    loss_sum: float = 0.0
    loss_rows: int = 0
    rate: float = 0.0
    way: dict[str, Any] = dataclasses.field(default_factory=dict)
    stopped: str | None = None
    budget: str = ""


@dataclasses.dataclass
class Snapshot:
    """A position and all tensors: ``model/...``, ``best/...``, ``average/...``, ``optimiser/...``."""

    position: Position
    tensors: dict[str, torch.Tensor]

    def group(self, name: str) -> dict[str, torch.Tensor]:
        """The tensors of one group, by their names within it."""
        return {
            key.removeprefix(f"{name}/"): value for key, value in self.tensors.items() if key.startswith(f"{name}/")
        }


def save(folder: Path, snapshot: Snapshot) -> Path:
    """Write a checkpoint durably; older ones are removed after it is whole.

    The run's history rows need no copy: they are cut at the checkpoint's step when it is taken up again.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"step-{snapshot.position.step:09}.safetensors"
    # Tensors that share memory (tied weights) are written once each: safetensors wants them apart.
    tensors = {name: tensor.detach().contiguous().clone() for name, tensor in snapshot.tensors.items()}
    with atomic(path) as temporary:
        save_file(tensors, temporary, metadata={"position": json.dumps(dataclasses.asdict(snapshot.position))})
    for other in folder.glob("step-*.safetensors"):
        if other != path:
            other.unlink()
    sync_folder(folder)
    return path


def latest(folder: Path) -> Path | None:
    """The newest checkpoint of a network, or None."""
    return max(folder.glob("step-*.safetensors"), default=None)


def load(path: Path) -> Snapshot:
    """Read a checkpoint.

    Raises:
        DamagedRunError: if the file is not whole.
    """
    try:
        with safe_open(path, framework="pt") as file:
            position = Position(**json.loads(file.metadata()["position"]))
            return Snapshot(position, {name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118
    except (SafetensorError, KeyError, TypeError, ValueError, OSError) as error:
        raise DamagedRunError(
            f"the checkpoint {path.name} is damaged", got=str(error), do="train again, or restore it from a copy"
        ) from error
