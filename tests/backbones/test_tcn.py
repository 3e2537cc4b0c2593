"""Causal convolutions see what came before, all of it, and nothing else; and frames by convolution and recurrence."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from lamina.backbones.crnn import CRNN, CRNNSettings
from lamina.backbones.tcn import TCN, CausalConvolution, TCNSettings, depth_for
from lamina.features.base import Slot
from lamina.nn.start import start


def slot(length: int, channels: int = 3) -> Slot:
    return Slot("heat", "value", "frames", shape=(channels,), length=length)


def made(length: int, **values: Any) -> TCN:
    backbone = TCN(slot(length), TCNSettings(**{"width": 6, **values}))
    start(backbone, 0)
    return backbone.eval()


def test_a_convolution_is_torchs_with_weight_normalisation() -> None:
    ours = start(CausalConvolution(3, 5, 4, dilation=2), 0)
    with torch.no_grad():
        ours.length.mul_(1.7)
    theirs = nn.utils.parametrizations.weight_norm(nn.Conv1d(3, 5, 4, dilation=2))
    with torch.no_grad():
        theirs.parametrizations.weight.original0.copy_(ours.length)
        theirs.parametrizations.weight.original1.copy_(ours.weight)
        theirs.bias.copy_(ours.bias)
    x = torch.randn(2, 9, 3, generator=torch.Generator().manual_seed(0))
    expected = theirs(nn.functional.pad(x.mT, (6, 0))).mT
    assert torch.allclose(ours(x), expected, atol=1e-6)


def test_the_length_of_a_weight_starts_as_it_is() -> None:
    layer = start(CausalConvolution(3, 5, 2, dilation=1), 3)
    assert torch.allclose(layer.length.flatten(), layer.weight.flatten(1).norm(dim=1))


@pytest.mark.parametrize("kernel", [2, 3, 5])
@pytest.mark.parametrize("length", [1, 2, 5, 9, 40])
def test_the_last_place_sees_the_whole_row_and_no_place_the_future(length: int, kernel: int) -> None:
    backbone = made(length, kernel=kernel, activation="tanh")
    values = torch.randn(1, length, 3, generator=torch.Generator().manual_seed(0)).requires_grad_()
    sequence, _ = backbone.sequence(values, torch.tensor([length]))
    sequence[0, -1].sum().backward()
    assert bool((values.grad[0].abs().sum(1) > 0).all()), "some place is not seen"
    values.grad = None
    middle = length // 2
    backbone.sequence(values, torch.tensor([length]))[0][0, middle].sum().backward()
    assert not values.grad[0, middle + 1 :].any()
    assert len(backbone.blocks) == depth_for(length, kernel)


@pytest.mark.parametrize("pooling", ["last", "mean", "max", "attention"])
def test_poolings_see_only_what_is_there(pooling: Any) -> None:
    backbone = made(9, pooling=pooling)
    values = torch.randn(2, 9, 3, generator=torch.Generator().manual_seed(0))
    out = backbone(values, torch.tensor([9, 4]))
    assert torch.allclose(out[1:], backbone(values[1:, :4], torch.tensor([4])), atol=1e-6)


@pytest.mark.parametrize("activation", ["relu", "tanh", "gelu"])
def test_what_fills_up_frames_wins_no_maximum(activation: Any) -> None:
    backbone = CRNN(slot(20, channels=8), CRNNSettings(channels=4, width=5, activation=activation))
    start(backbone, 0)
    values, lengths = torch.randn(2, 20, 8, generator=torch.Generator().manual_seed(0)), torch.tensor([20, 7])
    values[1, 7:] = 0
    backbone(values, lengths)  # the normalisation's statistics move away from 0 and 1
    backbone.eval()
    out = backbone(values, lengths)
    assert out.shape == (2, backbone.width) == (2, 10)
    assert torch.allclose(out[1:], backbone(values[1:, :7], lengths[1:]), atol=1e-5)
    sequence, there = backbone.sequence(values, lengths)
    assert sequence.shape == (2, 5, 10) and there.sum(1).tolist() == [5, 2], "time is halved twice"
