"""Where a place stands in its row, for layers that would not know it otherwise."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor

from lamina.nn.steps import Words

__all__ = ["Places", "Positions", "rotated", "sines"]

Positions = Literal["none", "sines", "learned", "rotary"]


def _angles(count: int, width: int, device: torch.device | None) -> Tensor:
    """Place times 10000 ** (-2i / width), (count, width / 2) rounded up."""
    rates = torch.exp(torch.arange(0, width, 2, device=device) * (-math.log(10_000) / width))
    return torch.arange(count, device=device)[:, None] * rates


def sines(count: int, width: int, device: torch.device | None = None) -> Tensor:
    """Sines and cosines of the place, (count, width), as in section 3.5 of Vaswani et al. 2017.

    Example:
        >>> sines(2, 4)[0].tolist()
        [0.0, 1.0, 0.0, 1.0]
    """
    angles = _angles(count, width, device)
    return torch.stack([angles.sin(), angles.cos()], 2).flatten(1)[:, :width]


def rotated(x: Tensor) -> Tensor:
    """Queries or keys, each pair of values turned by an angle that grows with the place (RoFormer, Su et al. 2021).

    The product of a rotated query and a rotated key then hangs on how far apart they are, not on where they stand.

    Shape:
        (B, heads, T, D), D even -> the same

    Example:
        >>> x = torch.ones(1, 1, 5, 2)
        >>> products = rotated(x) @ rotated(x).mT
        >>> bool(torch.isclose(products[0, 0, 0, 2], products[0, 0, 2, 4]))
        True
    """
    angles = _angles(x.shape[2], x.shape[3], x.device)  # (T, D / 2)
    sine, cosine = angles.sin().to(x.dtype), angles.cos().to(x.dtype)
    even, odd = x[..., ::2], x[..., 1::2]
    return torch.stack([even * cosine - odd * sine, even * sine + odd * cosine], -1).flatten(-2)


class Places(Words):
    """A learned vector for each place; all from the last on share one.

    Shape:
        a count of places -> (count, width)
    """

    def forward(self, count: int) -> Tensor:  # type: ignore[override]
        places = torch.arange(count, device=self.weight.device)
        return super().forward(places.clamp(max=self.num_embeddings - 1))
