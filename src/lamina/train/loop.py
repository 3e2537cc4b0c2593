"""The training loop. There is no other.

for each batch, a function of (seed, step):
    loss, gradient -> is it finite? -> clip -> update -> average
    now and then: evaluate on the valid rows, note the history, keep the best, save a checkpoint, stop if it is time
"""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from lamina.data.batches import Batch, Batches, in_order
from lamina.data.store import Store
from lamina.errors import TrainingError
from lamina.nn.start import seed_of
from lamina.train import checkpoint, machine
from lamina.train.budget import Budget
from lamina.train.checkpoint import Position, Snapshot
from lamina.train.finder import find_rate
from lamina.train.history import History
from lamina.train.machine import Choice
from lamina.train.memory import available, check_batch
from lamina.train.nonfinite import explain
from lamina.train.objective import Objective
from lamina.train.optimisers import make_optimiser
from lamina.train.progress import Progress, clock
from lamina.train.schedule import factor
from lamina.train.settings import TrainSettings

__all__ = ["Trainer", "predict"]

EVALUATION_ROWS = 4096  # rows in a forward pass without gradients
SETTLE = 0.03  # share of a budget of seconds after which the horizon is first reckoned


class Trainer:
    """Training of one model towards one objective.

    Args:
        run: the run folder, for history and checkpoints.
        model: the network; it ends with its best weights.
        objective: what is to be learned.
        train, valid: encoded rows; an empty ``valid`` means no early stopping and the last weights.
        settings: how.
        seed: order of rows and dropout are functions of it.
        progress: where to tell of it.
    """

    def __init__(
        self,
        run: Path,
        model: nn.Module,
        objective: Objective,
        train: Store,
        valid: Store,
        settings: TrainSettings,
        seed: int,
        progress: Progress,
    ) -> None:
        self.run, self.model, self.objective = run, model, objective
        self.train_rows, self.valid_rows = train, valid
        self.settings, self.seed, self.progress = settings, seed, progress
        self.budget = Budget.parse(settings.budget)
        self.batches = Batches(train, batch_size(settings, train.rows), seed)
        self.position = Position(horizon=self.budget.horizon(self.batches.steps))
        self.best: dict[str, Tensor] = {}
        self.average: dict[str, Tensor] = {}
        self.history_rows: list[dict[str, Any]] = []
        self._clock = time.monotonic()
        self._saved = self._clock
        self._stop_asked = False

    # --- what a caller does

    def ask_to_stop(self) -> None:
        """Let the step in progress end, save, and leave: for signal handlers."""
        self._stop_asked = True

    def restore(self, snapshot: Snapshot, history: list[dict[str, Any]]) -> None:
        """Take training up where a checkpoint left it."""
        self.position = snapshot.position
        self.model.load_state_dict(snapshot.group("model"))
        self.best, self.average = snapshot.group("best"), snapshot.group("average")
        self._restored_optimiser = snapshot.group("optimiser")
        self.history_rows = [row for row in history if row["step"] <= self.position.step]

    def fit(self) -> Position:
        """Train until the budget is spent, nothing gets better, or one asks to stop. Returns where training stands.

        Raises:
            NonFiniteError: if a loss or gradient is no number; a checkpoint from before that step is there.
            MemoryNeedError: if a step would not fit in memory.
        """
        self._clock = time.monotonic() - self.position.seconds
        self._prepare()
        self.history = History(self.run, self.history_rows, self.settings.tensorboard)
        try:
            self._steps()
        finally:
            self.history.close()
        if self.best:
            self.model.load_state_dict(self.best)
        return self.position

    # --- before the first step

    def _prepare(self) -> None:
        """Everything that is settled once a run: the memory's check, the way of running, the learning rate."""
        first = next(self.batches.epoch(0))
        settings, position = self.settings, self.position
        if not position.way:
            check_batch(
                self.model, lambda rows: self._loss(self.model, _head(first, rows)), len(first.rows), available()
            )
            choice = machine.choose(
                self.model, lambda model: self._loss(model, first), settings, self.budget.seconds
            )
            position.way = dataclasses.asdict(choice)
        self.way = Choice(**{**position.way, "notes": tuple(position.way["notes"])})
        torch.set_num_threads(self.way.threads)
        self.runner: Callable[[dict[str, Tensor]], Tensor] = (
            torch.compile(self.model) if self.way.compile else self.model  # type: ignore[assignment]
        )
        if not position.rate:
            stream = ((lambda model, batch=batch: self._loss(model, batch)) for batch in self.batches.epoch(0))
            found = find_rate(self.model, stream, settings) if settings.learning_rate == "find" else None
            position.rate = found if found is not None else float(settings.learning_rate)
        self.optimiser = make_optimiser(self.model, settings, position.rate)
        self.optimiser.load(getattr(self, "_restored_optimiser", {}))
        self._parameters = [parameter for parameter in self.model.parameters() if parameter.requires_grad]
        if settings.averaging and not self.average:
            self.average = {name: value.detach().clone() for name, value in self.model.state_dict().items()}

    def _loss(self, model: Any, batch: Batch) -> Tensor:
        return self.objective.loss(model(batch.inputs), batch.targets)

    # --- the loop

    def _steps(self) -> None:
        position, steps = self.position, self.batches.steps
        every = steps if self.settings.evaluate_every == "epoch" else int(self.settings.evaluate_every)
        self.model.train()
        while position.stopped is None:
            epoch, first = divmod(position.step, steps)
            for batch in self.batches.epoch(epoch, first):
                self._step(batch)
                if position.step % every == 0:
                    self._evaluate(epoch)
                self._reckon()
                position.stopped = self._why_stop()
                if position.stopped is not None:
                    break
        if position.step % every:
            self._evaluate(position.step // steps)
        interrupted = position.stopped == "interrupted"
        if interrupted:
            position.stopped = None  # a run that was interrupted has not ended: it can be resumed
        self._save()
        position.stopped = "interrupted" if interrupted else position.stopped

    def _step(self, batch: Batch) -> None:
        """One update. Nothing is changed if the loss or the gradient is no number."""
        position = self.position
        torch.default_generator.manual_seed(seed_of(self.seed, position.step))
        self.optimiser.set_rate(factor(self._done(), self.settings))
        pieces = _pieces(batch, self.settings.accumulate)
        loss = 0.0
        for piece in pieces:
            with machine.running(self.way):
                part = self._loss(self.runner, piece)
            share = len(piece.rows) / len(batch.rows)
            (part if share == 1 else part * share).backward()
            loss += float(part.detach()) * share
        norm = self._shorten()
        if not (math.isfinite(loss) and math.isfinite(norm)):
            self._give_up(batch)
        self.optimiser.step()
        position.step += 1
        position.loss_sum += loss * len(batch.rows)
        position.loss_rows += len(batch.rows)
        if self.settings.averaging:
            self._follow()

    def _shorten(self) -> float:
        """Clip the gradient to its longest length; returns the length that it had."""
        gradients = [parameter.grad for parameter in self._parameters if parameter.grad is not None]
        norm = float(torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients))))
        if self.settings.clip and norm > self.settings.clip and math.isfinite(norm):
            torch._foreach_mul_(gradients, self.settings.clip / norm)
        return norm

    def _follow(self) -> None:
        """Move the averaged weights towards the weights: average += (1 - decay) (weights - average)."""
        # Early on the average would still remember the start; (1 + t) / (10 + t) forgets it faster.
        decay = min(self.settings.averaging, (1 + self.position.step) / (10 + self.position.step))
        current = self.model.state_dict()
        floats = [name for name, value in current.items() if value.is_floating_point()]
        torch._foreach_lerp_([self.average[name] for name in floats], [current[name] for name in floats], 1 - decay)

    def _give_up(self, batch: Batch) -> None:
        self.optimiser.parts[0].zero_grad(set_to_none=True)
        self._save()

        def again() -> Tensor:
            torch.default_generator.manual_seed(seed_of(self.seed, self.position.step))
            with machine.running(self.way):
                return self._loss(self.model, batch)

        raise explain(self.model, again, self.position.step, batch.rows)

    # --- evaluation

    def _evaluate(self, epoch: int) -> None:
        """Look at the valid rows, note it, keep the best, and save if it is time."""
        position = self.position
        weights = self.average or {name: value.detach() for name, value in self.model.state_dict().items()}
        score = self._score(weights)
        row = {
            "epoch": epoch,
            "step": position.step,
            "seconds": round(self._elapsed(), 3),
            "train_loss": position.loss_sum / max(1, position.loss_rows),
            "valid_loss": score,
            "learning_rate": position.rate * factor(self._done(), self.settings),
            "time": time.time(),
        }
        position.loss_sum, position.loss_rows = 0.0, 0
        self.history.add(row)
        better = score is None or (
            math.isfinite(score) and (position.best_score is None or score < position.best_score)
        )
        if better:
            position.best_score, position.best_step, position.stale = score, position.step, 0
            self.best = {name: value.clone() for name, value in weights.items()}
        else:
            position.stale += 1
        self._tell(row)
        if time.monotonic() - self._saved > self.settings.checkpoint_every:
            self._save()

    def _score(self, weights: dict[str, Tensor]) -> float | None:
        """The mean of what is watched over the valid rows, with the given weights; None without such rows."""
        if not self.valid_rows.rows:
            return None
        mine = {name: value.clone() for name, value in self.model.state_dict().items()} if self.average else None
        if mine:
            self.model.load_state_dict(weights)
        total = 0.0
        for batch, predicted in predict(self.model, self.objective, self.valid_rows):
            total += float(self.objective.judge(predicted, batch.targets).double().sum())
        if mine:
            self.model.load_state_dict(mine)
        return total / self.valid_rows.rows

    # --- time

    def _elapsed(self) -> float:
        return time.monotonic() - self._clock

    def _done(self) -> float:
        """How far training is, from 0 to 1. Before the horizon of a budget of seconds is known: at its start."""
        horizon = self.position.horizon
        return min(1.0, self.position.step / horizon) if horizon else 0.0

    def _reckon(self) -> None:
        """Turn a budget of seconds into a last step, from the speed so far. Set once, so that a resumed run keeps it."""
        seconds, position = self.budget.seconds, self.position
        if seconds is None or position.horizon is not None:
            return
        elapsed = self._elapsed()
        if elapsed > SETTLE * seconds and position.step >= min(20, self.batches.steps):
            position.horizon = max(position.step + 1, int(0.97 * position.step * seconds / elapsed))

    def _why_stop(self) -> str | None:
        position, settings = self.position, self.settings
        if self._stop_asked:
            return "interrupted"
        if self.budget.seconds is not None and self._elapsed() >= self.budget.seconds:
            return f"the budget of {settings.budget} is spent"
        if position.horizon is not None and position.step >= position.horizon:
            return f"the budget of {settings.budget} is spent"
        if settings.patience and position.stale >= settings.patience:
            return f"no better score on the valid rows in {settings.patience} evaluations"
        self._say_step()
        return None

    # --- telling and saving

    def _say_step(self) -> None:
        if self.progress.stream is None or self.position.step % 8:
            return
        position, elapsed = self.position, self._elapsed()
        left = self.budget.seconds - elapsed if self.budget.seconds else (1 / max(self._done(), 1e-9) - 1) * elapsed
        self.progress.update(
            f"epoch {position.step // self.batches.steps + 1} · step {position.step} · "
            f"loss {position.loss_sum / max(1, position.loss_rows):.4f} · "
            f"valid {position.best_score if position.best_score is not None else math.nan:.4f} (best) · "
            f"{position.step * self.train_rows.rows / self.batches.steps / max(elapsed, 1e-9):,.0f} rows/s · "
            f"at most {clock(left)} left"
        )

    def _tell(self, row: dict[str, Any]) -> None:
        self._say_step()

    def _save(self) -> None:
        self.position.seconds = self._elapsed()
        tensors = {f"model/{name}": value for name, value in self.model.state_dict().items()}
        tensors |= {f"best/{name}": value for name, value in self.best.items()}
        tensors |= {f"average/{name}": value for name, value in self.average.items()}
        tensors |= {f"optimiser/{name}": value for name, value in self.optimiser.state().items()}
        checkpoint.save(self.run, Snapshot(self.position, tensors))
        self._saved = time.monotonic()


