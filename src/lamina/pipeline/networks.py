"""Training the networks of a run, one after the other, and weighing them."""

from __future__ import annotations

import contextlib
import dataclasses
import signal
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import torch
from torch import nn

from lamina.data.batches import Rows, gather
from lamina.data.split import FOLDS
from lamina.data.store import Store
from lamina.models.base import Model
from lamina.models.mixed import Mixed
from lamina.pipeline.augmented import augmented, find_flips
from lamina.pipeline.parts import Module, Parts
from lamina.training import checkpoint
from lamina.training.budget import Budget
from lamina.training.checkpoint import Position, Snapshot
from lamina.training.history import History, read_history
from lamina.training.loop import Trainer, predict
from lamina.training.machine import Choice, keep_memory
from lamina.training.objective import Objective
from lamina.training.progress import Progress

__all__ = ["Unseen", "fold_rows", "outputs", "stopping", "train_networks", "unseen", "weigh"]

VOTES = ((4, 1), (3, 1), (2, 1), (3, 2), (1, 1), (2, 3), (1, 2), (1, 3), (1, 4))  # of a network and of its companion


def train_networks(
    folder: Path, parts: Parts, learn: Store, progress: Progress, module: Module
) -> tuple[list[nn.Module], list[Position]]:
    """Train the networks one after the other, each with a fold of its own for early stopping.

    Raises:
        KeyboardInterrupt: on Ctrl-C or SIGTERM, after a checkpoint is saved.
    """
    settings = parts.plan.train
    checkpoints = [checkpoint.latest(folder / "checkpoint" / str(place)) for place in range(2 * FOLDS)]
    snapshots = [checkpoint.load(path) for path in checkpoints if path is not None]
    history = History(folder, _kept_history(folder, snapshots), settings.tensorboard)
    networks: list[nn.Module] = []
    positions: list[Position] = []
    keep_memory()
    changes = bool(parts.encoder.layout.wide) and not (parts.transfer and parts.transfer.is_short)
    flips = find_flips(folder, parts, fold_rows(learn, 0, inside=False)) if changes else {}
    learn = _shortened(parts, learn, progress)
    try:
        while len(networks) < max(len(snapshots), _wanted(parts, learn, positions, module)):
            place = len(networks)
            model = parts.network(place, module)
            learning = parts.transfer.begin(model, parts.seed(place)) if parts.transfer else None
            rows = fold_rows(learn, parts.fold(place), inside=False)
            if isinstance(model, Model) and model.remembers:
                batch = gather(learn, rows.places)
                model.remember(batch.inputs, parts.objective.ideal(batch.targets))
            trainer = Trainer(
                folder / "checkpoint" / str(place),
                model,
                parts.objective,
                rows,
                fold_rows(learn, parts.fold(place), inside=True),
                settings,
                parts.seed(place),
                history,
                progress,
                spent=sum(position.seconds for position in positions),
                until=_until(parts, place) if _most(parts, learn, module) > 1 else None,
                way=Choice(**positions[-parts.kinds].way) if len(positions) >= parts.kinds else None,
                augment=augmented(parts, flips, parts.seed(place)) if changes else None,
            )
            if learning:
                learning.open_later(trainer.batches.steps)
            if place < len(snapshots):
                trainer.restore(snapshots[place])
            with stopping(trainer):
                position = trainer.fit()
            if trainer.stop_asked:  # also in the last step: others may be to come
                raise KeyboardInterrupt(f"stopped at step {position.step}; go on with: lamina resume {folder}")
            if learning:
                learning.end()
            networks.append(model)
            positions.append(position)
    finally:
        history.close()
    return networks, positions


def _shortened(parts: Parts, learn: Store, progress: Progress | None = None) -> Store:
    """The rows with the vectors of networks that never change, where there are such."""
    if parts.transfer is None or not parts.transfer.is_short:
        return learn
    if progress is not None:
        progress.say("computing the vectors of the pre-trained network once")
    model = parts.network(0)
    assert isinstance(model, Mixed)
    return parts.transfer.shortened(model, learn)


def _most(parts: Parts, learn: Store, module: Module) -> int:
    """How many networks there can be."""
    folds = len(np.unique(np.asarray(learn.arrays["fold"])))
    return FOLDS * parts.kinds if folds == FOLDS and module is None else 1


def _until(parts: Parts, place: int) -> float | None:
    """Seconds by which a network ends: the first leaves half of the budget to its companion."""
    seconds = Budget.parse(parts.plan.train.budget).seconds
    return seconds / 2 if seconds is not None and parts.kinds == 2 and place == 0 else None


