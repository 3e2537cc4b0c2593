"""Rotary positions for rows that begin anywhere."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

__all__ = ["Rotary", "Turns", "turn"]


class Turns(NamedTuple):
    """By how much the values of each place are turned.

    Attributes:
        cosine, sine: (B or 1, T, 1, D); the sine's first half is negative.
    """

    cosine: Tensor
    sine: Tensor


class Rotary(nn.Module):
    """The angles by which queries and keys are turned at their places (RoFormer, Su et al. 2021).

    Value ``i`` of a head makes a pair with value ``i + D / 2``, as in Llama's weights;
    :func:`lamina.nn.positions.rotated` pairs neighbours, which is the same but for the order of the values.

    Args:
        width: D, of a head; even.
        base: the slowest pair turns by ``base ** (2 / D - 1)`` a place.

    Shape:
        places (B or 1, T) -> :class:`Turns`

    Example:
        >>> turns = Rotary(4)(torch.arange(5)[None])
        >>> x = torch.ones(1, 5, 1, 4)
        >>> products = (turn(x, turns) * turn(x, turns).roll(-2, 1)).sum(-1)[0, :, 0]  # of places two apart
        >>> bool(torch.isclose(products[0], products[1]))
        True
    """

    def __init__(self, width: int, base: float = 10_000.0) -> None:
        super().__init__()
        assert width % 2 == 0
        self.rates: Tensor
        self.register_buffer("rates", base ** (-torch.arange(0, width, 2) / width), persistent=False)

    def forward(self, places: Tensor) -> Turns:
        angles = (places[..., None] * self.rates)[:, :, None]  # (B, T, 1, D / 2)
        cosine, sine = angles.cos(), angles.sin()
        return Turns(torch.cat([cosine, cosine], -1), torch.cat([-sine, sine], -1))


def turn(x: Tensor, turns: Turns) -> Tensor:
    """Queries or keys turned by the angles of their places: (B, T, heads, D) -> the same."""
    half = x.shape[-1] // 2
    swapped = torch.cat([x[..., half:], x[..., :half]], -1)
    return torch.addcmul(x * turns.cosine.to(x.dtype), swapped, turns.sine.to(x.dtype))
