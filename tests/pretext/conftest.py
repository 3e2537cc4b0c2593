"""Slots, backbones and rows for pretexts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from lamina.backbones import BACKBONES
from lamina.backbones.base import Backbone
from lamina.config import check
from lamina.features.base import Slot

collect_ignore = ["conftest.py"]  # it holds no examples, and pytest takes files of one name for one module

SLOTS = {
    "image": Slot("photo", "value", "image", shape=(12, 12, 3), centre=(90.0, 100.0, 110.0), scale=(60.0, 60.0, 60.0)),
    "tokens": Slot("said", "value", "tokens", size=40, length=20),
    "frames": Slot("heard", "bands", "frames", shape=(6,), length=30),
}
SMALL: dict[str, dict[str, Any]] = {
    "cnn": {"width": 4, "depth": 2},
    "vit": {"width": 8, "depth": 1, "heads": 2, "patch": 4},
    "bag": {"width": 8, "buckets": 50},
    "textcnn": {"width": 8, "filters": 4},
    "transformer": {"width": 8, "depth": 1, "heads": 2},
    "gru": {"width": 8},
    "tcn": {"width": 8},
}


@pytest.fixture(scope="session")
def slots() -> dict[str, Slot]:
    """A slot of each group, by group."""
    return SLOTS


@pytest.fixture(scope="session")
def make_backbone() -> Callable[[str, Slot], Backbone]:
    """Makes a small backbone, by its name."""

    def make(name: str, slot: Slot) -> Backbone:
        torch.manual_seed(0)
        cls = BACKBONES[name]
        return cls(slot, check(cls.Settings, SMALL[name]))

    return make


@pytest.fixture(scope="session")
def rows() -> Callable[[str, int], tuple[Tensor, Tensor]]:
    """Makes (values, lengths) of so many rows of a group, the last one missing."""

    def make(group: str, count: int) -> tuple[Tensor, Tensor]:
        draw = torch.Generator().manual_seed(1)
        if group == "image":
            lengths = torch.ones(count, dtype=torch.int64)
            values = torch.randint(256, (count, 12, 12, 3), generator=draw, dtype=torch.uint8)
        elif group == "tokens":
            lengths = torch.randint(10, 21, (count,), generator=draw)
            values = torch.randint(4, 40, (count, 20), generator=draw) * (torch.arange(20) < lengths[:, None])
        else:
            lengths = torch.randint(15, 31, (count,), generator=draw)
            there = torch.arange(30) < lengths[:, None]
            values = torch.randn((count, 30, 6), generator=draw) * there[..., None]
        lengths[-1] = 0
        values[-1] = 0
        return values, lengths

    return make
