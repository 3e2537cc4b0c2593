"""A multi-layer perceptron (Rumelhart et al. 1986)."""

from __future__ import annotations

from torch import Tensor, nn

from lamina.config import setting, settings
from lamina.features.layout import Layout
from lamina.models.base import Model
from lamina.nn.activation import Activation, activation
from lamina.nn.columns import Columns, ColumnsSettings
from lamina.nn.linear import Linear
from lamina.nn.normalisation import Normalisation, normalisation

__all__ = ["MLP", "MLPSettings"]


@settings
class MLPSettings(ColumnsSettings):
    """Hidden layers of one width."""

    width: int = setting(256, "Units in each hidden layer.", ge=1, le=65_536)
    depth: int = setting(2, "Hidden layers.", ge=1, le=256)
    activation: Activation = setting("relu", "Activation after each hidden layer.")
    normalisation: Normalisation = setting("none", "Normalisation before each activation.")
    dropout: float = setting(0.1, "Share of hidden units dropped in training.", ge=0, lt=1)


class MLP(Model):
    """Linear, normalisation, activation, dropout, as often as ``depth`` says; then a linear head.

    Shape:
        (B, columns) -> (B, 1, outputs)
    """

    Settings = MLPSettings

    def __init__(self, layout: Layout, outputs: int, settings: MLPSettings) -> None:
        super().__init__(layout, outputs, settings)
        self.columns = Columns(layout, settings)
        layers: list[nn.Module] = []
        width = self.columns.width
        for _ in range(settings.depth):
            if settings.normalisation == "none" and settings.activation == "relu":
                layers.append(Linear(width, settings.width, activation="relu"))
            else:
                layers.append(Linear(width, settings.width))
                layers.append(normalisation(settings.normalisation, settings.width))
                layers.append(activation(settings.activation))
            if settings.dropout:
                layers.append(nn.Dropout(settings.dropout))
            width = settings.width
        self.trunk = nn.Sequential(*(layer for layer in layers if not isinstance(layer, nn.Identity)))
        self.head = nn.Linear(width, outputs)

    def forward(self, inputs: dict[str, Tensor]) -> Tensor:
        return self.head(self.trunk(self.columns(inputs)))[:, None]
