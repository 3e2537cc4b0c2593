"""What ``auto`` means in the settings of training."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Set
from typing import Any

from lamina.training.settings import TrainSettings

__all__ = ["settle"]

BATCH_SIZES = {64: 2_000, 256: 30_000, 512: 300_000, 1024: 3_000_000, 4096: math.inf}  # of plain rows -> fewer rows


def settle(settings: TrainSettings, rows: int, groups: Set[str] = frozenset()) -> TrainSettings:
    """Settle what the data decides: batch size, learning rate, schedule, patience. A rate to be found stays so.

    Args:
        settings: as the plan has them.
        rows: training rows.
        groups: groups of the wide columns: pictures, texts, sounds.

    Example:
        >>> settle(TrainSettings(), rows=10_000).batch_size, settle(TrainSettings(), 10_000, {"image"}).batch_size
        (256, 128)
    """
    auto: dict[str, Any] = {"batch_size": _batch_size(rows, groups), "learning_rate": _learning_rate(rows, groups)}
    # Pictures are augmented anew in each epoch, so they are learned from to the end of the budget, and the last steps
    # are the small ones; plain rows are soon learned by heart, and words in a few epochs.
    pictures = bool(groups & {"image", "clip"})
    auto["schedule"] = "cosine" if pictures else "flat"
    several = 8 if groups == {"tokens"} else 16
    auto["patience"] = 0 if pictures else 64 if rows < 2_000 else several if rows < 20_000 else 6
    open_ = {name: value for name, value in auto.items() if getattr(settings, name) == "auto"}
    return dataclasses.replace(settings, **open_)


def _batch_size(rows: int, groups: Set[str]) -> int:
    if not groups:
        return next(size for size, most in BATCH_SIZES.items() if rows < most)
    return 64 if rows < 5_000 else 128 if rows < 300_000 else 512


def _learning_rate(rows: int, groups: Set[str]) -> float:
    if groups:
        return 1e-3 if "frames" in groups else 2e-3
    # Many rows make many steps an epoch, and smaller ones go further before the valid rows turn.
    return 2e-3 if rows < 40_000 else 5e-4
