"""Low-rank additions to linear layers (LoRA, Hu et al. 2021)."""

from __future__ import annotations

import math
import re

import torch
from torch import Tensor, nn
from torch.nn import functional

from lamina.nn.start import seed_of

__all__ = ["LoRA", "add_lora", "merge_lora"]

SCALE = 2.0  # alpha / r: the weight of what is added


class LoRA(nn.Module):
    """A linear layer that stays as it is, and what is added to it: W x + b + (alpha / r) B A x. B starts at zero.

    Args:
        base: the layer.
        rank: r, the width between A and B.

    Shape:
        as the layer: (..., inputs) -> (..., outputs)

    Example:
        >>> layer = nn.Linear(6, 4)
        >>> rows = torch.randn(3, 6)
        >>> bool((LoRA(layer, rank=2)(rows) == layer(rows)).all())
        True
    """

    def __init__(self, base: nn.Linear, rank: int) -> None:
        super().__init__()
        self.base = base.requires_grad_(False)
        self.down = nn.Parameter(torch.empty(rank, base.in_features))  # A
        self.up = nn.Parameter(torch.empty(base.out_features, rank))  # B
        self.reset_parameters()

    @property
    def weight(self) -> Tensor:
        """The layer's own; some networks ask for its dtype."""
        return self.base.weight

    def reset_parameters(self) -> None:
        """A as linear layers start, B at zero."""
        nn.init.kaiming_uniform_(self.down, a=math.sqrt(5))
        nn.init.zeros_(self.up)

    def forward(self, rows: Tensor) -> Tensor:
        added = functional.linear(functional.linear(rows, self.down), self.up) * SCALE
        if getattr(self.base, "activation", "none") == "relu":
            return (functional.linear(rows, self.base.weight, self.base.bias) + added).relu()
        return self.base(rows) + added

    @torch.no_grad()
    def merged(self) -> nn.Linear:
        """The layer with what was learned added to its weight."""
        self.base.weight += SCALE * self.up @ self.down
        return self.base.requires_grad_(True)


def add_lora(module: nn.Module, rank: int, seed: int = 0, only: str = "") -> int:
    """Put :class:`LoRA` in the place of every linear layer within a module; returns how many there are.

    A's start is a function of the seed and the layer's name.

    Args:
        module: that is changed.
        rank: of what is added.
        seed: of its start.
        only: a pattern that the names of layers are searched for; those without it are left as they are.
    """
    linear = [
        (name, layer)
        for name, layer in module.named_modules()
        if isinstance(layer, nn.Linear) and re.search(only, name)
    ]
    for name, layer in linear:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed_of(seed, "lora", name))
            _put(module, name, LoRA(layer, rank))
    return len(linear)


def merge_lora(module: nn.Module) -> None:
    """Put plain linear layers of the same answers in the place of every :class:`LoRA` within a module."""
    for name, layer in [(name, layer) for name, layer in module.named_modules() if isinstance(layer, LoRA)]:
        _put(module, name, layer.merged())


def _put(module: nn.Module, name: str, layer: nn.Module) -> None:
    """Set a module within a module by its dotted name."""
    parent, _, last = name.rpartition(".")
    setattr(module.get_submodule(parent), last, layer)
