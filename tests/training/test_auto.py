"""What auto means in the settings of training."""

from __future__ import annotations

from lamina.training.auto import settle
from lamina.training.settings import TrainSettings

AUTO = TrainSettings()


def test_plain_rows_go_by_their_number() -> None:
    assert [settle(AUTO, rows).patience for rows in (100, 5_000, 10**6)] == [64, 16, 6]
    sizes = [settle(AUTO, rows).batch_size for rows in (100, 2_000, 100_000, 10**6, 10**9)]
    assert sizes == [64, 256, 512, 1024, 4096]
    assert [settle(AUTO, rows).learning_rate for rows in (100, 40_000)] == [2e-3, 5e-4]
    assert settle(AUTO, 100).schedule == "flat"


def test_pictures_are_learned_from_to_the_end_of_the_budget() -> None:
    settled = settle(AUTO, 10_000, {"image"})
    assert (settled.schedule, settled.patience, settled.batch_size) == ("cosine", 0, 128)
    assert [settle(AUTO, 10_000, {group}).patience for group in ("tokens", "frames")] == [8, 16]


def test_what_a_person_says_stands() -> None:
    said = TrainSettings(batch_size=7, learning_rate="find", schedule="linear", patience=3)
    assert settle(said, 10**9, {"image"}) == said
