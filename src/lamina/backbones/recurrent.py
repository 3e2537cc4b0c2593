"""Recurrent networks over words, frames and moments: plain (Elman 1990), LSTM (Hochreiter and Schmidhuber 1997), GRU
(Cho et al. 2014), one- and two-way, with attention (Bahdanau et al. 2015)."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar, Literal, NamedTuple

import torch
from torch import Tensor, nn

from lamina.backbones.base import Backbone, mean_over
from lamina.config import setting, settings
from lamina.features.base import Slot
from lamina.nn.pooling import AttentionPool, max_over
from lamina.nn.recurrent import ChannelDropout, Kind, Recurrence
from lamina.nn.steps import Steps

__all__ = ["GRU", "LSTM", "RNN", "RNNSettings", "Recurrent", "RecurrentSettings", "States"]

DEVIATION = 0.1  # of embeddings at the start: small beside the states, which lie within +-1


@settings
class RecurrentSettings:
    """Recurrent layers."""

    width: int = setting(128, "Width of the state of each direction.", ge=1)
    depth: int = setting(1, "Layers.", ge=1, le=16)
    two_way: bool = setting(True, "Read each row from both ends.")
    pooling: Literal["last", "mean", "max", "attention"] = setting(
        "max", "The answer: the state after the last place; the mean, maximum or learned mean of all states."
    )
    dropout: float = setting(0.5, "Share of channels dropped in training, the same at all places of a row.", ge=0, lt=1)


@settings
class RNNSettings(RecurrentSettings):
    """Plain recurrent layers."""

    activation: Literal["tanh", "relu"] = setting("tanh", "What each state goes through.")


class States(NamedTuple):
    """What went on in one layer and direction over a row.

    Attributes:
        layer: from 0.
        direction: ``onward`` or ``back``.
        values: name of a gate or state -> (T, width): ``input``, ``forget``, ``new``, ``output``, ``cell`` and
            ``state`` of an LSTM; ``reset``, ``update``, ``new`` and ``state`` of a GRU; ``state`` of a plain one.
    """

    layer: int
    direction: str
    values: dict[str, Tensor]


class Recurrent(Backbone):
    """Abstract: embedded places, recurrent layers, and one of four ways to one vector.

    Shape:
        tokens (B, T) or frames (B, T, channels) -> (B, width), or (B, 2 * width) if it reads both ways
    """

    Settings: ClassVar[type] = RecurrentSettings
    groups = ("tokens", "frames")

    def __init__(self, slot: Slot, settings: RecurrentSettings) -> None:
        super().__init__(slot, settings)
        self.settings = settings
        self.width = settings.width * (2 if settings.two_way else 1)
        self.steps = Steps(slot, settings.width, deviation=DEVIATION)
        inputs = [settings.width] + [self.width] * (settings.depth - 1)
        self.layers = nn.ModuleList(
            Recurrence(self._kind(), width, settings.width, settings.two_way) for width in inputs
        )
        self.dropout = ChannelDropout(settings.dropout)
        self.pool = AttentionPool(self.width) if settings.pooling == "attention" else None

    @abstractmethod
    def _kind(self) -> Kind:
        """Which recurrent layer it is."""

    def sequence(self, values: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        x, there = self.steps(values, lengths)
        x = self.dropout(x)
        for layer in self.layers:
            x = self.dropout(layer(x, lengths))
        return x, there

    def forward(self, values: Tensor, lengths: Tensor) -> Tensor:
        x, there = self.sequence(values, lengths)
        if self.pool is not None:
            return self.pool(x, there)
        if self.settings.pooling == "last":
            return self._last(x, lengths)
        return max_over(x, there) if self.settings.pooling == "max" else mean_over(x, there)

    def _last(self, x: Tensor, lengths: Tensor) -> Tensor:
        """The state of each direction when it has read the whole row: (B, T, width) -> (B, width)."""
        place = (lengths - 1).clamp(min=0)[:, None, None].expand(-1, 1, x.shape[2])
        last = x.gather(1, place)[:, 0]
        if not self.settings.two_way:
            return last
        half = self.settings.width
        return torch.cat([last[:, :half], x[:, 0, half:]], 1)

    @torch.no_grad()
    def states(self, values: Tensor, lengths: Tensor) -> list[States]:
        """Gates and states over the places of one row, layer by layer: (1, T) or (1, T, channels), (1,)."""
        assert len(values) == 1
        x = self.steps(values, lengths)[0][0, : max(1, int(lengths[0]))]  # (T, width)
        found = []
        for place, layer in enumerate(self.layers):
            assert isinstance(layer, Recurrence)
            traces = layer.trace(x)
            found += [States(place, way, trace) for way, trace in zip(("onward", "back"), traces, strict=False)]
            x = torch.cat([trace["state"] for trace in traces], 1)
        return found


class RNN(Recurrent):
    """Plain recurrent layers: h' = tanh(W x + U h + b). They lose the gradient over long rows (Bengio et al. 1994).

    Shape:
        tokens (B, T) or frames (B, T, channels) -> (B, width), or (B, 2 * width) if it reads both ways
    """

    Settings = RNNSettings

    def _kind(self) -> Kind:
        assert isinstance(self.settings, RNNSettings)
        return self.settings.activation


class LSTM(Recurrent):
    """Long short-term memory. The forget gates start at a bias of 1.

    Shape:
        tokens (B, T) or frames (B, T, channels) -> (B, width), or (B, 2 * width) if it reads both ways
    """

    def _kind(self) -> Kind:
        return "lstm"


class GRU(Recurrent):
    """Gated recurrent units.

    Shape:
        tokens (B, T) or frames (B, T, channels) -> (B, width), or (B, 2 * width) if it reads both ways
    """

    def _kind(self) -> Kind:
        return "gru"
