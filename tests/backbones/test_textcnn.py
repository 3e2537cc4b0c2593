"""Filters over windows of words, written out."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from lamina.backbones.textcnn import TextCNN, TextCNNSettings
from lamina.config import check
from lamina.errors import SettingError
from lamina.features.base import Slot
from lamina.nn.pooling import AttentionPool, max_over
from lamina.nn.start import start

SLOT = Slot("said", "value", "tokens", size=30, length=7)


def made(**values: Any) -> TextCNN:
    backbone = TextCNN(SLOT, TextCNNSettings(**{"width": 6, "filters": 4, **values}))
    start(backbone, 0)
    return backbone.eval()


@pytest.mark.parametrize("words", [[3], [3, 4], [5, 6, 7, 8, 9, 10, 11]])
def test_each_filter_gives_its_largest_value(words: list[int]) -> None:
    backbone = made(windows=[2, 3])
    out = backbone(torch.tensor([[*words, 0, 0, 0]]), torch.tensor([len(words)]))[0]
    expected = []
    for convolution, window in zip(backbone.convolutions, (2, 3), strict=True):
        ahead = (window - 1) // 2
        blank = torch.zeros(1, 6)
        x = torch.cat([blank] * ahead + [backbone.steps.embed(torch.tensor(words))] + [blank] * (window - 1 - ahead))
        views = torch.stack([x[place : place + window] for place in range(len(words))])  # (T, window, width)
        values = torch.einsum("twi,oiw->to", views, convolution.weight) + convolution.bias
        expected.append(values.relu().amax(0))
    assert torch.allclose(out, torch.cat(expected), atol=1e-6)


def test_the_width_is_that_of_all_filters() -> None:
    backbone = made(windows=[1, 2, 5, 9])
    assert backbone.width == 16
    assert backbone(torch.tensor([[3, 4]]), torch.tensor([2])).shape == (1, 16)


@pytest.mark.parametrize("windows", [[], [0], [3, 65], "345"])
def test_windows_have_bounds(windows: Any) -> None:
    with pytest.raises(SettingError, match="windows"):
        check(TextCNNSettings, {"windows": windows})


def test_the_maximum_of_nothing_is_zero() -> None:
    x = torch.full((2, 3, 4), -5.0, requires_grad=True)
    out = max_over(x, torch.tensor([[True, False, False], [False, False, False]]))
    assert out.tolist() == [[-5.0] * 4, [0.0] * 4]
    out.sum().backward()
    assert x.grad is not None and torch.isfinite(x.grad).all() and x.grad.sum() == 4


def test_attention_over_nothing_is_finite() -> None:
    x = torch.randn(2, 3, 4, generator=torch.Generator().manual_seed(0)).requires_grad_()
    out = AttentionPool(4)(x, torch.zeros(2, 3, dtype=torch.bool))
    out.sum().backward()
    assert torch.isfinite(out).all() and x.grad is not None and torch.isfinite(x.grad).all()
