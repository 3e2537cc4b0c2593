"""From one vector a place to one vector a row."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lamina.nn.linear import Linear

__all__ = ["AttentionPool", "max_over"]


class AttentionPool(nn.Module):
    """A mean whose weights are learned: softmax over the places of v . tanh(W x) (additive, Bahdanau et al. 2015).

    Shape:
        (B, T, width), and (B, T) bool of places that are there -> (B, width); finite where none is there

    Example:
        >>> AttentionPool(8)(torch.zeros(2, 3, 8), torch.ones(2, 3, dtype=torch.bool)).shape
        torch.Size([2, 8])
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.hidden = Linear(width, width)
        self.score = nn.Linear(width, 1, bias=False)

    def weights(self, x: Tensor, there: Tensor) -> Tensor:
        """The weight of each place, (B, T), each row summing to 1."""
        scores = self.score(self.hidden(x).tanh())[..., 0].float()
        return scores.masked_fill(~there, torch.finfo(scores.dtype).min).softmax(1)

    def forward(self, x: Tensor, there: Tensor) -> Tensor:
        return torch.einsum("btw,bt->bw", x, self.weights(x, there).to(x.dtype))


def max_over(x: Tensor, there: Tensor) -> Tensor:
    """The largest value of each channel over the places that are there; zeros where none is.

    Shape:
        (B, T, width), and (B, T) bool of places that are there -> (B, width)

    Example:
        >>> max_over(torch.tensor([[[-2.0], [-3.0], [0.0]]]), torch.tensor([[True, True, False]])).tolist()
        [[-2.0]]
    """
    highest = x.masked_fill(~there[..., None], float("-inf")).amax(1)
    return torch.where(there.any(1, keepdim=True), highest, 0.0)
