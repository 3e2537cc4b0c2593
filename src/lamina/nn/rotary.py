"""Rotary positions for rows that begin anywhere."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

__all__ = ["Rotary", "Turns", "stretched", "turn"]


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
        stretch: how pairs are slowed, see :func:`stretched`.

    Shape:
        places (B or 1, T) -> :class:`Turns`

    Example:
        >>> turns = Rotary(4)(torch.arange(5)[None])
        >>> x = torch.ones(1, 5, 1, 4)
        >>> products = (turn(x, turns) * turn(x, turns).roll(-2, 1)).sum(-1)[0, :, 0]  # of places two apart
        >>> bool(torch.isclose(products[0], products[1]))
        True
    """

    def __init__(self, width: int, base: float = 10_000.0, stretch: Sequence[float] = ()) -> None:
        super().__init__()
        assert width % 2 == 0
        self.rates: Tensor
        rates = base ** (-torch.arange(0, width, 2) / width)
        self.register_buffer("rates", stretched(rates, *stretch) if stretch else rates, persistent=False)

    def forward(self, places: Tensor) -> Turns:
        angles = (places[..., None] * self.rates)[:, :, None]  # (B, T, 1, D / 2)
        cosine, sine = angles.cos(), angles.sin()
        return Turns(torch.cat([cosine, cosine], -1), torch.cat([-sine, sine], -1))


def stretched(rates: Tensor, factor: float, low: float = 0.0, high: float = 0.0, length: float = 0.0) -> Tensor:
    """Slower turns, (D / 2,), for texts longer than those that a network was first trained on.

    All are slowed by the factor; or, as in Llama 3.1 (Grattafiori et al. 2024), those that turn fewer than ``low``
    times in ``length`` places, none that turn more than ``high`` times, and others in between.

    Example:
        >>> stretched(torch.tensor([6.0, 0.006]), 8.0, 1.0, 4.0, 100.0)
        tensor([6.0000e+00, 7.5000e-04])
    """
    if not length:
        return rates / factor
    turns = length * rates / (2 * math.pi)
    share = ((turns - low) / (high - low)).clamp(0, 1)  # of a pair that it turns as before
    return (1 - share) * rates / factor + share * rates


def turn(x: Tensor, turns: Turns) -> Tensor:
    """Queries or keys turned by the angles of their places: (B, T, heads, D) -> the same."""
    half = x.shape[-1] // 2
    swapped = torch.cat([x[..., half:], x[..., :half]], -1)
    return torch.addcmul(x * turns.cosine.to(x.dtype), swapped, turns.sine.to(x.dtype))
