"""The loop does what its few lines say: compared with the same thing written plainly."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from lamina.features.layout import Layout
from lamina.models.mlp import MLP, MLPSettings
from lamina.nn.start import start
from lamina.testing import sample_layouts
from lamina.training.loop import Trainer

Make = Callable[..., Trainer]
Optimiser = Callable[[Any], torch.optim.Optimizer]
PLAIN: dict[str, Any] = {
    "batch_size": 16,
    "learning_rate": 0.05,
    "weight_decay": 0.0,
    "warmup": 0,
    "clip": 0.0,
    "averaging": 0.0,
    "budget": "10steps",
}


def weights_of(trainer: Trainer) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in trainer.model.state_dict().items()}


def close(one: dict[str, Tensor], other: dict[str, Tensor], tolerance: float = 1e-6) -> bool:
    return all(torch.allclose(one[name], other[name], atol=tolerance) for name in one)


def sgd(weights: Any) -> torch.optim.Optimizer:
    return torch.optim.SGD(weights, lr=0.05, momentum=0.9)


def by_hand(trainer: Trainer, optimiser: Optimiser, clip: float = 0.0, steps: int = 10) -> list[dict[str, Tensor]]:
    """The weights after each step of a loop as one writes it by hand, on the same batches."""
    model, seen = trainer.model, []
    opt = optimiser(model.parameters())
    for step in range(steps):
        batch = next(trainer.batches.epoch(*divmod(step, trainer.batches.steps)))
        opt.zero_grad()
        nn.functional.mse_loss(model(batch.inputs)[:, 0, 0], batch.targets[0]).backward()
        if clip:
            nn.utils.clip_grad_norm_(model.parameters(), clip)
        opt.step()
        seen.append(weights_of(trainer))
    return seen


@pytest.mark.parametrize("clip", [0.0, 0.3])
def test_sgd_is_a_plain_loop(make: Make, clip: float) -> None:
    trainer = make(valid=0, **(PLAIN | {"optimiser": "sgd", "momentum": 0.9, "clip": clip}))
    plain = make("other", valid=0, **PLAIN)
    assert trainer.batches.steps == plain.batches.steps == 4
    trainer.fit()
    expected = by_hand(plain, sgd, clip)[-1]
    assert close(weights_of(trainer), expected)


def test_adamw_is_a_plain_loop(make: Make) -> None:
    trainer, plain = make(valid=0, **PLAIN), make("other", valid=0, **PLAIN)
    trainer.fit()
    expected = by_hand(plain, lambda weights: torch.optim.AdamW(weights, lr=0.05, weight_decay=0))[-1]
    assert close(weights_of(trainer), expected, 1e-5)


def test_the_average_is_an_exponential_one_that_forgets_its_start(make: Make) -> None:
    trainer = make(valid=0, **(PLAIN | {"optimiser": "sgd", "averaging": 2.0}))
    trainer.fit()
    plain = make("other", valid=0, **PLAIN)
    average = weights_of(plain)
    for step, weights in enumerate(by_hand(plain, sgd), 1):
        keep = min(1 - 1 / (2 * 4), (1 + step) / (10 + step))
        average = {name: keep * average[name] + (1 - keep) * weights[name] for name in average}
    assert close(weights_of(trainer), average)


@pytest.mark.parametrize("pieces", [2, 3, 100])
def test_pieces_of_a_batch_are_the_batch(make: Make, pieces: int) -> None:
    whole, cut = make("whole", **PLAIN), make("cut", **(PLAIN | {"accumulate": pieces}))
    whole.fit()
    cut.fit()
    assert close(weights_of(whole), weights_of(cut))
    assert whole.history.rows[-1]["train_loss"] == pytest.approx(cut.history.rows[-1]["train_loss"], rel=1e-5)


def test_the_best_weights_are_kept(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever comes after: the score of each evaluation is planted, and the third is the best."""
    trainer = make(**(PLAIN | {"budget": "7epochs", "batch_size": 16}))
    scores, seen = iter([3.0, 2.0, 1.0, 1.5, 1.0, 4.0, 2.0]), []
    monkeypatch.setattr(trainer, "_score", lambda: (seen.append(weights_of(trainer)), next(scores))[1])
    position = trainer.fit()
    assert close(weights_of(trainer), seen[2], 0)
    assert (position.best_score, position.best_step, position.stale) == (1.0, 9, 4)
    assert [row["valid_loss"] for row in trainer.history.rows] == [3.0, 2.0, 1.0, 1.5, 1.0, 4.0, 2.0]


