"""How a network is run is measured, and kept only where it agrees with float32."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest
import torch
from torch import Tensor, nn

from lamina.training import machine
from lamina.training.machine import Choice, choose, cores, running
from lamina.training.settings import TrainSettings

LAYER = nn.Linear(8, 8)


@pytest.fixture(autouse=True)
def one_thread_again() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, which stands still until a test moves it: on a busy machine a real one would decide."""
    now = [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    return now


def step_of(seconds: dict[str, float], losses: dict[str, float], clock: list[float]) -> Callable[[nn.Module], Tensor]:
    """A step that takes and gives what is planted for the precision that is on."""

    def step(model: nn.Module) -> Tensor:
        on = "bfloat16" if torch.is_autocast_enabled("cpu") else "float32"
        clock[0] += seconds[on]
        return model(torch.ones(1, 8)).float().mean() * 0 + losses[on]

    return step


@pytest.mark.parametrize(
    ("seconds", "losses", "expected"),
    [
        ({"float32": 0.01, "bfloat16": 0.002}, {"float32": 1.0, "bfloat16": 1.01}, "bfloat16"),
        ({"float32": 0.01, "bfloat16": 0.002}, {"float32": 1.0, "bfloat16": 1.05}, "float32"),
        ({"float32": 0.01, "bfloat16": 0.002}, {"float32": 1.0, "bfloat16": float("nan")}, "float32"),
        ({"float32": 0.002, "bfloat16": 0.01}, {"float32": 1.0, "bfloat16": 1.0}, "float32"),
        ({"float32": 0.030, "bfloat16": 0.0295}, {"float32": 1.0, "bfloat16": 1.0}, "float32"),
    ],
)
def test_the_fastest_that_agrees(
    seconds: dict[str, float], losses: dict[str, float], expected: str, clock: list[float]
) -> None:
    choice = choose(LAYER, step_of(seconds, losses, clock), TrainSettings(threads=1), 60.0)
    assert choice.precision == expected
    assert len(choice.notes) == 2 and all("ms a step" in note for note in choice.notes)
    disagrees = abs(losses["bfloat16"] - 1) > 0.02 or losses["bfloat16"] != losses["bfloat16"]
    assert ("does not agree with float32" in choice.notes[1]) == disagrees
    assert LAYER.weight.grad is None


def test_of_slow_steps_fewer_are_timed(clock: list[float]) -> None:
    step = step_of({"float32": 1.0, "bfloat16": 0.5}, {"float32": 1.0, "bfloat16": 1.0}, clock)
    assert choose(LAYER, step, TrainSettings(threads=1), 60.0).precision == "bfloat16"
    assert clock[0] == 3.0  # a twentieth of the budget: two steps of each
    choice = choose(LAYER, step, TrainSettings(threads=1), 20.0)
    assert choice.precision == "float32" and "not measured" in choice.notes[1]


def test_what_is_set_is_taken() -> None:
    def never(model: nn.Module) -> Tensor:
        raise AssertionError("nothing was to be measured")

    settings = TrainSettings(threads=1, precision="bfloat16", compile="off")
    assert choose(LAYER, never, settings, 60.0) == Choice("bfloat16", False, 1)
    assert choose(LAYER, never, TrainSettings(), None) == Choice("float32", False, cores())


def test_a_way_that_does_not_run_is_passed_over() -> None:
    def step(model: nn.Module) -> Tensor:
        if torch.is_autocast_enabled("cpu"):
            raise RuntimeError("bfloat16 is not implemented")
        return model(torch.ones(1, 8)).mean()

    choice = choose(LAYER, step, TrainSettings(threads=1), 60.0)
    assert choice.precision == "float32"
    assert any("does not run here: bfloat16 is not implemented" in note for note in choice.notes)


def test_running_switches_autocast() -> None:
    x = torch.ones(1, 8)
    with running(Choice("bfloat16")):
        assert LAYER(x).dtype == torch.bfloat16
    with running(Choice("float32")):
        assert LAYER(x).dtype == torch.float32


def test_cores_obey_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert cores() == 3
    monkeypatch.setenv("OMP_NUM_THREADS", "many")
    assert cores() >= 1
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert 1 <= cores() <= 4096


def test_compilation_is_tried_where_it_can_pay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine.shutil, "which", lambda name: f"/usr/bin/{name}")
    auto = TrainSettings()
    assert machine._compiles(auto, 60.0) == [False]
    assert machine._compiles(auto, 7200.0) == [False, True]
    assert machine._compiles(auto, None) == [False]
    assert machine._compiles(TrainSettings(compile="on"), None) == [True]
    monkeypatch.setattr(machine.shutil, "which", lambda name: None)
    assert machine._compiles(auto, 7200.0) == [False]
