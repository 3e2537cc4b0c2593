"""TabM: many MLPs that share their hidden layers, on embedded numbers (Gorishniy et al. 2025, the "mini" form)."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from lamina.config import setting, settings
from lamina.features.layout import Layout
from lamina.models.base import Model
from lamina.nn.activation import Activation, activation
from lamina.nn.columns import Columns, ColumnsSettings
from lamina.nn.dropout import PooledDropout
from lamina.nn.ensemble import Heads, SharedLinear, Views
from lamina.nn.normalisation import Normalisation, normalisation

__all__ = ["TabM", "TabMSettings"]


@settings
class TabMSettings(ColumnsSettings):
    """An ensemble of MLPs in one network."""

    numbers: Literal["plain", "piecewise", "periodic"] = setting(
        "piecewise", "Numbers as they are, by piecewise-linear, or by periodic embeddings (Gorishniy et al. 2022)."
    )
    members: int = setting(16, "MLPs in the ensemble.", ge=1, le=1024)
    width: int = setting(256, "Units in each hidden layer.", ge=1, le=65_536)
    depth: int = setting(3, "Hidden layers.", ge=1, le=256)
    activation: Activation = setting("relu", "Activation after each hidden layer.")
    normalisation: Normalisation = setting("none", "Normalisation before each activation.")
    dropout: float = setting(0.1, "Share of hidden units dropped in training.", ge=0, lt=1)


class TabM(Model):
    """The members see the row through scales of their own, share the hidden layers, and answer by heads of their own.

    Shape:
        (B, columns) -> (B, members, outputs)
    """

    Settings = TabMSettings

    def __init__(self, layout: Layout, outputs: int, settings: TabMSettings) -> None:
        super().__init__(layout, outputs, settings)
        self.columns = Columns(layout, settings)
        self.views = Views(self.columns.chunks, settings.members)
        layers: list[nn.Module] = []
        width = self.columns.width
        for _ in range(settings.depth):
            layers += [
                SharedLinear(width, settings.width),
                normalisation(settings.normalisation, settings.width),
                activation(settings.activation),
                PooledDropout(settings.dropout),
            ]
            width = settings.width
        self.trunk = nn.Sequential(*(layer for layer in layers if not isinstance(layer, nn.Identity)))
        self.head = Heads(width, outputs, settings.members)

    def forward(self, inputs: dict[str, Tensor]) -> Tensor:
        reduced = torch.is_autocast_enabled("cpu")
        with torch.autocast("cpu", enabled=False):
            x = self.columns(inputs)  # (B, width): where a number lies between two knots needs float32
        if reduced:
            x = x.to(torch.get_autocast_dtype("cpu"))
        return self.head(self.trunk(self.views(x)))