def fold_rows(learn: Store, fold: int, *, inside: bool) -> Rows:
    """The rows inside or outside of a fold."""
    folds = np.asarray(learn.arrays["fold"])
    return Rows(learn, np.flatnonzero((folds == fold) == inside).astype(np.uint32))


def _wanted(parts: Parts, learn: Store, positions: Sequence[Position], module: Module) -> int:
    """How many networks there are to be, as far as one knows after those that have been trained."""
    settings, most = parts.plan.train, _most(parts, learn, module)
    if settings.networks != "auto":
        return min(settings.networks, most)
    seconds = Budget.parse(settings.budget).seconds
    if not positions or seconds is None:
        return 1
    if parts.transfer is not None and parts.transfer.is_short:
        return 1  # several heads on one network would make it answer several times, and say much the same
    if len(positions) < parts.kinds:
        return min(most, parts.kinds)  # a network and its companion come first, however little is left
    spent, longest = sum(position.seconds for position in positions), max(position.seconds for position in positions)
    return min(most, len(positions) + (spent + 1.1 * longest < seconds))


def _kept_history(folder: Path, snapshots: Sequence[Snapshot]) -> list[dict[str, Any]]:
    """The history up to the checkpoints: what came after them will come again."""
    steps = {place: snapshot.position.step for place, snapshot in enumerate(snapshots)}
    return [row for row in read_history(folder) if row["step"] <= steps.get(row["network"], -1)]


@contextlib.contextmanager
def stopping(trainer: Trainer) -> Iterator[None]:
    """Let the first Ctrl-C or SIGTERM end training in good order; a second one ends it at once."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def ask(number: int, frame: FrameType | None) -> None:
        trainer.ask_to_stop()
        signal.signal(number, signal.default_int_handler)

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


# --- what they say of rows that they have not learned from


def outputs(model: nn.Module, objective: Objective, rows: Rows) -> np.ndarray:
    """Activated outputs of all rows, (n, width)."""
    parts = [predicted.numpy() for _, predicted in predict(model, objective, rows)]
    return np.concatenate([np.empty((0, objective.width), np.float32), *parts])


@dataclasses.dataclass
class Unseen:
    """The held-out rows of the folds in use, and what the networks that have not seen them say.

    Attributes:
        targets: of each target column, encoded, (n, ...).
        said: fold -> activated outputs of its network and, if it has one, of its companion, each (rows, width).
    """

    targets: list[np.ndarray]
    said: list[list[np.ndarray]]

    def blend(self, votes: Sequence[int]) -> np.ndarray:
        """Activated outputs, (n, width), where a network and its companion have the votes of the first two."""
        blended = []
        for both in self.said:
            share = votes[1] / (votes[0] + votes[1]) if len(both) == 2 else 0.0
            blended.append(both[0] if not share else both[0] * (1 - share) + both[1] * share)
        return np.concatenate(blended)


def unseen(parts: Parts, networks: Sequence[nn.Module], learn: Store) -> Unseen:
    """Let every network answer for the fold that it has not learned from."""
    learn = _shortened(parts, learn)
    folds = sorted({parts.fold(place) for place in range(len(networks))})
    rows = {fold: fold_rows(learn, fold, inside=True) for fold in folds}
    said: dict[int, list[np.ndarray]] = {fold: [] for fold in folds}
    for place, network in enumerate(networks):
        fold = parts.fold(place)
        said[fold].append(outputs(network, parts.objective, rows[fold]))
    names = [f"target{place:03}" for place in range(len(parts.objective.tasks))]
    targets = [np.concatenate([rows[fold].array(name) for fold in folds]) for name in names]
    return Unseen(targets, [said[fold] for fold in folds])


def weigh(parts: Parts, held: Unseen) -> list[int]:
    """Votes of each network: of the two kinds, those that judge best on rows that they have not learned from."""
    count = sum(len(both) for both in held.said)
    if parts.kinds == 1 or count == 1:
        return [1] * count
    # A last fold with one network only says nothing of the two together.
    paired = [both for both in held.said if len(both) == 2]
    rows = sum(len(both[0]) for both in paired)
    targets = [torch.from_numpy(target[:rows]) for target in held.targets]

    def loss(votes: tuple[int, int]) -> float:
        blended = torch.from_numpy(Unseen([], paired).blend(votes))
        return float(parts.objective.judge(blended, targets).double().mean())

    best = min(VOTES, key=loss) if rows else (1, 1)
    return [best[place % 2] for place in range(count)]
