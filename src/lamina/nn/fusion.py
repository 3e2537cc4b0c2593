"""Ways to make one vector of the vectors of several columns."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from lamina.nn.attention import EncoderBlock
from lamina.nn.linear import Linear

__all__ = ["AttentionFusion", "Concatenation", "Fusion", "Gating", "fusion"]

Fusion = Literal["concat", "gate", "attention"]


class Concatenation(nn.Module):
    """Side by side, then a linear layer.

    Shape:
        (B, columns, width) -> (B, width)
    """

    def __init__(self, columns: int, width: int) -> None:
        super().__init__()
        self.join = Linear(columns * width, width)

    def forward(self, vectors: Tensor) -> Tensor:
        return self.join(vectors.flatten(1))


class Gating(nn.Module):
    """A sum in which each column is weighed by a gate that sees all of them (gated multimodal unit, Arevalo et al.
    2017, with a softmax over the columns).

    Shape:
        (B, columns, width) -> (B, width)
    """

    def __init__(self, columns: int, width: int) -> None:
        super().__init__()
        self.gate = nn.Linear(columns * width, columns)
        self.values = nn.ModuleList(Linear(width, width) for _ in range(columns))

    def gates(self, vectors: Tensor) -> Tensor:
        """The weight of each column, (B, columns), each row summing to 1."""
        return self.gate(vectors.flatten(1)).softmax(1)

    def forward(self, vectors: Tensor) -> Tensor:
        values = torch.stack([layer(vectors[:, place]).tanh() for place, layer in enumerate(self.values)], 1)
        return torch.einsum("bcw,bc->bw", values, self.gates(vectors))


class AttentionFusion(nn.Module):
    """Columns as the words of a sentence: a layer of attention over them and a learned first word, which is the answer.

    Shape:
        (B, columns, width) -> (B, width)
    """

    def __init__(self, columns: int, width: int) -> None:
        super().__init__()
        self.start = nn.Parameter(torch.empty(width))
        self.places = nn.Parameter(torch.empty(columns, width))
        self.block = EncoderBlock(width, heads=4 if width % 4 == 0 else 1, hidden=2 * width)
        self.norm = nn.LayerNorm(width)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Normal with deviation 0.02, as embeddings of places usually start."""
        nn.init.normal_(self.start, std=0.02)
        nn.init.normal_(self.places, std=0.02)

    def forward(self, vectors: Tensor) -> Tensor:
        start = self.start.expand(vectors.shape[0], 1, -1)
        return self.norm(self.block(torch.cat([start, vectors + self.places], 1)))[:, 0]


def fusion(name: Fusion, columns: int, width: int) -> nn.Module:
    """The fusion of that name.

    Example:
        >>> fusion("gate", columns=3, width=8)(torch.zeros(2, 3, 8)).shape
        torch.Size([2, 8])
    """
    classes: dict[str, type[Concatenation | Gating | AttentionFusion]] = {
        "concat": Concatenation,
        "gate": Gating,
        "attention": AttentionFusion,
    }
    return classes[name](columns, width)
