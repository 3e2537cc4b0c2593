"""What a step is told of those before it: by recurrent layers, or by causal convolutions."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from lamina.backbones.tcn import TCNSettings, TemporalBlock
from lamina.config import check
from lamina.nn.dropout import PooledDropout
from lamina.nn.linear import Linear
from lamina.nn.recurrent import ChannelDropout, ForgetLSTM

__all__ = ["Convolved", "Past", "Recalled", "State"]

State = dict[str, Tensor]
"""What is known of the steps so far: name -> (B, ...)."""


class Past(nn.Module, ABC):
    """Abstract: a vector for each step, of the steps up to it and none behind it.

    Steps that are read one by one, or some at a time, give what all of them give at once.

    Args:
        inputs: width of a step.
        width: of the vectors.

    Shape:
        steps (B, T, inputs), and what is known of those before them -> (B, T, width), and what is known then
    """

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.inputs, self.width = inputs, width

    @abstractmethod
    def begin(self, rows: int) -> State:
        """What is known before the first step."""

    @abstractmethod
    def forward(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Read on."""

    def select(self, state: State, rows: Tensor) -> State:
        """What is known of some rows, (M,) int64: kept, repeated or in another order."""
        return {name: values.index_select(0, rows) for name, values in state.items()}


class Recalled(Past):
    """Recurrent layers that look back: LSTM (Hochreiter and Schmidhuber 1997) or GRU (Cho et al. 2014).

    Args:
        inputs, width: as for :class:`Past`.
        depth: layers.
        kind: ``lstm`` or ``gru``.
        dropout: share of a layer's outputs dropped in training, between layers and after the last.
    """

    def __init__(self, inputs: int, width: int, depth: int, kind: str, dropout: float) -> None:
        super().__init__(inputs, width)
        layer = ForgetLSTM if kind == "lstm" else nn.GRU
        self.layers = nn.ModuleList(
            layer(width if place else inputs, width, batch_first=True) for place in range(depth)
        )
        self.dropout = PooledDropout(dropout)

    def begin(self, rows: int) -> State:
        weight = next(self.parameters())
        names = ("hidden", "cell") if isinstance(self.layers[0], nn.LSTM) else ("hidden",)
        return {name: weight.new_zeros(rows, len(self.layers), self.width) for name in names}

    def forward(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        after: dict[str, list[Tensor]] = {name: [] for name in state}
        for place, layer in enumerate(self.layers):
            before = [values[:, place][None].contiguous() for values in state.values()]  # (1, B, width) each
            x, known = layer(x, before[0] if len(before) == 1 else tuple(before))
            for name, values in zip(after, known if isinstance(known, tuple) else [known], strict=True):
                after[name].append(values[0])
            x = self.dropout(x)
        return x, {name: torch.stack(values, 1) for name, values in after.items()}


class Convolved(Past):
    """Causal convolutions whose dilation doubles (Bai et al. 2018). What is known is as many steps as they look back.

    Args:
        inputs, width: as for :class:`Past`.
        depth: blocks of two convolutions.
        kernel: steps that a convolution looks at.
        dropout: share of channels dropped in training, the same at all steps of a row.
    """

    def __init__(self, inputs: int, width: int, depth: int, kernel: int, dropout: float) -> None:
        super().__init__(inputs, width)
        self.embed = Linear(inputs, width)
        settings = check(TCNSettings, {"width": width, "kernel": kernel, "dropout": dropout})
        self.blocks = nn.Sequential(*(TemporalBlock(width, 2**place, settings) for place in range(depth)))
        self.dropout = ChannelDropout(dropout)
        self.reach = 2 * (kernel - 1) * (2**depth - 1)  # steps before one that it knows of

    def begin(self, rows: int) -> State:
        weight = self.embed.weight
        return {"steps": weight.new_zeros(rows, 0, self.inputs)}

    def forward(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        known = torch.cat([state["steps"], x], 1)
        told = self.blocks(self.dropout(self.embed(known)))[:, -x.shape[1] :]
        return told, {"steps": known[:, max(0, known.shape[1] - self.reach) :]}
