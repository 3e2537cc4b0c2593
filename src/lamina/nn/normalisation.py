"""Normalisation layers by name."""

from __future__ import annotations

from typing import Literal

import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["BatchNorm", "Normalisation", "normalisation"]

Normalisation = Literal["none", "batch", "layer"]


class BatchNorm(nn.BatchNorm1d):
    """Batch normalisation (Ioffe and Szegedy 2015) that trains on a single row too, by its running statistics: one row
    has no variance of its own.

    Shape:
        (B, width) -> (B, width)
    """

    def forward(self, x: Tensor) -> Tensor:
        if self.training and len(x) == 1:
            return F.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps)
        return super().forward(x)


def normalisation(name: Normalisation, width: int) -> nn.Module:
    """The normalisation of that name over the last of (B, width) axes.

    Example:
        >>> normalisation("layer", 4)
        LayerNorm((4,), eps=1e-05, elementwise_affine=True, bias=True)
    """
    if name == "batch":
        return BatchNorm(width)
    return nn.LayerNorm(width) if name == "layer" else nn.Identity()
