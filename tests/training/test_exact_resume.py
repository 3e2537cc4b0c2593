"""A run that was stopped anywhere and taken up again ends as one that was never stopped, to the byte."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from translation import sentences, writing

import lamina
from lamina.errors import NotARunError, UsageError
from lamina.files import digest
from lamina.training.checkpoint import latest
from lamina.training.history import read_history
from lamina.training.loop import Trainer

Fit = Callable[..., lamina.Run]

# 300 rows leave 211 to train on: batches of 64 make epochs of 4 steps, so 13 steps end within the fourth.
WAYS: dict[str, dict[str, Any]] = {
    "mlp with dropout": {"model__dropout": 0.4, "model__depth": 2},
    "tabm": {"model": "tabm", "model__members": 3, "model__dropout": 0.3, "model__number_width": 4},
    "resnet": {"model": "resnet", "model__hidden": 1.5},
    "ft_transformer": {"model": "ft_transformer", "model__heads": 2, "model__depth": 1},
    "modern_nca": {"model": "modern_nca", "model__memory": 50},
    "linear": {"model": "linear"},
    "single rows": {"train__batch_size": 1, "model__dropout": 0.2},
    "full batch": {"train__batch_size": 10_000, "train__optimiser": "sgd"},
    "muon": {"train__optimiser": "muon", "train__warmup": 0.5},
    "no average": {"train__averaging": 0.0, "train__accumulate": 3},
    "cosine": {"train__schedule": "cosine", "train__evaluate_every": 3},
    "several networks": {"train__networks": 3, "budget": "6steps"},
    "bfloat16": {"train__precision": "bfloat16"},
    "found rate": {"train__learning_rate": "find"},
}


def stop_at(patch: pytest.MonkeyPatch, step: int) -> None:
    """Let training be asked to stop after that many steps of this session."""
    done, real = [0], Trainer._step

    def counted(self: Trainer, batch: Any) -> None:
        real(self, batch)
        done[0] += 1
        if done[0] == step:
            self.ask_to_stop()

    patch.setattr(Trainer, "_step", counted)


def interrupted(begin: Callable[[], Any], step: int) -> None:
    """Run until it is stopped after some steps."""
    with pytest.MonkeyPatch.context() as patch:
        stop_at(patch, step)
        with pytest.raises(KeyboardInterrupt, match="lamina resume"):
            begin()


def left(run: Path) -> tuple[Any, ...]:
    """What a run leaves, but for times."""
    rows = [{key: row[key] for key in row if key not in ("seconds", "time")} for row in read_history(run)]
    names = ("weights.safetensors", "predictions.parquet", "scores.json", "tasks.json", "plan.json", "features.json")
    return {name: digest(run / name) for name in names}, rows


@pytest.mark.parametrize("way", WAYS)
def test_stopped_twice_and_taken_up_again(fit: Fit, tmp_path: Path, way: str) -> None:
    whole = fit("whole", **WAYS[way])
    interrupted(lambda: fit("stopped", **WAYS[way]), step=5)
    with pytest.raises(NotARunError, match="lamina resume"):
        lamina.load(tmp_path / "stopped")
    interrupted(lambda: lamina.resume(tmp_path / "stopped"), step=1)
    resumed = lamina.resume(tmp_path / "stopped")
    assert left(resumed.path) == left(whole.path)


@pytest.mark.parametrize("decoder", ["transformer", "lstm"])
def test_a_run_that_writes(fit: Fit, tmp_path: Path, decoder: str) -> None:
    network = {f"model__{name}": value for name, value in writing("gru", decoder).items() if name != "name"}
    settings = network | {
        "model": "encoder_decoder", "budget": "6steps", "train__batch_size": 32,
        "task": {"how": "sample", "longest": 9},
        "features": {"english": "text", "german": {"kind": "text", "vocabulary": 300}},
    }  # fmt: skip
    whole = fit("whole", sentences(), "german", **settings)
    interrupted(lambda: fit("stopped", sentences(), "german", **settings), step=3)
    interrupted(lambda: lamina.resume(tmp_path / "stopped"), step=1)
    assert left(lamina.resume(tmp_path / "stopped").path) == left(whole.path)


@pytest.mark.parametrize("step", range(1, 14))
def test_stopped_after_any_step(fit: Fit, whole: lamina.Run, tmp_path: Path, step: int) -> None:
    interrupted(lambda: fit("stopped"), step)
    checkpoint = latest(tmp_path / "stopped" / "checkpoint" / "0")
    assert checkpoint is not None and checkpoint.name == f"step-{step:09}.safetensors"
    assert left(lamina.resume(tmp_path / "stopped").path) == left(whole.path)


@pytest.mark.parametrize("step", [3, 4, 7, 11])
def test_killed_without_a_word(fit: Fit, tmp_path: Path, step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was not saved is done again: only checkpoints at evaluations are there."""
    settings = {"train__checkpoint_every": 0.0}
    whole = fit("whole", **settings)

    class KilledError(BaseException):
        pass

    def dying(self: Trainer, batch: Any, real: Any = Trainer._step) -> None:
        if self.position.step == step:
            raise KilledError
        real(self, batch)

    monkeypatch.setattr(Trainer, "_step", dying)
    with pytest.raises(KilledError):
        fit("killed", **settings)
    monkeypatch.undo()
    folder = tmp_path / "killed"
    if step < 4:
        assert not folder.exists(), "nothing was learned, so nothing is left"
        return
    with (folder / "history.jsonl").open("a") as file:
        file.write('{"network": 0, "step": 8, "train_l')  # a line cut short
    assert left(lamina.resume(folder).path) == left(whole.path)


