"""The learning-rate finder: a rate at which the loss falls, found on a copy."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
import torch
from torch import nn

import lamina
from lamina.nn.start import start
from lamina.training.finder import HIGH, LOW, find_rate
from lamina.training.loop import Trainer
from lamina.training.settings import TrainSettings

Make = Callable[..., Trainer]


def losses_of(scale: float) -> Callable[[], object]:
    """An endless stream of batches of a linear problem, whose loss is as steep as ``scale`` squared."""

    def stream() -> object:
        generator = torch.Generator().manual_seed(0)
        while True:
            x = torch.randn(32, 4, generator=generator) * scale
            yield lambda model, x=x: nn.functional.mse_loss(model(x)[:, 0], x.sum(1) / scale)

    return stream


@pytest.mark.parametrize("scale", [0.3, 1.0, 10.0])
def test_the_found_rate_learns(scale: float) -> None:
    model = start(nn.Linear(4, 1), 0)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    settings = TrainSettings(optimiser="sgd", momentum=0.0)
    stream = losses_of(scale)
    rate = find_rate(model, stream(), settings)  # type: ignore[arg-type]
    assert LOW <= rate <= HIGH
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items()), "it works on a copy"
    assert all(parameter.grad is None for parameter in model.parameters())
    optimiser = torch.optim.SGD(model.parameters(), lr=rate)
    seen = []
    for loss_of, _ in zip(stream(), range(60), strict=False):  # type: ignore[call-overload]
        optimiser.zero_grad()
        loss = loss_of(model)
        loss.backward()
        optimiser.step()
        seen.append(loss.item())
    assert sum(seen[-10:]) < 0.7 * sum(seen[:10])


def test_steeper_losses_want_smaller_rates() -> None:
    settings = TrainSettings(optimiser="sgd", momentum=0.0)
    rates = [find_rate(start(nn.Linear(4, 1), 0), losses_of(scale)(), settings) for scale in (1, 10)]  # type: ignore[arg-type]
    assert rates[1] < rates[0] / 5


def test_a_small_table_is_gone_through_often_enough(make: Make) -> None:
    """48 rows make 3 batches an epoch; the test takes 120 of them."""
    trainer = make(learning_rate="find", batch_size=16, budget="2steps")
    position = trainer.fit()
    assert 1e-4 < position.rate < 1
    assert position.rate != 1e-3, "the rate where nothing could be found"


def test_the_rate_is_said_in_the_run(tmp_path: object, fit: Callable[..., lamina.Run]) -> None:
    run = fit(train__learning_rate="find")
    again = fit("again", train__learning_rate="find")
    rates = [json.loads((one.path / "run.json").read_text())["training"]["networks"][0]["rate"] for one in (run, again)]
    assert rates[0] == rates[1] > 0
