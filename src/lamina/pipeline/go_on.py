"""From a run folder that has begun to a finished one."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

from safetensors.torch import save_file
from torch import nn

from lamina.data.prepare import STORES
from lamina.data.store import Store
from lamina.files import atomic, read_json, write_json, write_text
from lamina.models.modern_nca import ModernNCA
from lamina.pipeline.document import document
from lamina.pipeline.judge import judge
from lamina.pipeline.networks import Trained, train_networks, unseen, weigh
from lamina.pipeline.parts import Module, Parts, join
from lamina.report.page import page
from lamina.runs.manifest import write_manifest
from lamina.training.progress import Progress

__all__ = ["go_on"]


def go_on(folder: Path, progress: Progress, module: Module = None) -> None:
    """Train from the latest checkpoints (or the start) to the end, and finish the run.

    Raises:
        KeyboardInterrupt: on Ctrl-C or SIGTERM, after a checkpoint is saved.
        NonFiniteError: if a loss or gradient is no number.
    """
    parts = Parts.load(folder)
    if read_json(folder / "run.json")["status"] == "finished":  # it was stopped between the last two writes
        _close(folder)
        return
    learn, test = (Store(folder / "store" / name) for name in STORES)
    trained = train_networks(folder, parts, learn, progress, module)
    held = unseen(parts, trained.networks, learn) if parts.objective.blends else None
    votes = [1] * len(trained.networks) if held is None else weigh(parts, held)
    model = join(trained.networks, votes)
    with atomic(folder / "weights.safetensors") as temporary:
        save_file({name: value.contiguous() for name, value in model.state_dict().items()}, temporary)
    progress.say("judging on rows that training has not seen")
    judge(folder, parts, model, held, votes, learn, test)
    if trained.pseudo is not None:
        write_json(folder / "scores.json", {**read_json(folder / "scores.json"), "pseudo": trained.pseudo})
    _seal(folder, model, trained)


def _seal(folder: Path, model: nn.Module, trained: Trained) -> None:
    """Write the report, and close the run."""
    training = {
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "seconds": trained.seconds,
        "remembered_rows": max(
            [0, *(len(part.known_answers) for part in model.modules() if isinstance(part, ModernNCA))]
        ),
        "networks": [dataclasses.asdict(position) for position in trained.positions],
    }
    run = {**read_json(folder / "run.json"), "training": training}
    write_json(folder / "run.json", run)
    write_text(folder / "report.html", page(document(folder)))
    write_json(folder / "run.json", {**run, "status": "finished"})
    _close(folder)


def _close(folder: Path) -> None:
    """Drop the encoded rows and what a sudden end left half-written, and list every file."""
    shutil.rmtree(folder / "store", ignore_errors=True)
    for path in folder.rglob(".*.tmp"):
        path.unlink()
    write_manifest(folder)
