"""A loss or gradient that is no number stops the step before its update, and is named with its layer and rows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import lamina
from lamina.data.batches import Batch
from lamina.errors import NonFiniteError
from lamina.files import digest
from lamina.training.checkpoint import latest, load
from lamina.training.loop import Trainer
from lamina.training.objective import Objective

Fit = Callable[..., lamina.Run]
Make = Callable[..., Trainer]
NAN = float("nan")


class Spoiled:
    """Training whose step 6, and nothing else, is spoiled by a function of the trainer and the batch."""

    def __init__(self, patch: pytest.MonkeyPatch, spoil: Callable[[Trainer, Batch], Batch]) -> None:
        real = Trainer._step

        def step(trainer: Trainer, batch: Batch) -> None:
            self.trainer = trainer
            if trainer.position.step == 6:
                self.before = {name: value.clone() for name, value in trainer.model.state_dict().items()}
                self.batch = batch = spoil(trainer, batch)
            real(trainer, batch)

        patch.setattr(Trainer, "_step", step)

    def check(self, folder: Path) -> None:
        """The weights are those of before the step, in memory and in the checkpoint, and no gradient is left."""
        path = latest(folder / "checkpoint" / "0")
        assert path is not None and path.name == "step-000000006.safetensors"
        saved = load(path).group("model")
        assert set(saved) == set(self.before)
        for name, value in self.before.items():
            assert torch.equal(saved[name], value), name
            assert torch.equal(self.trainer.model.state_dict()[name], value), name
        assert all(parameter.grad is None for parameter in self.trainer.model.parameters())


def spoil_rows(trainer: Trainer, batch: Batch) -> Batch:
    numbers = batch.inputs["number"].clone()
    numbers[3, 0] = NAN
    return batch._replace(inputs={**batch.inputs, "number": numbers})


def spoil_targets(trainer: Trainer, batch: Batch) -> Batch:
    return batch._replace(targets=[torch.where(torch.arange(len(batch.rows)) == 2, NAN, batch.targets[0].float())])


@pytest.mark.parametrize("model", ["mlp", "resnet", "tabm", "ft_transformer"])
def test_in_the_rows(fit: Fit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: str) -> None:
    """The first layer that gives it is named, the batch's rows too; the run goes on as if nothing had been."""
    settings = {"model": model, "model__dropout": 0.2, **({"model__heads": 2} if model == "ft_transformer" else {})}
    whole = fit("whole", **settings)
    spoiled = Spoiled(monkeypatch, spoil_rows)
    with pytest.raises(NonFiniteError) as error:
        fit(**settings)
    assert "step 6 was stopped before its update: the output of layer '" in str(error.value)
    rows = ", ".join(map(str, spoiled.batch.rows[:8]))
    assert f"a batch of {len(spoiled.batch.rows)} rows, numbers {rows} and" in str(error.value)
    spoiled.check(tmp_path / "run")
    monkeypatch.undo()
    run = lamina.resume(tmp_path / "run")
    assert digest(run.path / "weights.safetensors") == digest(whole.path / "weights.safetensors")


def test_in_the_target(fit: Fit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spoiled = Spoiled(monkeypatch, spoil_targets)
    with pytest.raises(NonFiniteError, match=r"step 6 .* the loss itself \(.*\) is not finite"):
        fit()
    spoiled.check(tmp_path / "run")


def test_in_the_weights(make: Make) -> None:
    trainer = make(budget="4steps")
    with torch.no_grad():
        trainer.model.trunk[0].weight[0, 0] = NAN
    with pytest.raises(NonFiniteError, match=r"step 0 .* the weights trunk\.0\.weight is not finite"):
        trainer.fit()


def test_in_the_gradient_alone(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """The root of zero is zero, and its slope infinite: the loss is finite, the gradient is not."""
    real = Objective.loss

    def rooted(self: Objective, raw: Any, targets: list[Any]) -> Any:
        return real(self, raw, targets) + (raw - raw.detach()).abs().sum().sqrt()

    trainer = make(budget="4steps")
    before = {name: value.clone() for name, value in trainer.model.state_dict().items()}
    monkeypatch.setattr(Objective, "loss", rooted)
    with pytest.raises(NonFiniteError, match=r"the gradient of 'head\.\w+' is not finite"):
        trainer.fit()
    assert all(torch.equal(value, before[name]) for name, value in trainer.model.state_dict().items())
    assert trainer.position.step == 0


def test_rows_are_those_of_the_source(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = make(budget="4steps", batch_size=4)
    monkeypatch.setattr(Objective, "loss", lambda self, raw, targets: raw.sum() * NAN)
    with pytest.raises(NonFiniteError) as error:
        trainer.fit()
    first = next(trainer.batches.epoch(0))
    assert f"a batch of 4 rows, numbers {', '.join(map(str, first.rows))} ·" in str(error.value)
    assert (first.rows >= 1000).all()


def test_a_loss_that_runs_away_is_stopped(make: Make) -> None:
    trainer = make(budget="2000steps", learning_rate=1e30, clip=0, optimiser="sgd", warmup=0)
    with pytest.raises(NonFiniteError, match=r"lower train\.learning_rate"):
        trainer.fit()
    assert all(np.isfinite(value.numpy()).all() for value in trainer.model.state_dict().values())
