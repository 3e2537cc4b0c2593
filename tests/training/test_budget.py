"""A budget holds: steps and epochs exactly, seconds within a twentieth or one second. And the schedule in it."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable

import polars as pl
import pytest

import lamina
from lamina.errors import SettingError
from lamina.training.budget import Budget
from lamina.training.schedule import factor
from lamina.training.settings import TrainSettings

Fit = Callable[..., lamina.Run]


def network_of(run: lamina.Run) -> dict[str, object]:
    training = json.loads((run.path / "run.json").read_text())["training"]
    return {"seconds": training["seconds"], **training["networks"][0]}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("60s", Budget(seconds=60)),
        ("1.5 min", Budget(seconds=90)),
        (" 2H ", Budget(seconds=7200)),
        ("1step", Budget(steps=1)),
        ("500 steps", Budget(steps=500)),
        ("10epochs", Budget(epochs=10)),
        ("0.2sec", Budget(seconds=0.2)),
    ],
)
def test_budgets_are_read(text: str, expected: Budget) -> None:
    assert Budget.parse(text) == expected


@pytest.mark.parametrize(
    "text", ["", "60", "s", "0s", "-3s", "1.5steps", "0epochs", "10 parsecs", "1e3s", "nan s", "ten steps"]
)
def test_what_is_no_budget_is_refused(text: str) -> None:
    with pytest.raises(SettingError, match=r"train\.budget is no budget .* allowed: such as 60s"):
        Budget.parse(text)


@pytest.mark.parametrize(("budget", "steps"), [("1steps", 1), ("9steps", 9), ("2epochs", 8), ("1epoch", 4)])
def test_steps_and_epochs_are_exact(fit: Fit, budget: str, steps: int) -> None:
    network = network_of(fit(budget=budget))
    assert (network["step"], network["stopped"]) == (steps, "budget")


@pytest.mark.parametrize("settings", [{}, {"train__schedule": "cosine", "train__networks": 1}])
def test_seconds_hold(fit: Fit, table: pl.DataFrame, settings: dict[str, object]) -> None:
    start = time.monotonic()
    run = fit(budget="1.5s", train__patience=0, **settings)
    took = time.monotonic() - start
    network = network_of(run)
    assert (0.5 if settings else 0.9) * 1.5 < network["seconds"] < 1.5 + 1  # type: ignore[operator]
    assert took < 1.5 + 10, "reading, judging and the report are quick here"
    if settings:
        assert 0.5 < network["step"] / network["horizon"] <= 1  # type: ignore[operator]


def test_a_budget_of_steps_is_not_measured(fit: Fit) -> None:
    """Nothing in it may hang on the clock: float32, no compilation, no notes."""
    way = network_of(fit())["way"]
    assert way == {"precision": "float32", "compile": False, "threads": 1, "notes": []}


@pytest.mark.parametrize("schedule", ["flat", "linear", "cosine"])
def test_the_rate_rises_stays_and_falls(schedule: str) -> None:
    settings = TrainSettings(schedule=schedule, warmup=2, decay=0.5)
    rise = [factor(epochs, epochs / 20, settings) for epochs in (0.5, 1, 1.5, 2)]
    assert rise == pytest.approx([0.25, 0.5, 0.75, 1.0])
    assert factor(10, 0.5, settings) == pytest.approx(1)
    fall = [factor(20 * done, done, settings) for done in (0.625, 0.75, 0.875, 1.0)]
    expected = {
        "flat": [1, 1, 1, 1],
        "linear": [0.75, 0.5, 0.25, 0],
        "cosine": [0.5 - 0.5 * math.cos(math.pi * left) for left in (0.75, 0.5, 0.25, 0)],
    }
    assert fall == pytest.approx(expected[schedule])


def test_no_rise_and_no_fall() -> None:
    settings = TrainSettings(schedule="cosine", warmup=0, decay=0)
    assert {factor(epochs, epochs / 10, settings) for epochs in (0.1, 5, 10)} == {1.0}
    assert factor(100, 1.5, TrainSettings(schedule="linear")) == 0, "past the horizon the rate is not negative"
