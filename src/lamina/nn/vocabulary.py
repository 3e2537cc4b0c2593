"""Tokens to vectors, and vectors to logits of tokens."""

from __future__ import annotations

from torch import Tensor

from lamina.nn.projection import Projection, projected
from lamina.nn.steps import Words

__all__ = ["Vocabulary"]


class Vocabulary(Words):
    """An embedding, and the layer that says how likely each token is: by the same table (tied, Press and Wolf 2017),
    or by one of its own.

    Args:
        size: how many tokens there are.
        width: of a vector.
        deviation: of the embedding's start.
        tied: whether logits are products with the embedding.
        bias: whether logits have one where they have a table of their own.

    Shape:
        any of tokens -> the same with a last axis of ``width``

    Example:
        >>> import torch
        >>> words = Vocabulary(9, 4, deviation=0.1)
        >>> words.logits(words(torch.tensor([[3, 5]]))).shape
        torch.Size([1, 2, 9])
    """

    def __init__(self, size: int, width: int, deviation: float, tied: bool = True, bias: bool = False) -> None:
        super().__init__(size, width, deviation)
        self.out = None if tied else Projection(width, size, bias)

    def logits(self, x: Tensor) -> Tensor:
        """How likely each token is, in nats up to a constant: (..., width) -> (..., size)."""
        return projected(x, self.weight) if self.out is None else self.out(x)
