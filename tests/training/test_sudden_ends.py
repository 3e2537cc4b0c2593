"""A full disk or a sudden end at any write: there is no run, or one that can be resumed to the very same end."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import lamina
from lamina.errors import DamagedRunError
from lamina.files import digest
from lamina.training.checkpoint import latest

Fit = Callable[..., lamina.Run]


class FullError(OSError):
    """No space left."""


def fail_at(patch: pytest.MonkeyPatch, number: int) -> list[str]:
    """Let the renaming of that file, counted from 0, fail; returns the names of those that were renamed before."""
    done: list[str] = []
    real = os.replace

    def replace(source: Any, target: Any) -> None:
        if len(done) == number:
            raise FullError("no space left on device")
        real(source, target)
        done.append(Path(target).name)

    patch.setattr(os, "replace", replace)
    return done


def weights(folder: Path) -> str:
    return digest(folder / "weights.safetensors")


def test_at_every_write_of_a_new_run(fit: Fit, whole: lamina.Run, tmp_path: Path) -> None:
    expected = weights(whole.path)
    for number in range(100):
        folder = tmp_path / str(number)
        with pytest.MonkeyPatch.context() as patch:
            done = fail_at(patch, number)
            try:
                fit(str(number))
            except FullError:
                pass
            else:
                break
        if not any(name.startswith("step-") for name in done):
            assert not folder.exists(), f"something half-written stays: {done}"
            continue
        with pytest.raises(lamina.LaminaError):
            lamina.load(folder)
        run = lamina.resume(folder)
        assert weights(run.path) == expected, done
        assert not list(folder.rglob("*.tmp")) and not (folder / "store").exists()
        assert run.scores
    assert {"run.json", "weights.safetensors", "scores.json", "report.html", "manifest.json"} <= set(done)
    assert done[-1] == "manifest.json", "the manifest comes last"


def test_at_every_write_of_a_larger_budget(fit: Fit, tmp_path: Path, table: pl.DataFrame) -> None:
    finished = fit("small", budget="8steps").path
    small = weights(finished)
    expected = weights(fit("whole", budget="16steps").path)
    for number in range(100):
        folder = Path(shutil.copytree(finished, tmp_path / str(number)))
        with pytest.MonkeyPatch.context() as patch:
            done = fail_at(patch, number)
            try:
                lamina.resume(folder, budget="16steps", data=table)
            except FullError:
                pass
            else:
                break
        if (folder / "manifest.json").exists():
            assert weights(lamina.load(folder).path) == small, "the finished run is as it was"
        run = lamina.resume(folder, budget="16steps", data=table)
        assert weights(run.path) == expected, done
    assert done[-1] == "manifest.json"


@pytest.mark.parametrize("number", range(4))
def test_a_larger_budget_given_up_half_way_leaves_the_run_it_was(fit: Fit, table: pl.DataFrame, number: int) -> None:
    run = fit(budget="8steps")
    before = weights(run.path)
    with pytest.MonkeyPatch.context() as patch:
        done = fail_at(patch, number)
        with pytest.raises(FullError):
            lamina.resume(run.path, budget="16steps", data=table)
    assert "plan.json" not in done
    lamina.resume(run.path)  # nobody insists on more
    assert weights(lamina.load(run.path).path) == before


def test_a_damaged_checkpoint_is_named(fit: Fit, tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        fail_at(patch, 9)  # the weights, after the checkpoint
        with pytest.raises(FullError):
            fit()
    path = latest(tmp_path / "run" / "checkpoint" / "0")
    assert path is not None
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DamagedRunError, match=rf"the checkpoint {path.name} is damaged"):
        lamina.resume(tmp_path / "run")
