"""A temporal convolutional network (Bai et al. 2018): causal, dilated, residual."""

from __future__ import annotations

import math
from typing import Annotated, Literal

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from lamina.backbones.base import Backbone, mean_over
from lamina.config import setting, settings
from lamina.features.base import Slot
from lamina.nn.activation import Activation, activation
from lamina.nn.pooling import AttentionPool, max_over
from lamina.nn.recurrent import ChannelDropout
from lamina.nn.steps import Steps

__all__ = ["TCN", "CausalConvolution", "TCNSettings", "TemporalBlock", "depth_for"]

DEVIATION = 0.1  # of embeddings at the start


@settings
class TCNSettings:
    """Blocks whose dilation doubles."""

    width: int = setting(64, "Channels.", ge=1)
    depth: Annotated[int, Field(ge=1, le=20)] | Literal["auto"] = setting(
        "auto", "Blocks; auto: as many as it takes to see the whole of a long row."
    )
    kernel: int = setting(3, "Places that a convolution looks at.", ge=2, le=64)
    pooling: Literal["last", "mean", "max", "attention"] = setting(
        "mean", "The answer: the last place, which has seen all others; the mean, maximum or learned mean of all."
    )
    activation: Activation = setting("relu", "Activation after each convolution.")
    dropout: float = setting(0.2, "Share of channels dropped in training, the same at all places of a row.", ge=0, lt=1)


class CausalConvolution(nn.Conv1d):
    """A convolution that looks back only; its weight has its length and its direction apart (Salimans and Kingma 2016).

    Shape:
        (B, T, inputs) -> (B, T, outputs)
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, dilation: int) -> None:
        super().__init__(inputs, outputs, kernel, dilation=dilation)
        self.length = nn.Parameter(torch.empty(outputs, 1, 1))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Normal with He's deviation (2015), so that the residual sum neither dies nor explodes."""
        nn.init.kaiming_normal_(self.weight, nonlinearity="relu")
        if self.bias is not None:
            nn.init.zeros_(self.bias)
        if hasattr(self, "length"):  # not yet when Conv1d calls it
            with torch.no_grad():
                self.length.copy_(self.weight.norm(dim=(1, 2), keepdim=True))

    def forward(self, x: Tensor) -> Tensor:
        weight = self.weight * (self.length / self.weight.norm(dim=(1, 2), keepdim=True))
        past = (self.kernel_size[0] - 1) * self.dilation[0]
        return F.conv1d(F.pad(x.mT, (past, 0)), weight, self.bias, dilation=self.dilation).mT


class TemporalBlock(nn.Module):
    """Two causal convolutions, each with activation and dropout, added to their input; an activation.

    Shape:
        (B, T, width) -> the same
    """

    def __init__(self, width: int, dilation: int, settings: TCNSettings) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *(
                layer
                for _ in range(2)
                for layer in (
                    CausalConvolution(width, width, settings.kernel, dilation),
                    activation(settings.activation),
                    ChannelDropout(settings.dropout),
                )
            )
        )
        self.activation = activation(settings.activation)

    def forward(self, x: Tensor) -> Tensor:
        return self.activation(x + self.layers(x))


class TCN(Backbone):
    """Embedded places, then blocks of dilation 1, 2, 4 ...; a place sees those before it, and not what follows.

    Shape:
        tokens (B, T) or frames (B, T, channels) -> (B, width)
    """

    Settings = TCNSettings
    groups = ("tokens", "frames")

    def __init__(self, slot: Slot, settings: TCNSettings) -> None:
        super().__init__(slot, settings)
        self.settings = settings
        self.width = settings.width
        self.steps = Steps(slot, settings.width, deviation=DEVIATION)
        depth = depth_for(slot.length, settings.kernel) if settings.depth == "auto" else settings.depth
        self.blocks = nn.Sequential(*(TemporalBlock(settings.width, 2**place, settings) for place in range(depth)))
        self.dropout = ChannelDropout(settings.dropout)
        self.pool = AttentionPool(settings.width) if settings.pooling == "attention" else None

    def sequence(self, values: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        x, there = self.steps(values, lengths)
        return self.blocks(self.dropout(x)), there

    def forward(self, values: Tensor, lengths: Tensor) -> Tensor:
        x, there = self.sequence(values, lengths)
        if self.pool is not None:
            return self.pool(x, there)
        if self.settings.pooling == "last":
            return x.gather(1, (lengths - 1).clamp(min=0)[:, None, None].expand(-1, 1, self.width))[:, 0]
        return max_over(x, there) if self.settings.pooling == "max" else mean_over(x, there)


def depth_for(length: int, kernel: int) -> int:
    """Blocks by which the last place sees the first one of ``length``: 1 + 2 (kernel - 1) (2^depth - 1) places.

    Example:
        >>> depth_for(100, 3)
        5
    """
    return min(20, max(1, math.ceil(math.log2((length - 1) / (2 * (kernel - 1)) + 1))))
