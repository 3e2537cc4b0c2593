"""Layers in a form that a graph has: the same weights and the same numbers, said in operators that ONNX knows."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lamina.models.committee import Committee
from lamina.models.modern_nca import ModernNCA
from lamina.nn.recurrent import Recurrence
from lamina.nn.wide import places_there

__all__ = ["OPSET", "CommitteeForm", "ModernNCAForm", "RecurrenceForm", "in_graph_form"]

OPSET = 20  # version of ONNX's operators: the first with GELU, which onnxruntime 1.17 and later know


def in_graph_form(module: nn.Module, *, onnx: bool = True) -> nn.Module:
    """A network whose layers all have a graph form. It shares its weights with the given one, which stays as it is.

    Args:
        module: the network.
        onnx: whether layers may become operators of ONNX's, which PyTorch itself cannot run.

    Example:
        >>> from lamina.models.committee import Committee
        >>> in_graph_form(nn.Sequential(Committee([nn.Identity()])))[0]
        CommitteeForm(
          (networks): ModuleList(
            (0): Identity()
          )
        )
    """
    form = FORMS.get(type(module))
    if form is None and onnx:
        form = ONNX_FORMS.get(type(module))
    # A form keeps layers of what it is of, and these may have forms of their own.
    copied = copy.copy(module) if form is None else form(module)
    copied._modules = {name: child and in_graph_form(child, onnx=onnx) for name, child in copied._modules.items()}
    return copied


class CommitteeForm(nn.Module):
    """A committee whose votes are plain numbers: how often an output is repeated is then known without running it.

    Shape:
        inputs as for one network -> (B, largest K * votes of all, outputs)
    """

    def __init__(self, committee: Committee) -> None:
        super().__init__()
        self.networks = committee.networks
        self.votes: list[int] = committee.votes.tolist()

    def forward(self, inputs: dict[str, Tensor]) -> Tensor:
        raw = [network(inputs) for network in self.networks]
        most = max(part.shape[1] for part in raw)
        again = [votes * most // part.shape[1] for part, votes in zip(raw, self.votes, strict=True)]
        return torch.cat([part.repeat_interleave(count, 1) for part, count in zip(raw, again, strict=True)], 1)


class ModernNCAForm(nn.Module):
    """ModernNCA whose remembered rows are points already, so that a graph places only the rows that it is asked for.

    Shape:
        (B, columns) -> (B, 1, outputs)
    """

    def __init__(self, model: ModernNCA) -> None:
        super().__init__()
        self.columns, self.stem, self.block = model.columns, model.stem, model.block
        self.norm, self.head = model.norm, model.head
        with torch.no_grad():
            known, answers = model.known()
            others = model.place(known).double()
            self.others: Tensor
            self.register_buffer("others", others.T.contiguous())  # (width, N)
            self.squares: Tensor
            self.register_buffer("squares", (others**2).sum(1))
            self.answers: Tensor
            self.register_buffer("answers", answers)

    def forward(self, inputs: dict[str, Tensor]) -> Tensor:
        stem = self.stem(self.columns(inputs))
        placed = self.norm(stem + self.block(stem)).double()
        # The squared distance by products: what PyTorch's cdist does from 25 rows on, in operators of a graph.
        squares = (placed**2).sum(1, keepdim=True) + self.squares - 2 * placed @ self.others  # (B, N)
        return self.head(F.softmax(-squares.clamp(min=0).sqrt().float(), 1) @ self.answers)[:, None]


# What stands first, second ... in a recurrent layer's weights -> the same in ONNX's operator.
GATES = {"lstm": (0, 3, 1, 2), "gru": (1, 0, 2), "tanh": (0,), "relu": (0,)}
OPERATORS = {"lstm": "LSTM", "gru": "GRU", "tanh": "RNN", "relu": "RNN"}


class RecurrenceForm(nn.Module):
    """A recurrent layer as ONNX's own operator, which goes through any number of places and turns rows by itself.

    PyTorch's exporter would write each place of the example down, or a loop that onnxruntime runs step by step.

    Shape:
        (B, T, inputs), and lengths (B,) -> (B, T, width), or (B, T, 2 * width); zeros after the end of a row
    """

    def __init__(self, layer: Recurrence) -> None:
        super().__init__()
        ways: list[Any] = [one for one in (layer.onward, layer.back) if one is not None]
        self.operator = OPERATORS[layer.kind]
        self.ways, self.width = len(ways), ways[0].hidden_size
        order = GATES[layer.kind]
        self.attributes: dict[str, Any] = {
            "hidden_size": self.width,
            "direction": "bidirectional" if len(ways) == 2 else "forward",
        }
        if layer.kind == "gru":
            self.attributes["linear_before_reset"] = 1  # n = tanh(Wx + r * Uh), as PyTorch has it
        if layer.kind == "relu":
            self.attributes["activations"] = ["Relu"] * len(ways)

        def stacked(name: str) -> Tensor:
            """One weight of all directions, its gates in ONNX's order: (ways, gates * width, ...)."""
            return torch.stack([_ordered(getattr(way, name), order) for way in ways]).detach()

        self.to_gates: Tensor
        self.state_to_gates: Tensor
        self.biases: Tensor
        self.register_buffer("to_gates", stacked("weight_ih_l0"))
        self.register_buffer("state_to_gates", stacked("weight_hh_l0"))
        self.register_buffer("biases", torch.cat([stacked("bias_ih_l0"), stacked("bias_hh_l0")], 1))

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        rows, places = x.shape[:2]
        # A missing cell is one place of zeros here; what comes of it is blanked below.
        ends = lengths.clamp(min=1).int()
        states = torch.onnx.ops.symbolic(
            self.operator,
            (x.transpose(0, 1), self.to_gates, self.state_to_gates, self.biases, ends),
            self.attributes,
            dtype=x.dtype,
            shape=(places, self.ways, rows, self.width),
            version=OPSET,
        )
        states = states.permute(2, 0, 1, 3).flatten(2)  # (B, T, ways * width)
        return states * places_there(lengths, places)[..., None]


def _ordered(weight: Tensor, order: tuple[int, ...]) -> Tensor:
    """The gates of a weight in another order: (gates * width, ...) -> the same shape."""
    gates = weight.chunk(len(order))
    return torch.cat([gates[place] for place in order])


FORMS: dict[type[nn.Module], Callable[[Any], nn.Module]] = {
    Committee: CommitteeForm,
    ModernNCA: ModernNCAForm,
}
ONNX_FORMS: dict[type[nn.Module], Callable[[Any], nn.Module]] = {Recurrence: RecurrenceForm}
