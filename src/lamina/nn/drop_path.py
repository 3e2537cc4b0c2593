"""Dropping whole branches of a residual network."""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["DropPath", "rising"]


class DropPath(nn.Module):
    """Stochastic depth (Huang et al. 2016): in training, a row's branch is left out with the given chance.

    Shape:
        (B, ...) -> the same

    Example:
        >>> layer = DropPath(0.5)
        >>> set(layer(torch.ones(100, 2)).flatten().tolist()) <= {0.0, 2.0}
        True
    """

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or not self.share:
            return x
        kept = torch.rand(len(x), *[1] * (x.ndim - 1), device=x.device) >= self.share
        return x * (kept / (1 - self.share)).to(x.dtype)

    def extra_repr(self) -> str:
        return f"{self.share}"


def rising(share: float, blocks: int) -> list[float]:
    """The chance of each block, from 0 for the first to ``share`` for the last: early blocks are needed by all.

    Example:
        >>> rising(0.2, 3)
        [0.0, 0.1, 0.2]
    """
    return [share * place / max(1, blocks - 1) for place in range(blocks)]