def batch_size(settings: TrainSettings, rows: int) -> int:
    """The batch size: as set, or by the number of rows, between 32 and 1024 in powers of two, some 100 steps an epoch."""
    if settings.batch_size != "auto":
        if settings.batch_size < 1:
            raise TrainingError("train.batch_size must be 1 or more", got=settings.batch_size)
        return settings.batch_size
    return int(2 ** min(10, max(5, round(math.log2(max(1, rows) / 100)))))


def predict(model: nn.Module, objective: Objective, rows: Store) -> Any:
    """Yield (batch, activated outputs (B, width) float32) over all rows in order, in float32, without gradients."""
    was_training = model.training
    model.eval()
    with torch.inference_mode():
        for batch in in_order(rows, EVALUATION_ROWS):
            yield batch, objective.activate(model(batch.inputs))
    model.train(was_training)


def _head(batch: Batch, rows: int) -> Batch:
    """The first rows of a batch, repeated if there are too few."""
    pick = torch.arange(rows) % len(batch.rows)
    inputs = {name: value[pick] for name, value in batch.inputs.items()}
    return Batch(inputs, [target[pick] for target in batch.targets], batch.rows[pick.numpy()])


def _pieces(batch: Batch, count: int) -> list[Batch]:
    if count == 1:
        return [batch]
    edges = [len(batch.rows) * place // count for place in range(count + 1)]
    return [
        Batch(
            {name: value[low:high] for name, value in batch.inputs.items()},
            [target[low:high] for target in batch.targets],
            batch.rows[low:high],
        )
        for low, high in zip(edges, edges[1:], strict=False)
        if high > low
    ]
