"""A convolutional network in the manner of a Transformer (ConvNeXt, Liu et al. 2022)."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from lamina.backbones.picture import Picture, PictureSettings
from lamina.config import setting, settings
from lamina.features.base import Slot
from lamina.nn.activation import Activation, activation
from lamina.nn.convolution import Convolution, blanked, shortened, through
from lamina.nn.drop_path import DropPath, rising
from lamina.nn.linear import Linear
from lamina.nn.patches import Patches

__all__ = ["ConvNeXt", "ConvNeXtSettings"]

EPSILON = 1e-6  # of the layer normalisations, as in the paper's code


@settings
class ConvNeXtSettings(PictureSettings):
    """Four stages of blocks, each stage at half of the side and twice the channels."""

    width: int = setting(40, "Channels of the first stage (the paper's smallest: 96).", ge=1)
    depth: int = setting(2, "Blocks in a stage (the paper: 3).", ge=1)
    third: int = setting(3, "Times as many blocks in the third stage (the paper: 3 or 9).", ge=1)
    patch: Literal["auto", 1, 2, 4] = setting(
        "auto", "Side of the patches that the picture is cut into; auto: 4 from 64 pixels on, 2 from 16 on."
    )
    activation: Activation = setting("gelu", "Activation inside each block.")
    layer_scale: float = setting(1e-6, "Weight of each block's branch at the start.", gt=0, le=1)
    drop_path: float = setting(0.1, "Chance that the last block is left out in training; rises with depth.", ge=0, lt=1)


class _ChannelNorm(nn.LayerNorm):
    """Layer normalisation over the channels of each place.

    Shape:
        (B, C, H, W) -> (B, C, H, W), channels last in memory
    """

    def __init__(self, channels: int) -> None:
        super().__init__(channels, eps=EPSILON)

    def forward(self, x: Tensor) -> Tensor:
        # With channels last in memory both permutations are only views.
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class _Block(nn.Module):
    """7x7 in each channel, normalisation, 1x1 to four times the channels and back, added to the input by a weight."""

    def __init__(self, width: int, settings: ConvNeXtSettings, chance: float) -> None:
        super().__init__()
        self.starts_at = settings.layer_scale
        self.depthwise = Convolution(width, width, 7, groups=width, bias=True)
        self.norm = nn.LayerNorm(width, eps=EPSILON)
        self.expand = Linear(width, 4 * width)
        self.activation = activation(settings.activation)
        self.reduce = Linear(4 * width, width)
        self.scale = nn.Parameter(torch.empty(width))
        self.drop_path = DropPath(chance)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """The weight of the branch where the settings say."""
        nn.init.constant_(self.scale, self.starts_at)

    def forward(self, x: Tensor, there: Tensor | None) -> tuple[Tensor, Tensor | None]:
        y = self.depthwise(blanked(x, there)).permute(0, 2, 3, 1)  # (B, H, W, C), a view
        y = self.reduce(self.activation(self.expand(self.norm(y)))) * self.scale
        return x + self.drop_path(y.permute(0, 3, 1, 2)), there


class _Shrink(nn.Module):
    """Patches by a linear layer, with a normalisation before them or, at the very start, after them."""

    def __init__(self, inputs: int, outputs: int, side: int, *, first: bool = False) -> None:
        super().__init__()
        self.side = side
        self.before = nn.Identity() if first else _ChannelNorm(inputs)
        self.patches = Patches(inputs, outputs, side)
        self.after = _ChannelNorm(outputs) if first else nn.Identity()

    def forward(self, x: Tensor, there: Tensor | None) -> tuple[Tensor, Tensor | None]:
        return self.after(self.patches(blanked(self.before(x), there))), shortened(there, self.side)


class ConvNeXt(Picture):
    """Patches, four stages of 7x7 depthwise blocks with layer normalisation, and a normalised mean.

    Shape:
        image (B, H, W, C), frames (B, T, F) or clip (B, T, H, W, C) -> (B, 8 * width)
    """

    Settings = ConvNeXtSettings

    def __init__(self, slot: Slot, settings: ConvNeXtSettings) -> None:
        super().__init__(slot, settings)
        side = min(self.sides)
        auto = 4 if side >= 64 else 2 if side >= 16 else 1
        counts = [settings.depth * (settings.third if stage == 2 else 1) for stage in range(4)]
        chances = iter(rising(settings.drop_path, sum(counts)))
        inputs = self.channels
        blocks: list[nn.Module] = []
        for stage, count in enumerate(counts):
            width = settings.width * 2**stage
            patch = 2 if stage else auto if settings.patch == "auto" else settings.patch
            blocks.append(_Shrink(inputs, width, patch, first=not stage))
            blocks += [_Block(width, settings, next(chances)) for _ in range(count)]
            inputs = width
        self.blocks = nn.ModuleList(blocks)
        self.norm = nn.LayerNorm(inputs, eps=EPSILON)
        self.width = inputs

    def maps(self, x: Tensor, there: Tensor | None) -> tuple[Tensor, Tensor | None]:
        return through(self.blocks, x, there)

    def finish(self, vectors: Tensor) -> Tensor:
        return self.norm(vectors)