CHILD = """
import sys, time, polars, lamina
from lamina.training.loop import Trainer
real = Trainer._step
def slow(self, batch):
    real(self, batch)
    time.sleep(0.02)
    if self.position.step == 9:
        print("ready", flush=True)
Trainer._step = slow
lamina.train(polars.read_parquet(sys.argv[1]), "y", model="mlp", model__width=8, budget="200steps", baselines="none",
             out=sys.argv[2], train__tensorboard=False, train__threads=1, evaluate__resamples=10)
"""


def test_a_signal_leaves_a_run_that_can_be_resumed(fit: Fit, tmp_path: Path, table: pl.DataFrame) -> None:
    table.write_parquet(tmp_path / "table.parquet")
    command = [sys.executable, "-c", CHILD, str(tmp_path / "table.parquet"), str(tmp_path / "stopped")]
    child = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    assert child.stdout is not None
    assert child.stdout.readline() == b"ready\n"
    child.send_signal(signal.SIGINT)
    asked = time.monotonic()
    _, said = child.communicate(timeout=60)
    assert time.monotonic() - asked < 10
    assert child.returncode != 0 and b"KeyboardInterrupt: stopped at step" in said
    checkpoint = latest(tmp_path / "stopped" / "checkpoint" / "0")
    assert checkpoint is not None and 9 <= int(checkpoint.stem[5:]) < 200
    whole = fit("whole", budget="200steps")
    assert left(lamina.resume(tmp_path / "stopped").path) == left(whole.path)


# --- a larger budget ----------------------------------------------------------------------------------------------


def steps_of(run: lamina.Run) -> list[int]:
    return [network["step"] for network in json.loads((run.path / "run.json").read_text())["training"]["networks"]]


@pytest.mark.parametrize("larger", ["20steps", "5epochs"])
def test_a_finished_run_goes_on_under_a_larger_budget(
    fit: Fit, tmp_path: Path, table: pl.DataFrame, larger: str
) -> None:
    """With the flat schedule, and a first budget that ends with an epoch, it is as if the budget had been larger."""
    whole = fit("whole", budget=larger)
    first = fit("grown", budget="8steps")
    before = first.predict(table)
    grown = lamina.resume(tmp_path / "grown", budget=larger, data=table)
    assert steps_of(grown) == steps_of(whole) == [20]
    assert left(grown.path) == left(whole.path)
    assert not grown.predict(table).equals(before)
    lamina.verify(grown.path)


def test_a_run_that_was_stopped_goes_on_under_another_budget(fit: Fit, tmp_path: Path) -> None:
    interrupted(lambda: fit("stopped"), step=5)
    assert steps_of(lamina.resume(tmp_path / "stopped", budget="9steps")) == [9]


def test_seconds_more_are_spent(fit: Fit, tmp_path: Path, table: pl.DataFrame) -> None:
    fit("run", budget="0.3s", train__networks=1, train__patience=0)
    one = steps_of(lamina.load(tmp_path / "run"))
    run = lamina.resume(tmp_path / "run", budget="0.6s", data=table)
    assert steps_of(run)[0] > one[0]
    training = json.loads((run.path / "run.json").read_text())["training"]
    assert training["seconds"] < 0.6 + 1


def test_what_cannot_be_resumed_is_refused(fit: Fit, tmp_path: Path, table: pl.DataFrame) -> None:
    run = fit()
    with pytest.raises(UsageError, match=r"has finished · give a larger budget"):
        lamina.resume(run.path)
    for data, got in ((table.head(200), "DataFrame"), (None, "")):
        with pytest.raises(lamina.LaminaError) as error:
            lamina.resume(run.path, budget="99steps", data=data)
        assert "table" in str(error.value) and got in str(error.value)
    lamina.verify(run.path)  # nothing was touched
    with pytest.raises(NotARunError):
        lamina.resume(tmp_path / "no such run")
    (tmp_path / "empty").mkdir()
    with pytest.raises(NotARunError):
        lamina.resume(tmp_path / "empty")
