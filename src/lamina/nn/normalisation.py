"""Normalisation layers by name."""

from __future__ import annotations

from typing import Literal

from torch import nn

__all__ = ["Normalisation", "normalisation"]

Normalisation = Literal["none", "batch", "layer"]


def normalisation(name: Normalisation, width: int) -> nn.Module:
    """The normalisation of that name over the last of (B, width) axes.

    Example:
        >>> normalisation("layer", 4)
        LayerNorm((4,), eps=1e-05, elementwise_affine=True, bias=True)
    """
    if name == "batch":
        return nn.BatchNorm1d(width)
    return nn.LayerNorm(width) if name == "layer" else nn.Identity()
