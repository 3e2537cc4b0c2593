"""Convolutions over frames, then a recurrent layer over what they found (Choi et al. 2017), as used for sound."""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lamina.backbones.base import Backbone, mean_over
from lamina.config import setting, settings
from lamina.features.base import Slot
from lamina.nn.activation import Activation, activation
from lamina.nn.pooling import AttentionPool, max_over
from lamina.nn.recurrent import ChannelDropout, Recurrence
from lamina.nn.wide import places_there

__all__ = ["CRNN", "CRNNSettings"]


@settings
class CRNNSettings:
    """Stages of a convolution and a maximum, then a GRU."""

    channels: int = setting(32, "Channels of the first stage; the others have twice as many.", ge=1)
    depth: int = setting(3, "Stages; each halves the channels of a frame, and the first two halve time.", ge=1, le=8)
    width: int = setting(64, "Width of the state of each direction of the GRU.", ge=1)
    pooling: Literal["mean", "max", "attention"] = setting("mean", "Mean, maximum or learned mean of all states.")
    activation: Activation = setting("relu", "Activation after each convolution.")
    dropout: float = setting(0.3, "Share of channels dropped in training, the same at all places of a row.", ge=0, lt=1)


class CRNN(Backbone):
    """Frames as a picture of time by channel: 3x3 convolutions with batch normalisation, then a two-way GRU.

    Shape:
        frames (B, T, channels) -> (B, 2 * width)
    """

    Settings = CRNNSettings
    groups = ("frames",)

    def __init__(self, slot: Slot, settings: CRNNSettings) -> None:
        super().__init__(slot, settings)
        self.settings = settings
        self.width = 2 * settings.width
        (side,) = slot.shape
        length, channels = slot.length, 1
        self.stages = nn.ModuleList()
        self.pools: list[tuple[int, int]] = []
        for stage in range(settings.depth):
            following = settings.channels * (1 if stage == 0 else 2)
            self.stages.append(
                nn.Sequential(
                    nn.Conv2d(channels, following, 3, padding=1, bias=False),
                    nn.BatchNorm2d(following),
                    activation(settings.activation),
                )
            )
            pool = 2 if stage < 2 and length >= 8 else 1, 2 if side >= 2 else 1
            self.pools.append(pool)
            length, side, channels = -(-length // pool[0]), -(-side // pool[1]), following
        self.dropout = ChannelDropout(settings.dropout)
        self.recurrence = Recurrence("gru", channels * side, settings.width, two_way=True)
        self.pool = AttentionPool(self.width) if settings.pooling == "attention" else None

    def sequence(self, values: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        x = values if values.shape[1] else F.pad(values, (0, 0, 0, 1))
        x = x[:, None]  # (B, 1, T, F)
        there = places_there(lengths, x.shape[2])
        for stage, pool in zip(self.stages, self.pools, strict=True):
            # What fills up a row must neither win a maximum nor reach the next convolution.
            x = stage(x).masked_fill(~there[:, None, :, None], float("-inf"))
            x = F.max_pool2d(x, pool, ceil_mode=True)
            lengths = -(-lengths // pool[0])
            there = places_there(lengths, x.shape[2])
            x = torch.where(there[:, None, :, None], x, 0.0)
        steps = x.transpose(1, 2).flatten(2)  # (B, T, channels * F)
        return self.dropout(self.recurrence(self.dropout(steps), lengths)), there

    def forward(self, values: Tensor, lengths: Tensor) -> Tensor:
        x, there = self.sequence(values, lengths)
        if self.pool is not None:
            return self.pool(x, there)
        return max_over(x, there) if self.settings.pooling == "max" else mean_over(x, there)
