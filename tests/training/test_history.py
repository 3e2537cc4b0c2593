"""History: JSON lines and TensorBoard's own files; and overfitting, named where the curves show it."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import lamina
from lamina.pipeline.document import overfitting
from lamina.training.history import History, read_history


def row(step: int, **values: object) -> dict[str, object]:
    return {"network": 0, "epoch": step // 4, "step": step, "train_loss": 1 / step, "time": 1e9 + step, **values}


def test_rows_are_appended_and_read(tmp_path: Path) -> None:
    history = History(tmp_path, [row(1)], tensorboard=False)
    history.add(row(2, valid_loss=math.nan))
    assert read_history(tmp_path) == [row(1), row(2, valid_loss=None)]
    assert all(json.loads(line) for line in (tmp_path / "history.jsonl").read_text().splitlines())
    again = History(tmp_path, read_history(tmp_path)[:1], tensorboard=False)
    assert read_history(tmp_path) == again.rows == [row(1)], "rows past the checkpoint go away"
    assert read_history(tmp_path / "nowhere") == []


def test_a_line_cut_short_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "history.jsonl").write_text(json.dumps(row(1)) + "\n" + json.dumps(row(2))[:-9])
    assert read_history(tmp_path) == [row(1)]


def test_tensorboard_reads_it(tmp_path: Path) -> None:
    history = History(tmp_path, [], tensorboard=True)
    for step in (4, 8, 12):
        history.add(row(step, valid_loss=step / 2))
    history.close()
    found = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert {"train_loss", "valid_loss"} <= set(found.Tags()["scalars"])
    assert [(event.step, event.value) for event in found.Scalars("valid_loss")] == [(4, 2), (8, 4), (12, 6)]


def test_a_run_writes_both(fit: Callable[..., lamina.Run], tmp_path: Path) -> None:
    quiet = fit("quiet")
    assert not (quiet.path / "tensorboard").exists()
    rows = read_history(quiet.path)
    assert [row["step"] for row in rows] == [4, 8, 12, 13]


def curves(train: list[float], valid: list[float | None]) -> list[dict[str, object]]:
    pairs = enumerate(zip(train, valid, strict=True))
    return [{"epoch": epoch, "train_loss": one, "valid_loss": other} for epoch, (one, other) in pairs]


def test_overfitting_is_named_where_the_curves_show_it() -> None:
    said = overfitting(curves([1.0, 0.8, 0.6, 0.4, 0.2], [1.1, 0.9, 0.85, 1.0, 1.2]))
    assert said is not None
    assert "after epoch 3" in said and "0.85 to 1.2" in said and "0.6 to 0.2" in said


@pytest.mark.parametrize(
    ("train", "valid"),
    [
        ([1.0, 0.8, 0.6, 0.4, 0.2], [1.1, 0.9, 0.8, 0.7, 0.6]),  # both fall
        ([1.0, 0.8, 0.6, 0.4, 0.2], [1.1, 0.9, 0.85, 0.85, 0.86]),  # within 2%
        ([1.0, 0.8, 0.6, 0.7, 0.8], [1.1, 0.9, 0.85, 1.0, 1.2]),  # both rise: it is something else
        ([1.0, 0.5, 0.2], [1.0, 1.1, 1.2]),  # too short to say
        ([1.0, 0.8, 0.6, 0.4], [None] * 4),  # no valid rows
        ([], []),
    ],
)
def test_and_not_where_they_do_not(train: list[float], valid: list[float | None]) -> None:
    assert overfitting(curves(train, valid)) is None