def test_without_valid_rows_the_last_weights_are_kept(make: Make) -> None:
    trainer = make(valid=0, **(PLAIN | {"optimiser": "sgd"}))
    trainer.fit()
    plain = make("other", valid=0, **PLAIN)
    assert close(weights_of(trainer), by_hand(plain, sgd)[-1])
    assert {row["valid_loss"] for row in trainer.history.rows} == {None}


def test_patience_ends_training(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = make(**(PLAIN | {"budget": "100epochs", "patience": 3}))
    scores = iter([5.0, 4.0, 4.5, 3.0, *([3.0] * 99)])
    monkeypatch.setattr(trainer, "_score", lambda: next(scores))
    position = trainer.fit()
    assert position.stopped == "patience"
    assert position.step == (4 + 3) * trainer.batches.steps


def test_the_score_is_the_mean_over_the_valid_rows_by_the_averaged_weights(make: Make) -> None:
    trainer = make(**(PLAIN | {"averaging": 3.0, "budget": "3steps"}))
    trainer.fit()
    layout: Layout = sample_layouts()[1]
    model = start(MLP(layout, 1, MLPSettings(width=8, depth=1, dropout=0.0)), 0)
    model.load_state_dict(trainer.average)
    valid = trainer.valid
    inputs = {name: torch.from_numpy(valid.array(name).astype("float32")) for name in ("number", "flag", "category")}
    error = model(inputs)[:, 0, 0] - torch.from_numpy(valid.array("target000"))
    assert trainer.history.rows[-1]["valid_loss"] == pytest.approx((error**2).mean().item(), rel=1e-5)


def test_history_tells_each_evaluation(make: Make) -> None:
    trainer = make(**(PLAIN | {"budget": "8steps", "evaluate_every": 3, "warmup": 2}))
    trainer.fit()
    rows = trainer.history.rows
    assert [row["step"] for row in rows] == [3, 6, 8]
    assert [row["epoch"] for row in rows] == [0, 1, 2]
    assert all(row["network"] == 0 and row["train_loss"] > 0 and row["seconds"] >= 0 for row in rows)
    # Epochs of 3 steps, a rise over 2 epochs: the rate of the step to come.
    assert [row["learning_rate"] for row in rows] == pytest.approx([0.05 * 4 / 6, 0.05, 0.05])


def test_dropout_is_a_function_of_seed_and_step(make: Make) -> None:
    layout: Layout = sample_layouts()[1]

    def model() -> nn.Module:
        return start(MLP(layout, 1, MLPSettings(width=8, depth=1, dropout=0.5)), 0)

    one, other = make("one", model=model(), **PLAIN), make("other", model=model(), **PLAIN)
    torch.manual_seed(1)
    one.fit()
    torch.manual_seed(2)
    other.fit()
    assert close(weights_of(one), weights_of(other), 0)


def test_what_stands_still_stays(make: Make) -> None:
    trainer = make(**PLAIN)
    frozen = trainer.model.trunk[0].weight
    frozen.requires_grad_(False)
    before = frozen.clone()
    trainer.fit()
    assert torch.equal(trainer.model.state_dict()["trunk.0.weight"], before)


def test_after_a_hundred_steps_the_average_moves_every_fourth(make: Make) -> None:
    trainer = make(valid=0, **(PLAIN | {"optimiser": "sgd", "averaging": 20.0, "budget": "110steps"}))
    trainer.fit()
    plain = make("other", valid=0, **PLAIN)
    average = weights_of(plain)
    for step, weights in enumerate(by_hand(plain, sgd, steps=110), 1):
        apart = 1 if step <= 100 else 4
        if step % apart == 0:
            keep = min(1 - 1 / (20 * 4), (1 + step) / (10 + step)) ** apart
            average = {name: keep * average[name] + (1 - keep) * weights[name] for name in average}
    assert close(weights_of(trainer), average, 1e-5)
