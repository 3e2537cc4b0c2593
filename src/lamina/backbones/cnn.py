"""A small convolutional network (LeCun et al. 1998), with batch normalisation (Ioffe and Szegedy 2015)."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import Field
from torch import Tensor, nn

from lamina.backbones.picture import Picture, PictureSettings
from lamina.config import setting, settings
from lamina.features.base import Slot
from lamina.nn.activation import Activation, activation
from lamina.nn.convolution import BatchNorm2d, Convolution, MaxPool, blanked, halvings, through

__all__ = ["CNN", "CNNSettings"]

# Pixels up to which a stage of 64 channels is quick: of held-back pictures of cifar10 .78 were right after eight
# minutes of one core.
SMALL = 40 * 40


@settings
class CNNSettings(PictureSettings):
    """Stages of two convolutions, each followed by a halving of the picture."""

    width: Annotated[int, Field(ge=1)] | Literal["auto"] = setting(
        "auto",
        "Channels of the first stage; each stage has twice those of the one before. auto: 64 for pictures of up to "
        "40x40 pixels, of which many fit in a minute, else 32.",
    )
    depth: int = setting(3, "Stages.", ge=1, le=8)
    activation: Activation = setting("relu", "Activation after each convolution.")


class _Layer(nn.Module):
    """A 3x3 convolution, batch normalisation and an activation: (B, inputs, H, W) -> (B, outputs, H, W)."""

    def __init__(self, inputs: int, outputs: int, activation_name: Activation) -> None:
        super().__init__()
        self.convolution = Convolution(inputs, outputs)
        self.norm = BatchNorm2d(outputs)
        self.activation = activation(activation_name)

    def forward(self, x: Tensor, there: Tensor | None) -> tuple[Tensor, Tensor | None]:
        return self.activation(self.norm(self.convolution(blanked(x, there)))), there


class CNN(Picture):
    """3x3 convolutions in pairs, each with batch normalisation and an activation; a 2x2 maximum after each pair, as
    long as the picture has four cells a side.

    Shape:
        image (B, H, W, C), frames (B, T, F) or clip (B, T, H, W, C) -> (B, width * 2^(depth - 1))
    """

    Settings = CNNSettings

    def __init__(self, slot: Slot, settings: CNNSettings) -> None:
        super().__init__(slot, settings)
        layers: list[nn.Module] = []
        channels, pools = self.channels, halvings(self.sides, least=2)
        width = settings.width
        if width == "auto":
            width = 64 if math.prod(self.sides) <= SMALL else 32
        for stage in range(settings.depth):
            following = width * 2**stage
            layers += [_Layer(before, following, settings.activation) for before in (channels, following)]
            channels = following
            if stage < pools:
                layers.append(MaxPool())
        self.layers = nn.ModuleList(layers)
        self.width = channels

    def maps(self, x: Tensor, there: Tensor | None) -> tuple[Tensor, Tensor | None]:
        return through(self.layers, x, there)
