"""A feed-forward part with a gate."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from lamina.nn.projection import Projection

__all__ = ["SwiGLU"]


class SwiGLU(nn.Module):
    """W3 (silu(W1 x) * W2 x), the feed-forward part of Llama (Shazeer 2020). W1 and W2 are one product.

    Args:
        width: of a place's vector.
        hidden: units between.
        bias: whether the linear layers have one.
        deviation: of the start of W3; see :class:`~lamina.nn.projection.Projection`.

    Shape:
        (..., width) -> (..., width)

    Example:
        >>> import torch
        >>> SwiGLU(4, 6)(torch.zeros(2, 4)).shape
        torch.Size([2, 4])
    """

    def __init__(self, width: int, hidden: int, bias: bool = False, deviation: float | None = None) -> None:
        super().__init__()
        self.gate_up = Projection(width, 2 * hidden, bias)
        self.down = Projection(hidden, width, bias, deviation)

    def forward(self, x: Tensor) -> Tensor:
        gate, up = self.gate_up(x).chunk(2, -1)
        return self.down(F.silu(gate) * up)
