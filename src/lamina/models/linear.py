"""A linear model: logistic (Cox 1958), softmax or linear regression by gradient descent."""

from __future__ import annotations

from torch import Tensor, nn

from lamina.config import settings
from lamina.features.layout import Layout
from lamina.models.base import Model
from lamina.nn.columns import Columns, ColumnsSettings

__all__ = ["Linear", "LinearSettings"]


@settings
class LinearSettings(ColumnsSettings):
    """A linear model has no settings but those of its columns."""


class Linear(Model):
    """One weight an input, and a bias.

    Shape:
        (B, columns) -> (B, 1, outputs)
    """

    Settings = LinearSettings

    def __init__(self, layout: Layout, outputs: int, settings: LinearSettings) -> None:
        super().__init__(layout, outputs, settings)
        self.columns = Columns(layout, settings)
        self.head = nn.Linear(self.columns.width, outputs)

    def forward(self, inputs: dict[str, Tensor]) -> Tensor:
        return self.head(self.columns(inputs))[:, None]
