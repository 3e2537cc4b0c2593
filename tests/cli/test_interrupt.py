"""Ctrl-C on a real process: a run that can be resumed, one line, no traceback."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import lamina.pipeline.begin
from cli.terminal import Lamina
from lamina.files import read_json

PATIENCE = 120.0  # seconds for a busy machine to come to the first checkpoint


def start(*words: object) -> subprocess.Popen[str]:
    """A command in a process of its own, with the interrupt that a terminal would have."""
    return subprocess.Popen(
        [sys.executable, "-m", "lamina", *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )


def wait_for(path: Path, process: subprocess.Popen[str]) -> None:
    end = time.monotonic() + PATIENCE
    while not path.exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end, f"{path.name} did not come"
        time.sleep(0.05)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_is_resumed(number: signal.Signals, table: Path, tmp_path: Path, lamina_: Lamina) -> None:
    out = tmp_path / "run"
    words = ["train", table, "--target", "ripe", "--model", "mlp", "--budget", "2000steps", "--baselines", "none"]
    words += ["--set", "train.patience=0", "--set", "train.checkpoint_every=0"]
    words += ["--set", "train.evaluate_every=50", "--out", out]
    process = start(*words)
    try:
        wait_for(out / "checkpoint", process)
        process.send_signal(number)
        printed, said = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 1 and printed == ""
    assert said.splitlines()[-1].startswith("lamina: stopped at step ")
    assert f"lamina resume {out}" in said and "Traceback" not in said

    unfinished = lamina_("verify", out)
    assert unfinished.code == 1 and f"lamina resume {out}" in unfinished.err
    assert "unfinished" in lamina_("runs", tmp_path).out

    resumed = lamina_("resume", out)
    assert resumed.code == 0, resumed.err
    assert read_json(out / "run.json")["training"]["networks"][0]["step"] == 2000
    assert lamina_("verify", out).code == 0
    assert not list(out.rglob("*.tmp"))


def test_an_interrupt_before_training_leaves_nothing(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lamina_: Lamina
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(lamina.pipeline.begin, "prepare", interrupted)
    done = lamina_("train", table, "--target", "ripe", "--out", tmp_path / "run")
    assert done.code == 1 and done.out == ""
    assert done.err.splitlines()[-1] == "lamina: interrupted"
    assert list(tmp_path.iterdir()) == []
