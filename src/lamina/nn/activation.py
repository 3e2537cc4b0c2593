"""Activation functions by name."""

from __future__ import annotations

from typing import Literal

from torch import nn

__all__ = ["Activation", "activation"]

Activation = Literal["relu", "sigmoid", "tanh", "gelu", "silu"]

_CLASSES: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
}


def activation(name: Activation) -> nn.Module:
    """The activation of that name, any shape to the same shape.

    Example:
        >>> activation("relu")
        ReLU()
    """
    return _CLASSES[name]()
