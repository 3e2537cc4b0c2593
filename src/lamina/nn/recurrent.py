"""Recurrent layers over rows of different lengths, in one or both directions."""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor, nn

from lamina.nn.wide import places_there

__all__ = ["ChannelDropout", "ForgetLSTM", "Kind", "Recurrence", "turned"]

Kind = Literal["tanh", "relu", "lstm", "gru"]


class ForgetLSTM(nn.LSTM):
    """An LSTM whose forget gate starts at a bias of 1, so that it begins by remembering (Jozefowicz et al. 2015)."""

    def reset_parameters(self) -> None:
        """PyTorch's start, and the bias of the forget gate."""
        super().reset_parameters()
        with torch.no_grad():
            for name, parameter in self.named_parameters():
                if name.startswith("bias"):  # the two biases are added
                    parameter[self.hidden_size : 2 * self.hidden_size] = 1.0 if "_ih_" in name else 0.0


class ChannelDropout(nn.Dropout1d):
    """Dropout with one mask for all places of a row (variational, Gal and Ghahramani 2016).

    Shape:
        (B, T, width) -> the same
    """

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.mT).mT


class Recurrence(nn.Module):
    """One recurrent layer: plain (Elman 1990), LSTM (Hochreiter and Schmidhuber 1997) or GRU (Cho et al. 2014).

    For the second direction rows are turned within their lengths. Beside packed sequences this lets an LSTM go through
    oneDNN, which takes half of the time, and it can be exported.

    Args:
        kind: ``tanh`` or ``relu``, which are plain; ``lstm`` or ``gru``.
        inputs: width of a place's vector.
        width: of the state.
        two_way: whether a second one reads from the end; its states stand beside those of the first.

    Shape:
        (B, T, inputs), and lengths (B,) -> (B, T, width), or (B, T, 2 * width); zeros after the end of a row

    Example:
        >>> Recurrence("gru", 3, 4, two_way=True)(torch.zeros(2, 5, 3), torch.tensor([5, 2])).shape
        torch.Size([2, 5, 8])
    """

    def __init__(self, kind: Kind, inputs: int, width: int, two_way: bool) -> None:
        super().__init__()
        self.kind = kind
        self.onward = _layer(kind, inputs, width)
        self.back = _layer(kind, inputs, width) if two_way else None

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        states = self.onward(x)[0]
        if self.back is not None:
            states = torch.cat([states, turned(self.back(turned(x, lengths))[0], lengths)], 2)
        return states * places_there(lengths, x.shape[1])[..., None]

    def trace(self, x: Tensor) -> list[dict[str, Tensor]]:
        """Gates and states over the places of one row, by formula: a dict a direction, name -> (T, width).

        Args:
            x: (T, inputs). Places keep their order; the second direction goes through them from the end.
        """
        found = [_trace(self.kind, self.onward, x)]
        if self.back is not None:
            found.append({name: values.flip(0) for name, values in _trace(self.kind, self.back, x.flip(0)).items()})
        return found


def turned(x: Tensor, lengths: Tensor) -> Tensor:
    """Each row from its end to its start; what fills it up stays: (B, T, width), (B,) -> (B, T, width).

    Example:
        >>> turned(torch.tensor([[[1], [2], [0]]]), torch.tensor([2])).flatten().tolist()
        [2, 1, 0]
    """
    places = torch.arange(x.shape[1], device=x.device)
    source = torch.where(places < lengths[:, None], lengths[:, None] - 1 - places, places)
    return x.gather(1, source[..., None].expand_as(x))


def _layer(kind: Kind, inputs: int, width: int) -> nn.RNNBase:
    if kind == "lstm":
        return ForgetLSTM(inputs, width, batch_first=True)
    if kind == "gru":
        return nn.GRU(inputs, width, batch_first=True)
    return nn.RNN(inputs, width, batch_first=True, nonlinearity=kind)


def _trace(kind: Kind, layer: Any, x: Tensor) -> dict[str, Tensor]:
    """Gates and states of one direction, in the order in which it goes."""
    from_input = x @ layer.weight_ih_l0.T + layer.bias_ih_l0  # (T, gates * width)
    state = cell = x.new_zeros(layer.hidden_size)
    steps: list[dict[str, Tensor]] = []
    for given in from_input:
        kept = layer.weight_hh_l0 @ state + layer.bias_hh_l0
        if kind == "lstm":
            step = _lstm_step(given + kept, cell)
            cell = step["cell"]
        elif kind == "gru":
            step = _gru_step(given, kept, state)
        else:
            step = {"state": torch.tanh(given + kept) if kind == "tanh" else torch.relu(given + kept)}
        state = step["state"]
        steps.append(step)
    return {name: torch.stack([step[name] for step in steps]) for name in steps[0]}


def _lstm_step(sums: Tensor, cell: Tensor) -> dict[str, Tensor]:
    """c' = f * c + i * n, h' = o * tanh(c')."""
    gate_in, gate_forget, new, gate_out = sums.chunk(4)
    gate_in, gate_forget, gate_out = gate_in.sigmoid(), gate_forget.sigmoid(), gate_out.sigmoid()
    new = new.tanh()
    cell = gate_forget * cell + gate_in * new
    return {
        "input": gate_in,
        "forget": gate_forget,
        "new": new,
        "output": gate_out,
        "cell": cell,
        "state": gate_out * cell.tanh(),
    }


def _gru_step(given: Tensor, kept: Tensor, state: Tensor) -> dict[str, Tensor]:
    """n = tanh(Wx + r * Uh), h' = (1 - z) * n + z * h."""
    (reset, update, new), (kept_reset, kept_update, kept_new) = given.chunk(3), kept.chunk(3)
    reset, update = (reset + kept_reset).sigmoid(), (update + kept_update).sigmoid()
    new = (new + reset * kept_new).tanh()
    return {"reset": reset, "update": update, "new": new, "state": (1 - update) * new + update * state}
