"""Training the networks of a run, one after the other, and weighing them."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import math
import signal
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn

from lamina.data.batches import gather
from lamina.data.prepare import UNLABELLED
from lamina.data.rows import Rows
from lamina.data.split import FOLDS
from lamina.data.store import Store
from lamina.models.base import Model
from lamina.models.mixed import Mixed
from lamina.pipeline.augmented import augmented, find_flips
from lamina.pipeline.parts import Module, Parts
from lamina.pipeline.pseudo import PseudoLabels
from lamina.training import checkpoint
from lamina.training.budget import Budget
from lamina.training.checkpoint import Position, Snapshot
from lamina.training.history import History, read_history
from lamina.training.loop import Trainer, at_rest
from lamina.training.machine import Choice, keep_memory
from lamina.training.objective import Objective
from lamina.training.progress import Progress

__all__ = ["Done", "Trained", "Turn", "Unseen", "fold_rows", "outputs", "stopping", "train_networks", "unseen", "weigh"]

MOST_VOTES = 4  # of a network beside its companions, each of which has one at least


class Turn(NamedTuple):
    """One training in the order of trainings.

    Attributes:
        place: of the network among those that answer together.
        taught: whether it learns from pseudo-labels too.
    """

    place: int
    taught: bool = False


class Done(NamedTuple):
    """A training that has ended."""

    turn: Turn
    network: nn.Module
    position: Position


@dataclasses.dataclass
class Trained:
    """The networks of a run.

    Attributes:
        networks: those that answer together.
        positions: where the training of each ended.
        seconds: of all trainings, also of networks that were not kept.
        pseudo: what came of pseudo-labels, as :func:`lamina.pipeline.pseudo.told` takes it; None where none were asked
            for.
    """

    networks: list[nn.Module]
    positions: list[Position]
    seconds: float
    pseudo: dict[str, Any] | None = None


def train_networks(folder: Path, parts: Parts, learn: Store, progress: Progress, module: Module) -> Trained:
    """Train the networks one after the other, each with a fold of its own for early stopping.

    With pseudo-labels those of a fold are trained twice: from true labels alone, then, anew, from both.

    Raises:
        KeyboardInterrupt: on Ctrl-C or SIGTERM, after a checkpoint is saved.
    """
    keep_memory()
    turns = _turns(parts, learn, module)
    training = _Training(folder, parts, learn, progress, module, turns)
    try:
        while len(training.done) < max(training.begun, _wanted(parts, turns, training.done)):
            training.go_on()
    finally:
        training.history.close()
    return _chosen(parts, training.done, training.labels, learn)


class _Training:
    """The networks so far, and how the next is trained.

    Attributes:
        done: trainings that have ended.
        begun: trainings that have a checkpoint.
        labels: those that networks gave to rows without a target, where they are asked for.
    """

    def __init__(
        self, folder: Path, parts: Parts, learn: Store, progress: Progress, module: Module, turns: Sequence[Turn]
    ) -> None:
        self.folder, self.parts, self.progress, self.module, self.turns = folder, parts, progress, module, turns
        checkpoints = {number: checkpoint.latest(folder / "checkpoint" / str(number)) for number in range(len(turns))}
        self.snapshots = {number: checkpoint.load(path) for number, path in checkpoints.items() if path is not None}
        self.begun = max(self.snapshots, default=-1) + 1
        self.history = History(folder, _kept_history(folder, self.snapshots), parts.plan.train.tensorboard)
        self.changes = bool(parts.encoder.layout.wide) and not (parts.transfer and parts.transfer.is_short)
        self.flips = find_flips(folder, parts, fold_rows(learn, 0, inside=False)) if self.changes else {}
        self.learn = _shortened(parts, learn, progress)
        self.done: list[Done] = []
        least = parts.plan.train.pseudo
        self.labels = None if least is None else PseudoLabels(folder, self.learn, parts.objective.tasks[0], least)

    def go_on(self) -> None:
        """Train the next network."""
        turn = self.turns[len(self.done)]
        learn = self._labelled(turn) if turn.taught else self.learn
        if learn is None:  # nothing to learn from but what taught the same network before
            before = self._of(self.parts.fold(turn.place))[turn.place % self.parts.kinds]
            self.done.append(Done(turn, before.network, dataclasses.replace(before.position, seconds=0.0)))
        else:
            self.done.append(self._train(turn, learn))

    def _of(self, fold: int) -> list[Done]:
        """The networks of a fold that learned from true labels alone."""
        return [one for one in self.done if not one.turn.taught and self.parts.fold(one.turn.place) == fold]

    def _labelled(self, turn: Turn) -> Store | None:
        """The rows with the labels that the networks of the same fold gave."""
        assert self.labels is not None
        fold, objective = self.parts.fold(turn.place), self.parts.objective

        def answer(rows: Rows) -> np.ndarray:
            self.progress.say(f"labelling {len(rows.places):,} rows without a target")
            said = [outputs(one.network, objective, rows) for one in self._of(fold)]
            return np.asarray(np.mean(said, axis=0, dtype=np.float32))

        return self.labels.give(fold, answer)

    def _train(self, turn: Turn, learn: Store) -> Done:
        parts, number = self.parts, len(self.done)
        place, seed = turn.place, parts.seed(turn.place)
        model = parts.network(place, self.module)
        # The weights are of the plan's own network; a companion starts from nothing, and reads the same tokens.
        learning = parts.transfer.begin(model, seed) if parts.transfer and not place % parts.kinds else None
        rows = fold_rows(learn, parts.fold(place), inside=False)
        if isinstance(model, Model) and model.remembers:
            batch = gather(learn, rows.places)
            model.remember(batch.inputs, parts.objective.ideal(batch.targets))
        trainer = Trainer(
            self.folder / "checkpoint" / str(number),
            model,
            parts.objective,
            rows,
            fold_rows(learn, parts.fold(place), inside=True),
            parts.plan.train,
            seed,
            self.history,
            self.progress,
            spent=sum(one.position.seconds for one in self.done),
            until=_until(parts, self.turns, number),
            way=self._way(turn),
            augment=augmented(parts, self.flips, seed) if self.changes else None,
        )
        if learning:
            learning.open_later(trainer.batches.steps)
        if number in self.snapshots:
            trainer.restore(self.snapshots[number])
        with stopping(trainer):
            position = trainer.fit()
        if trainer.stop_asked:  # also in the last step: others may be to come
            raise KeyboardInterrupt(f"stopped at step {position.step}; go on with: lamina resume {self.folder}")
        if learning:
            learning.end()
        return Done(turn, model, position)

    def _way(self, turn: Turn) -> Choice | None:
        """How this machine runs such a network, where one has been measured: of its kind, on as many rows."""
        kind = turn.place % self.parts.kinds, turn.taught
        same = (one for one in self.done if (one.turn.place % self.parts.kinds, one.turn.taught) == kind)
        return next((Choice(**one.position.way) for one in same), None)


def _shortened(parts: Parts, learn: Store, progress: Progress | None = None) -> Store:
    """The rows with the vectors of networks that never change, where there are such."""
    if parts.transfer is None or not parts.transfer.is_short:
        return learn
    if progress is not None:
        progress.say("computing the vectors of the pre-trained network once")
    model = parts.network(0)
    assert isinstance(model, Mixed)
    return parts.transfer.shortened(model, learn)


def _turns(parts: Parts, learn: Store, module: Module) -> list[Turn]:
    """All trainings that there can be, in their order."""
    settings, dealt = parts.plan.train, np.unique(np.asarray(learn.arrays["fold"]))
    most = FOLDS * parts.kinds if (dealt < FOLDS).sum() == FOLDS and module is None else 1
    if settings.networks != "auto":
        most = min(settings.networks, most)
    elif Budget.parse(settings.budget).seconds is None or (parts.transfer and parts.transfer.is_short):
        most = 1  # several heads on one network would make it answer several times, and say much the same
    if not parts.objective.blends:
        most = 1
    if settings.pseudo is None:
        return [Turn(place) for place in range(most)]
    folds = [list(places) for _, places in itertools.groupby(range(most), parts.fold)]
    return [Turn(place, taught) for places in folds for taught in (False, True) for place in places]


def _until(parts: Parts, turns: Sequence[Turn], number: int) -> float | None:
    """Seconds of the budget by which a training ends: those of the first fold share it."""
    seconds = Budget.parse(parts.plan.train.budget).seconds
    first = sum(parts.fold(turn.place) == 0 for turn in turns)
    return seconds * (number + 1) / first if seconds is not None and number < first else None


def fold_rows(learn: Store, fold: int, *, inside: bool) -> Rows:
    """The rows inside or outside of a fold; those without a target are neither."""
    folds = np.asarray(learn.arrays["fold"])
    return Rows(learn, np.flatnonzero(((folds == fold) == inside) & (folds != UNLABELLED)).astype(np.uint32))


def _wanted(parts: Parts, turns: Sequence[Turn], done: Sequence[Done]) -> int:
    """How many trainings there are to be, as far as one knows after those that have ended."""
    if parts.plan.train.networks != "auto":
        return len(turns)
    # A network and its companion come first, however little is left; what learns from both labels never stays away.
    whole = parts.kinds * 2 if parts.plan.train.pseudo is not None else 1
    first = sum(parts.fold(turn.place) == 0 for turn in turns)
    if len(done) < first or len(done) == len(turns) or len(done) % whole:
        return min(len(turns), len(done) + 1)
    seconds = Budget.parse(parts.plan.train.budget).seconds
    assert seconds is not None  # else there is but one network
    spent, longest = (found(one.position.seconds for one in done) for found in (sum, max))
    return len(done) + (spent + 1.1 * longest * whole < seconds)


def _kept_history(folder: Path, snapshots: Mapping[int, Snapshot]) -> list[dict[str, Any]]:
    """The history up to the checkpoints: what came after them will come again."""
    steps = {number: snapshot.position.step for number, snapshot in snapshots.items()}
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


def outputs(model: nn.Module, objective: Objective, rows: Rows) -> Any:
    """What a network says of all rows: activated outputs (n, width), or texts."""
    batches = at_rest(model, rows)
    return objective.joined([objective.said(model, batch) for batch in batches])


@dataclasses.dataclass
class Unseen:
    """The held-out rows of the folds in use, and what the networks that have not seen them say.

    Attributes:
        targets: of each target column, encoded, (n, ...).
        said: fold -> activated outputs of its network and of its companions, as far as they are there, each
            (rows, width).
    """

    targets: list[np.ndarray]
    said: list[list[np.ndarray]]

    def blend(self, votes: Sequence[int]) -> np.ndarray:
        """Activated outputs, (n, width), where a network and its companions have so many votes each."""
        blended = []
        for each in self.said:
            shares = np.asarray(votes[: len(each)], np.float32)
            blended.append(sum(share * one for share, one in zip(shares / shares.sum(), each, strict=True)))
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
    """Votes of each network: for the kinds, those that judge best on rows that they have not learned from."""
    count = sum(len(each) for each in held.said)
    if parts.kinds == 1 or count == 1:
        return [1] * count
    # A last fold without some of the kinds says nothing of all of them together.
    whole = [each for each in held.said if len(each) == parts.kinds]
    rows = sum(len(each[0]) for each in whole)
    targets = [torch.from_numpy(target[:rows]) for target in held.targets]

    def loss(votes: Sequence[int]) -> float:
        blended = torch.from_numpy(Unseen([], whole).blend(votes))
        return float(parts.objective.judge(blended, targets).double().mean())

    asked = itertools.product(range(1, MOST_VOTES + 1), repeat=parts.kinds)
    best = min((votes for votes in asked if math.gcd(*votes) == 1), key=loss) if rows else [1] * parts.kinds
    return [best[place % parts.kinds] for place in range(count)]


def _chosen(parts: Parts, done: Sequence[Done], labels: PseudoLabels | None, learn: Store) -> Trained:
    """All networks, or of those before and after pseudo-labels the ones that judge better by what is watched."""
    seconds = sum(one.position.seconds for one in done)
    if labels is None:
        return Trained([one.network for one in done], [one.position for one in done], seconds)
    stages = {"before": [one for one in done if not one.turn.taught], "after": [one for one in done if one.turn.taught]}
    held = {name: unseen(parts, [one.network for one in stage], learn) for name, stage in stages.items()}
    scores = {name: _standing(parts, found) for name, found in held.items()}
    rows = len(held["before"].targets[0])
    is_better = scores["after"]["loss"] < scores["before"]["loss"] if rows else any(labels.count(range(FOLDS)))
    kept = "after" if is_better else "before"
    pseudo = {
        "threshold": labels.least,
        "rows": len(labels.unlabelled.places),
        "labelled": labels.count(sorted({parts.fold(one.turn.place) for one in done})),
        "valid_rows": rows,
        **scores,
        "kept": kept,
        "history": next(number for number, one in enumerate(done) if one.network is stages[kept][0].network),
    }
    return Trained([one.network for one in stages[kept]], [one.position for one in stages[kept]], seconds, pseudo)


def _standing(parts: Parts, held: Unseen) -> dict[str, Any]:
    """Mean of what is watched, and share of right answers, of networks on rows that they have not learned from."""
    said, targets = held.blend(weigh(parts, held)), [torch.from_numpy(target) for target in held.targets]
    if not len(said):
        return {"loss": None, "accuracy": None}
    right = parts.objective.tasks[0].answer(said).decision == held.targets[0]
    return {
        "loss": float(parts.objective.judge(torch.from_numpy(said), targets).double().mean()),
        "accuracy": float(np.mean(right)),
    }
