"""The training loop. There is no other.

for each batch, a function of (seed, step):
    loss, gradient -> is it finite? -> clip -> update -> average
    now and then: evaluate on the valid rows, note the history, keep the best, save a checkpoint, stop if it is time
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from lamina.data.batches import Batch, in_order, rows_at_once
from lamina.data.rows import Rows
from lamina.nn.start import seed_of_step
from lamina.training import checkpoint, machine
from lamina.training.auto import settle
from lamina.training.budget import Budget
from lamina.training.checkpoint import Position, Snapshot
from lamina.training.finder import find_rate
from lamina.training.history import History
from lamina.training.machine import Choice
from lamina.training.memory import available, check_batch
from lamina.training.nonfinite import explain
from lamina.training.objective import Objective
from lamina.training.optimisers import make_optimiser
from lamina.training.progress import Progress, clock
from lamina.training.schedule import factor
from lamina.training.settings import TrainSettings

__all__ = ["Augmentation", "Trainer", "at_rest"]

FOLLOW = 4  # steps between two moves of the averaged weights, after the first hundred
WATCHED = 50_000  # valid rows that are looked at between epochs; of more, every second, third ...
SETTLE = 0.03  # share of a budget of seconds after which the horizon is first reckoned


Augmentation = Callable[[Batch, int], Batch]


class Trainer:
    """Training of one network towards one objective.

    Args:
        folder: takes the checkpoints.
        model: the network; it ends with its best weights.
        objective: what is to be learned.
        train, valid: encoded rows; no ``valid`` rows mean no early stopping and the last weights.
        settings: how.
        seed: order of rows and dropout are functions of it.
        history: takes a row an evaluation.
        progress: where to tell of it.
        spent: seconds of the budget that are gone.
        until: seconds of the budget by which this network ends; all of them if None.
        way: how this machine runs such a network; measured if None.
        augment: changes the training rows, as a function of the step.
    """

    def __init__(
        self,
        folder: Path,
        model: nn.Module,
        objective: Objective,
        train: Rows,
        valid: Rows,
        settings: TrainSettings,
        seed: int,
        history: History,
        progress: Progress,
        spent: float = 0.0,
        until: float | None = None,
        way: Choice | None = None,
        augment: Augmentation | None = None,
    ) -> None:
        self.folder, self.model, self.objective = folder, model, objective
        self.count = len(train.places)
        self.valid = objective.watched(valid.thinned(WATCHED))
        self.settings = settle(settings, self.count, train.store.groups)
        self.seed, self.history, self.progress = seed, history, progress
        self.budget, self.spent = Budget.parse(settings.budget), spent
        self.until = until if until is not None else self.budget.seconds
        size, patience = self.settings.batch_size, self.settings.patience
        assert size != "auto" and patience != "auto"
        self._patience = patience
        self.batches = objective.batches(model, train, size, seed)
        self.position = Position(horizon=self.budget.horizon(self.batches.steps), budget=settings.budget)
        self.best: dict[str, Tensor] = {}
        self.average: dict[str, Tensor] = {}
        self._optimiser_state: dict[str, Tensor] = {}
        self._way, self.augment = way, augment
        self._clock = self._saved = time.monotonic()
        self.stop_asked = False

    # --- what a caller does

    def ask_to_stop(self) -> None:
        """Let the step in progress end, save, and leave: for signal handlers."""
        self.stop_asked = True

    def restore(self, snapshot: Snapshot) -> None:
        """Take training up where a checkpoint left it, under the budget of now."""
        now, self.position = self.position, snapshot.position
        self._clock = time.monotonic() - self.position.seconds
        if self.position.budget != now.budget:
            self.position.budget, self.position.horizon = now.budget, now.horizon
            if self.position.stopped == "budget":
                self.position.stopped = self._why_stop()
        self.model.load_state_dict(snapshot.group("model"))
        self.best, self.average = snapshot.group("best"), snapshot.group("average")
        self._optimiser_state = snapshot.group("optimiser")

    def fit(self) -> Position:
        """Train until the budget is spent, nothing gets better, or one asks to stop. Returns where training stands.

        Raises:
            NonFiniteError: if a loss or gradient is no number; a checkpoint from before that step is there.
            MemoryNeedError: if a step would not fit in memory.
        """
        self._clock = time.monotonic() - self.position.seconds
        if self.position.stopped is None:
            self._prepare()
            self._steps()
        if self.best:
            self.model.load_state_dict(self.best)
        return self.position

    # --- before the first step

    def _prepare(self) -> None:
        """What is settled once: the memory's check, the way of running, the learning rate."""
        settings, position = self.settings, self.position
        first = next(self.batches.epoch(0))
        # Normalisation layers move in the forward pass already, before one knows whether a step counts.
        norms = [module for module in self.model.modules() if hasattr(module, "running_mean")]
        self._running = [buffer for norm in norms for buffer in norm.buffers(recurse=False)]
        running = self._copy_running()
        if not position.way:
            check_batch(
                self.model, lambda rows: self._loss(self.model, _head(first, rows)), len(first.rows), available()
            )
            way = self._way or machine.choose(
                self.model, lambda model: self._loss(model, first), settings, self.budget.seconds
            )
            position.way = dataclasses.asdict(way)
        self.way = Choice(**{**position.way, "notes": tuple(position.way["notes"])})
        torch.set_num_threads(self.way.threads)
        self.runner: Any = torch.compile(self.model) if self.way.compile else self.model
        if not position.rate:
            position.rate = self._rate()
        self._put_back(running)
        self.optimiser = make_optimiser(self.model, settings, position.rate)
        self.optimiser.load(self._optimiser_state)
        self._parameters = [parameter for parameter in self.model.parameters() if parameter.requires_grad]
        self._prepare_average()

    def _rate(self) -> float:
        """The learning rate before the schedule."""
        chosen = self.settings.learning_rate
        if chosen == "find":
            batches = (batch for epoch in itertools.count() for batch in self.batches.epoch(epoch))
            stream = (functools.partial(self._loss, batch=batch) for batch in batches)
            return find_rate(self.model, stream, self.settings)
        assert chosen != "auto"
        return chosen

    def _prepare_average(self) -> None:
        """The averaged weights, and the pairs of tensors that are moved at each step."""
        state = self.model.state_dict()
        if self.settings.averaging and not self.average:
            self.average = {name: value.clone() for name, value in state.items()}
        still = {name for name, parameter in self.model.named_parameters() if not parameter.requires_grad}
        floats = [name for name in self.average if state[name].is_floating_point() and name not in still]
        self._followers = [self.average[name] for name in floats]
        self._leaders = [state[name] for name in floats]
        self._forget = 1 / max(2.0, self.settings.averaging * self.batches.steps)

    def _loss(self, model: Any, batch: Batch) -> Tensor:
        raw = self.objective.raw(model, batch)
        loss = self.objective.loss(raw, batch.targets)
        if not batch.others:
            return loss
        return batch.share * loss + (1 - batch.share) * self.objective.loss(raw, list(batch.others))

    # --- the loop

    def _steps(self) -> None:
        position, steps = self.position, self.batches.steps
        every = steps if self.settings.evaluate_every == "epoch" else self.settings.evaluate_every
        self.model.train()
        self._first = position.step, time.monotonic()
        while position.stopped is None and not self.stop_asked:
            epoch, first = divmod(position.step, steps)
            for batch in self.batches.epoch(epoch, first):
                self._step(batch)
                if position.step % every == 0:
                    self._evaluate(epoch)
                self._reckon()
                position.stopped = self._why_stop()
                if position.stopped is not None or self.stop_asked:
                    break
        if position.stopped is not None and position.step % every:
            self._evaluate(position.step // steps)
        self._save()

    def _step(self, batch: Batch) -> None:
        """One update. Nothing is changed if the loss or the gradient is no number."""
        position = self.position
        torch.default_generator.manual_seed(seed_of_step(self.seed, position.step))
        self.optimiser.set_rate(self._rate_factor())
        running = self._copy_running()
        if self.augment is not None:
            batch = self.augment(batch, position.step)
        loss = 0.0
        for piece in _pieces(batch, self.settings.accumulate):
            with machine.running(self.way):
                part = self._loss(self.runner, piece)
            share = len(piece.rows) / len(batch.rows)
            (part if share == 1 else part * share).backward()
            loss += float(part.detach()) * share
        norm = self._shorten()
        if not (math.isfinite(loss) and math.isfinite(norm)):
            self._give_up(batch, running)
        self.optimiser.step()
        position.step += 1
        position.loss_sum += loss * len(batch.rows)
        position.loss_rows += len(batch.rows)
        apart = FOLLOW if position.step > 100 else 1  # a short training must not be judged by its start
        if self._followers and position.step % apart == 0:
            # Early on the average would still remember the start; (1 + t) / (10 + t) forgets it faster.
            keep = min(1 - self._forget, (1 + position.step) / (10 + position.step))
            torch._foreach_lerp_(self._followers, self._leaders, 1 - keep**apart)

    def _shorten(self) -> float:
        """Clip the gradient to its longest length; returns the length that it had."""
        gradients = [parameter.grad for parameter in self._parameters if parameter.grad is not None]
        norm = math.hypot(*map(float, torch._foreach_norm(gradients)))
        if self.settings.clip and norm > self.settings.clip and math.isfinite(norm):
            torch._foreach_mul_(gradients, self.settings.clip / norm)
        return norm

    def _copy_running(self) -> list[Tensor]:
        return [buffer.clone() for buffer in self._running]

    def _put_back(self, running: list[Tensor]) -> None:
        for buffer, value in zip(self._running, running, strict=True):
            buffer.copy_(value)

    def _give_up(self, batch: Batch, running: list[Tensor]) -> None:
        self.model.zero_grad(set_to_none=True)
        self._put_back(running)
        self._save()

        def again() -> Tensor:
            torch.default_generator.manual_seed(seed_of_step(self.seed, self.position.step))
            with machine.running(self.way):
                return self._loss(self.model, batch)

        error = explain(self.model, again, self.position.step, batch.rows)
        self._put_back(running)
        raise error

    # --- evaluation

    def _evaluate(self, epoch: int) -> None:
        """Look at the valid rows, note it, keep the best, and save if it is time."""
        position = self.position
        weights = self.average or {name: value.detach() for name, value in self.model.state_dict().items()}
        score = self._score()
        self.history.add(
            {
                "network": int(self.folder.name),
                "epoch": epoch,
                "step": position.step,
                "seconds": round(self._elapsed(), 3),
                "train_loss": position.loss_sum / max(1, position.loss_rows),
                "valid_loss": score,
                "learning_rate": position.rate * self._rate_factor(),
                "time": time.time(),
            }
        )
        position.loss_sum, position.loss_rows = 0.0, 0
        if score is None or position.best_score is None or score < position.best_score:
            position.best_score, position.best_step, position.stale = score, position.step, 0
            self.best = {name: value.clone() for name, value in weights.items()}
        else:
            position.stale += 1
        if time.monotonic() - self._saved > self.settings.checkpoint_every:
            self._save()

    def _score(self) -> float | None:
        """The mean of what is watched over the valid rows, by the averaged weights if there are; None without rows."""
        if not len(self.valid.places):
            return None
        mine = {name: value.clone() for name, value in self.model.state_dict().items()} if self.average else None
        if mine:
            self.model.load_state_dict(self.average)
        total = 0.0
        for batch in at_rest(self.model, self.valid):
            total += float(self.objective.watch(self.model, batch).double().sum())
        if mine:
            self.model.load_state_dict(mine)
        return total / len(self.valid.places)

    # --- time

    def _elapsed(self) -> float:
        return time.monotonic() - self._clock

    def _done(self) -> float:
        """How far training is, from 0 to 1. Before the horizon of a budget of seconds is known: at its start."""
        horizon = self.position.horizon
        return min(1.0, self.position.step / horizon) if horizon else 0.0

    def _rate_factor(self) -> float:
        return factor((self.position.step + 1) / self.batches.steps, self._done(), self.settings)

    def _reckon(self) -> None:
        """Turn a budget of seconds into a last step, by the speed so far; set once, so that a resumed run keeps it."""
        position = self.position
        if self.until is None or position.horizon is not None or self.settings.schedule == "flat":
            return
        elapsed, left = self._elapsed(), self.until - self.spent
        if elapsed > SETTLE * left and position.step >= min(20, self.batches.steps):
            # What came before the first step says nothing of the speed.
            speed = (position.step - self._first[0]) / (time.monotonic() - self._first[1])
            position.horizon = position.step + max(1, int(0.97 * speed * (left - elapsed)))

    def _why_stop(self) -> str | None:
        position = self.position
        if self.until is not None and self.spent + self._elapsed() >= self.until:
            return "budget"
        if position.horizon is not None and position.step >= position.horizon:
            return "budget"
        if 0 < self._patience <= position.stale:
            return "patience"
        self._tell()
        return None

    # --- telling and saving

    def _tell(self) -> None:
        if self.progress.stream is None or self.position.step % 8:
            return
        position, elapsed = self.position, self._elapsed()
        left = (1 / max(self._done(), 1e-9) - 1) * elapsed
        if self.until is not None:
            left = self.until - self.spent - elapsed
        best = "" if position.best_score is None else f"best valid {position.best_score:.4f} · "
        self.progress.update(
            f"network {int(self.folder.name) + 1} · epoch {position.step // self.batches.steps + 1} · "
            f"loss {position.loss_sum / max(1, position.loss_rows):.4f} · {best}"
            f"{position.step * self.batches.pace / max(elapsed, 1e-9):,.0f} {self.batches.unit}/s · "
            f"at most {clock(left)} left"
        )

    def _save(self) -> None:
        self.position.seconds = self._elapsed()
        tensors = {f"model/{name}": value for name, value in self.model.state_dict().items()}
        tensors |= {f"best/{name}": value for name, value in self.best.items()}
        tensors |= {f"average/{name}": value for name, value in self.average.items()}
        tensors |= {f"optimiser/{name}": value for name, value in self.optimiser.state().items()}
        checkpoint.save(self.folder, Snapshot(self.position, tensors))
        self._saved = time.monotonic()


def at_rest(model: nn.Module, rows: Rows) -> Iterator[Batch]:
    """Yield all rows in order, with the network in evaluation mode, in float32 and without gradients."""
    was_training = model.training
    model.eval()
    with torch.inference_mode():
        yield from in_order(rows, rows_at_once(wide=rows.store.is_wide))
    model.train(was_training)


def _head(batch: Batch, rows: int) -> Batch:
    """The first rows of a batch, repeated if there are too few."""
    return batch.part(np.arange(rows) % len(batch.rows))


def _pieces(batch: Batch, count: int) -> list[Batch]:
    if count == 1:
        return [batch]
    edges = [len(batch.rows) * place // count for place in range(count + 1)]
    return [batch.part(slice(low, high)) for low, high in itertools.pairwise(edges) if high > low]
