"""Convolutions over words, and the maximum over time (Kim 2014)."""

from __future__ import annotations

from typing import Annotated

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from lamina.backbones.base import Backbone
from lamina.config import setting, settings
from lamina.features.base import Slot
from lamina.nn.activation import Activation, activation
from lamina.nn.dropout import PooledDropout
from lamina.nn.pooling import max_over
from lamina.nn.steps import Steps

__all__ = ["TextCNN", "TextCNNSettings"]

DEVIATION = 0.1  # of embeddings at the start


@settings
class TextCNNSettings:
    """Windows over the words."""

    width: int = setting(256, "Width of a word's vector.", ge=1)
    windows: list[Annotated[int, Field(ge=1, le=64)]] = setting(
        [3, 4, 5], "Words in each kind of window.", min_length=1, max_length=16
    )
    filters: int = setting(100, "Filters of each kind.", ge=1)
    activation: Activation = setting("relu", "Activation after the convolutions.")
    dropout: float = setting(0.2, "Share of words' values and of the answer's dropped in training.", ge=0, lt=1)


class TextCNN(Backbone):
    """Filters over windows of a few words; of each filter the largest value counts, wherever it stands.

    Windows reach past both ends of a row, so that a single word is enough.

    Shape:
        tokens (B, T) or frames (B, T, channels) -> (B, filters * windows)
    """

    Settings = TextCNNSettings
    groups = ("tokens", "frames")

    def __init__(self, slot: Slot, settings: TextCNNSettings) -> None:
        super().__init__(slot, settings)
        self.width = settings.filters * len(settings.windows)
        self.steps = Steps(slot, settings.width, deviation=DEVIATION)
        self.windows = settings.windows
        self.convolutions = nn.ModuleList(
            nn.Conv1d(settings.width, settings.filters, window) for window in settings.windows
        )
        self.activation = activation(settings.activation)
        self.dropout = PooledDropout(settings.dropout)

    def sequence(self, values: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        x, there = self.steps(values, lengths)
        x = self.dropout(x).mT  # (B, width, T)
        found = []
        for window, convolution in zip(self.windows, self.convolutions, strict=True):
            found.append(convolution(F.pad(x, ((window - 1) // 2, window // 2))))
        return self.activation(torch.cat(found, 1).mT), there

    def forward(self, values: Tensor, lengths: Tensor) -> Tensor:
        return self.dropout(max_over(*self.sequence(values, lengths)))
