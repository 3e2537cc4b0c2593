"""A network of few weights: 1x1 convolutions squeeze the channels before 3x3 ones (SqueezeNet 1.0, Iandola et al.
2016)."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from lamina.backbones.picture import Picture, PictureSettings
from lamina.config import setting, settings
from lamina.features.base import Slot
from lamina.nn.activation import Activation, activation
from lamina.nn.convolution import Convolution

__all__ = ["SqueezeNet", "SqueezeNetSettings"]

SMALL = 64  # pixels a side, below which the first layer of the paper would leave too little of a picture
POOLED_BEFORE = (0, 3, 7)  # fires before which the sides are halved: after conv1, fire4 and fire8 of the paper


@settings
class SqueezeNetSettings(PictureSettings):
    """Eight fires; 1.2 million weights in the paper's width, with its thousand classes."""

    width: int = setting(16, "Channels that the first fire squeezes to (the paper: 16).", ge=1)
    activation: Activation = setting("relu", "Activation after each convolution.")
    stem: Literal["auto", "large", "small"] = setting(
        "auto", f"The first layer: 7x7 at a stride of 2, or 3x3 at 1; auto: small below {SMALL} pixels."
    )


class _Fire(nn.Module):
    """1x1 to few channels, then 1x1 and 3x3 side by side: (B, inputs, H, W) -> (B, 8 * squeezed, H, W)."""

    def __init__(self, inputs: int, squeezed: int, activation_name: Activation) -> None:
        super().__init__()
        self.squeeze = Convolution(inputs, squeezed, 1, bias=True)
        self.narrow = Convolution(squeezed, 4 * squeezed, 1, bias=True)
        self.wide = Convolution(squeezed, 4 * squeezed, 3, bias=True)
        self.activation = activation(activation_name)

    def forward(self, x: Tensor) -> Tensor:
        x = self.activation(self.squeeze(x))
        return self.activation(torch.cat([self.narrow(x), self.wide(x)], 1))


class SqueezeNet(Picture):
    """A 7x7 convolution, and eight fires with three maxima between them; without normalisation.

    Shape:
        image (B, H, W, C) or clip (B, T, H, W, C) -> (B, 32 * width)
    """

    Settings = SqueezeNetSettings
    groups: ClassVar[tuple[str, ...]] = ("image", "clip")

    def __init__(self, slot: Slot, settings: SqueezeNetSettings) -> None:
        super().__init__(slot, settings)
        large = settings.stem == "large" or (settings.stem == "auto" and min(self.sides) >= SMALL)
        channels = 6 * settings.width
        self.stem: nn.Module = (
            _Unpadded(self.channels, channels) if large else Convolution(self.channels, channels, bias=True)
        )
        self.activation = activation(settings.activation)
        fires = []
        for place in range(8):
            squeezed = settings.width * (1 + place // 2)
            fires.append(_Fire(channels, squeezed, settings.activation))
            channels = 8 * squeezed
        self.fires = nn.ModuleList(fires)
        self.width = channels

    def maps(self, x: Tensor, there: Tensor | None) -> tuple[Tensor, Tensor | None]:
        x = self.activation(self.stem(x))
        for place, fire in enumerate(self.fires):
            x = fire(_pooled(x) if place in POOLED_BEFORE else x)
        return x, there


class _Unpadded(nn.Conv2d):
    """7x7 at a stride of 2: (B, channels, H, W) -> (B, width, (H - 5) // 2, (W - 5) // 2), one cell at least."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__(channels, width, 7, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        below, right = max(0, 7 - x.shape[2]), max(0, 7 - x.shape[3])
        return super().forward(nn.functional.pad(x, (0, right, 0, below)) if below or right else x)

    def reset_parameters(self) -> None:
        """As He et al. 2015 say."""
        nn.init.kaiming_normal_(self.weight, mode="fan_out", nonlinearity="relu")
        if self.bias is not None:
            nn.init.zeros_(self.bias)


def _pooled(x: Tensor) -> Tensor:
    """The maximum over 3x3 windows, a stride of 2 apart; as it is where a window does not fit."""
    return x if min(x.shape[2:]) < 3 else nn.functional.max_pool2d(x, 3, stride=2, ceil_mode=True)
