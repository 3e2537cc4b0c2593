"""A residual network for rows (Gorishniy et al. 2021, "Revisiting deep learning models for tabular data")."""

from __future__ import annotations

from torch import Tensor, nn

from lamina.config import setting, settings
from lamina.features.layout import Layout
from lamina.models.base import Model
from lamina.nn.activation import Activation, activation
from lamina.nn.columns import Columns, ColumnsSettings
from lamina.nn.linear import Linear
from lamina.nn.normalisation import Normalisation, normalisation

__all__ = ["ResNet", "ResNetSettings", "ResidualBlock"]


@settings
class ResNetSettings(ColumnsSettings):
    """Residual blocks of one width."""

    width: int = setting(192, "Width of the residual stream.", ge=1, le=65_536)
    hidden: float = setting(2.0, "Width inside a block, as a multiple of the stream's.", gt=0, le=16)
    depth: int = setting(3, "Blocks.", ge=1, le=256)
    activation: Activation = setting("relu", "Activation inside each block.")
    normalisation: Normalisation = setting("batch", "Normalisation at the start of each block.")
    dropout: float = setting(0.2, "Share of units dropped inside each block.", ge=0, lt=1)


class ResidualBlock(nn.Module):
    """x + linear(dropout(activation(linear(norm(x))))).

    Shape:
        (B, width) -> (B, width)
    """

    def __init__(self, settings: ResNetSettings) -> None:
        super().__init__()
        hidden = max(1, round(settings.width * settings.hidden))
        self.change = nn.Sequential(
            normalisation(settings.normalisation, settings.width),
            Linear(settings.width, hidden),
            activation(settings.activation),
            nn.Dropout(settings.dropout),
            Linear(hidden, settings.width),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.change(x)


class ResNet(Model):
    """A linear stem, residual blocks, and a normalised, activated linear head.

    Shape:
        (B, columns) -> (B, 1, outputs)
    """

    Settings = ResNetSettings

    def __init__(self, layout: Layout, outputs: int, settings: ResNetSettings) -> None:
        super().__init__(layout, outputs, settings)
        self.columns = Columns(layout, settings)
        self.stem = Linear(self.columns.width, settings.width)
        self.blocks = nn.Sequential(*(ResidualBlock(settings) for _ in range(settings.depth)))
        self.head = nn.Sequential(
            normalisation(settings.normalisation, settings.width),
            activation(settings.activation),
            Linear(settings.width, outputs),
        )

    def forward(self, inputs: dict[str, Tensor]) -> Tensor:
        return self.head(self.blocks(self.stem(self.columns(inputs))))[:, None]
