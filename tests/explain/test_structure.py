"""A network as a tree: shapes as they are run, weights and multiply-adds as formulas say."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from explain.networks import PHOTO, SAID, network, row
from lamina.explain.structure import made_up, operations, structure
from lamina.features.base import Slot
from lamina.features.layout import Layout
from lamina.nn.attention import Attention


def test_shapes_weights_and_work_add_up() -> None:
    model = network(PHOTO, {"name": "cnn", "width": 4, "depth": 2})
    parts = structure(model, row(PHOTO))
    named = {part.name: part for part in parts}
    assert named[""].shape == (1, 3) and named[""].share == 1.0
    assert named[""].parameters == sum(value.numel() for value in model.parameters())
    assert named["backbones.image000"].shape == (model.backbones["image000"].width,)
    assert named["head"].operations == 3 * model.backbones["image000"].width
    inner = [part for part in parts if part.name]
    leaves = [part for part in inner if not any(other.name.startswith(f"{part.name}.") for other in inner)]
    assert sum(part.operations for part in leaves) == named[""].operations
    assert all(not module._forward_hooks for module in model.modules())


def test_work_by_formula() -> None:
    assert operations(nn.Conv2d(3, 8, 3), (), torch.zeros(2, 8, 5, 5)) == 2 * 8 * 25 * 27
    assert operations(nn.Conv2d(8, 8, 3, groups=8), (), torch.zeros(1, 8, 5, 5)) == 8 * 25 * 9
    assert operations(nn.LSTM(3, 4, batch_first=True), (), torch.zeros(2, 7, 4)) == 2 * 7 * 4 * 4 * (3 + 4)
    assert operations(Attention(8, 2), (), torch.zeros(2, 5, 8)) == 2 * 2 * 5 * 5 * 8
    assert operations(nn.LayerNorm(8), (), torch.zeros(2, 8)) == 0


@pytest.mark.parametrize("count", [1, 3])
def test_work_is_told_for_one_row(count: int) -> None:
    model = network(SAID, {"name": "lstm", "width": 8})
    values = {name: value.repeat(count, *[1] * (value.ndim - 1)) for name, value in row(SAID).items()}
    assert structure(model, values)[0].operations == structure(model, row(SAID))[0].operations


def test_made_up_rows_go_through_every_kind_of_column() -> None:
    slots = [
        PHOTO,
        SAID,
        Slot("sound", "value", "frames", shape=(4,), length=500),
        Slot("film", "value", "clip", shape=(16, 16, 1), length=3),
        Slot("x", "value", "number", knots=(0.0, 1.0)),
    ]
    found = made_up(Layout.of(slots))
    assert found["number"].shape == (2, 1)
    assert found["frames002"].shape == (2, 64, 4) and found["clip003"].shape == (2, 3, 16, 16, 1)
    assert found["tokens001"].max() < SAID.size and found["image000.length"].tolist() == [1, 1]
