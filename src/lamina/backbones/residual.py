"""Residual networks: the form for small pictures and the form for ImageNet (He et al. 2016), and wide ones (Zagoruyko
and Komodakis 2016). Blocks may be dropped in training (stochastic depth, Huang et al. 2016)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import torch.nn.functional as F
from torch import Tensor, nn

from lamina.backbones.picture import Picture, PictureSettings
from lamina.config import setting, settings
from lamina.features.base import Slot
from lamina.nn.activation import Activation, activation
from lamina.nn.convolution import BatchNorm2d, Convolution, MaxPool, blanked, shortened, through
from lamina.nn.drop_path import DropPath, rising

__all__ = [
    "LargeResNet",
    "LargeResNetSettings",
    "ResNet18",
    "ResNet20",
    "ResNet32",
    "ResNet34",
    "ResNet50",
    "ResNet56",
    "SmallResNet",
    "SmallResNetSettings",
    "WideResNet",
    "WideResNetSettings",
]

SMALL = 64  # pixels a side, below which the stem of the ImageNet form would leave too little of a picture

Shortcut = Literal["zeros", "projection"]


@settings
class _ResidualSettings(PictureSettings):
    """What residual networks have in common."""

    activation: Activation = setting("relu", "Activation after each convolution.")
    drop_path: float = setting(0.0, "Chance that the last block is left out in training; rises with depth.", ge=0, lt=1)


@settings
class SmallResNetSettings(_ResidualSettings):
    """The form for small pictures: three stages, each at half of the side."""

    width: int = setting(16, "Channels of the first stage; the other two have twice and four times as many.", ge=1)
    shortcut: Shortcut = setting(
        "projection", "Past a block that changes the size: zeros for new channels (A), or a 1x1 convolution (B)."
    )


@settings
class LargeResNetSettings(_ResidualSettings):
    """The form for ImageNet: four stages, each at half of the side."""

    width: int = setting(64, "Channels of the first stage; each stage has twice those of the one before.", ge=1)
    stem: Literal["auto", "large", "small"] = setting(
        "auto",
        "large: 7x7 and two halvings before the first stage; small: 3x3 and none; "
        f"auto: small for pictures below {SMALL} pixels.",
    )


@settings
class WideResNetSettings(_ResidualSettings):
    """Blocks that normalise first, of many channels; WRN-16-4 at the defaults."""

    width: int = setting(64, "Channels of the first stage: 16 times the widening.", ge=1)
    depth: int = setting(2, "Blocks in each of the three stages; the paper's depth is 6 times that plus 4.", ge=1)
    block_dropout: float = setting(0.0, "Share of values dropped within a block, in training.", ge=0, lt=1)


# --- blocks: (B, inputs, H, W) -> (B, outputs, ceil(H / stride), ceil(W / stride)), and what is there of either ----


class _Zeros(nn.Module):
    """Every other pixel, and zeros for the new channels, half of them on either side (shortcut A)."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        self.before = (outputs - inputs) // 2
        self.after = outputs - inputs - self.before

    def forward(self, x: Tensor) -> Tensor:
        return F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, self.before, self.after))


def _shortcut(kind: Shortcut, inputs: int, outputs: int, stride: int) -> nn.Module:
    if stride == 1 and inputs == outputs:
        return nn.Identity()
    if kind == "zeros":
        return _Zeros(inputs, outputs, stride)
    return nn.Sequential(Convolution(inputs, outputs, 1, stride), BatchNorm2d(outputs))


class _Basic(nn.Module):
    """Two 3x3 convolutions; or a bottleneck: 1x1 to a quarter, 3x3, 1x1 back. The stride is on the first 3x3."""

    def __init__(
        self, inputs: int, outputs: int, stride: int, settings: Any, drop_path: float, *, bottleneck: bool = False
    ) -> None:
        super().__init__()
        middle = max(1, outputs // 4) if bottleneck else outputs
        kernels = (1, 3, 1) if bottleneck else (3, 3)
        self.strides = (1, stride, 1) if bottleneck else (stride, 1)
        widths = [inputs, *[middle] * (len(kernels) - 1), outputs]
        self.convolutions = nn.ModuleList(
            Convolution(before, after, kernel, step)
            for before, after, kernel, step in zip(widths[:-1], widths[1:], kernels, self.strides, strict=True)
        )
        self.norms = nn.ModuleList(
            BatchNorm2d(after, starts_at=float(place < len(kernels) - 1)) for place, after in enumerate(widths[1:])
        )
        self.activation = activation(settings.activation)
        self.drop_path = DropPath(drop_path)
        self.shortcut = _shortcut(getattr(settings, "shortcut", "projection"), inputs, outputs, stride)

    def forward(self, x: Tensor, there: Tensor | None) -> tuple[Tensor, Tensor | None]:
        y = x
        for place, (convolution, norm, stride) in enumerate(
            zip(self.convolutions, self.norms, self.strides, strict=True)
        ):
            y = self.activation(y) if place else y
            y = norm(convolution(blanked(y, there)))
            there = shortened(there, stride)
        return self.activation(self.drop_path(y) + self.shortcut(x)), there


class _PreActivated(nn.Module):
    """Two 3x3 convolutions, each after its normalisation and activation (He et al. 2016, identity mappings)."""

    def __init__(self, inputs: int, outputs: int, stride: int, settings: WideResNetSettings, drop_path: float) -> None:
        super().__init__()
        self.stride = stride
        self.norm_first = BatchNorm2d(inputs)
        self.first = Convolution(inputs, outputs, 3, stride)
        self.norm_second = BatchNorm2d(outputs)
        self.second = Convolution(outputs, outputs)
        self.activation = activation(settings.activation)
        self.dropout = nn.Dropout(settings.block_dropout)
        self.drop_path = DropPath(drop_path)
        changes = stride != 1 or inputs != outputs
        self.shortcut = Convolution(inputs, outputs, 1, stride) if changes else None

    def forward(self, x: Tensor, there: Tensor | None) -> tuple[Tensor, Tensor | None]:
        active = self.activation(self.norm_first(x))
        y = self.first(blanked(active, there))
        there = shortened(there, self.stride)
        y = self.second(blanked(self.dropout(self.activation(self.norm_second(y))), there))
        return self.drop_path(y) + (x if self.shortcut is None else self.shortcut(active)), there


def _blocks(
    block: Any, inputs: int, widths: Sequence[int], blocks: Sequence[int], settings: Any, **more: bool
) -> nn.ModuleList:
    """The blocks of all stages, one after the other; each stage but the first halves the sides."""
    chances = iter(rising(settings.drop_path, sum(blocks)))
    found = []
    for stage, (width, count) in enumerate(zip(widths, blocks, strict=True)):
        for place in range(count):
            found.append(block(inputs, width, 1 if place or not stage else 2, settings, next(chances), **more))
            inputs = width
    return nn.ModuleList(found)


class _Stem(nn.Module):
    """The first convolution, normalised and activated; the large one halves the sides twice, by a maximum too."""

    def __init__(self, channels: int, width: int, activation_name: Activation, *, large: bool = False) -> None:
        super().__init__()
        self.convolution = Convolution(channels, width, 7, 2) if large else Convolution(channels, width)
        self.norm = BatchNorm2d(width)
        self.activation = activation(activation_name)
        self.pool = MaxPool(3) if large else None

    def forward(self, x: Tensor, there: Tensor | None) -> tuple[Tensor, Tensor | None]:
        x = self.activation(self.norm(self.convolution(blanked(x, there))))
        return (x, there) if self.pool is None else self.pool(x, shortened(there, 2))


# --- networks -----------------------------------------------------------------------------------------------------


class SmallResNet(Picture):
    """Abstract: three stages of ``counts`` blocks each, of two 3x3 convolutions (section 4.2 of the paper).

    Shape:
        image (B, H, W, C), frames (B, T, F) or clip (B, T, H, W, C) -> (B, 4 * width)
    """

    Settings = SmallResNetSettings
    counts: ClassVar[int]

    def __init__(self, slot: Slot, settings: SmallResNetSettings) -> None:
        super().__init__(slot, settings)
        widths = [settings.width * 2**stage for stage in range(3)]
        self.stem = _Stem(self.channels, widths[0], settings.activation)
        self.blocks = _blocks(_Basic, widths[0], widths, [self.counts] * 3, settings)
        self.width = widths[-1]

    def maps(self, x: Tensor, there: Tensor | None) -> tuple[Tensor, Tensor | None]:
        return through([self.stem, *self.blocks], x, there)


class ResNet20(SmallResNet):
    """20 layers for small pictures: 0.27 million weights, 91.25% on CIFAR-10 in the paper.

    Shape:
        image (B, H, W, C), frames (B, T, F) or clip (B, T, H, W, C) -> (B, 4 * width)
    """

    counts = 3


class ResNet32(SmallResNet):
    """32 layers for small pictures: 0.46 million weights, 92.49% on CIFAR-10 in the paper.

    Shape:
        image (B, H, W, C), frames (B, T, F) or clip (B, T, H, W, C) -> (B, 4 * width)
    """

    counts = 5


class ResNet56(SmallResNet):
    """56 layers for small pictures: 0.85 million weights, 93.03% on CIFAR-10 in the paper.

    Shape:
        image (B, H, W, C), frames (B, T, F) or clip (B, T, H, W, C) -> (B, 4 * width)
    """

    counts = 9


class LargeResNet(Picture):
    """Abstract: four stages of ``counts`` blocks, ``bottleneck`` ones where the network is deep.

    Shape:
        image (B, H, W, C), frames (B, T, F) or clip (B, T, H, W, C) -> (B, 8 * width), four times that by bottlenecks
    """

    Settings = LargeResNetSettings
    counts: ClassVar[tuple[int, int, int, int]]
    bottleneck: ClassVar[bool] = False

    def __init__(self, slot: Slot, settings: LargeResNetSettings) -> None:
        super().__init__(slot, settings)
        large = settings.stem == "large" or (settings.stem == "auto" and min(self.sides) >= SMALL)
        widths = [settings.width * 2**stage * (4 if self.bottleneck else 1) for stage in range(4)]
        self.stem = _Stem(self.channels, settings.width, settings.activation, large=large)
        self.blocks = _blocks(_Basic, settings.width, widths, self.counts, settings, bottleneck=self.bottleneck)
        self.width = widths[-1]

    def maps(self, x: Tensor, there: Tensor | None) -> tuple[Tensor, Tensor | None]:
        return through([self.stem, *self.blocks], x, there)


class ResNet18(LargeResNet):
    """18 layers: 11.2 million weights at the full width.

    Shape:
        image (B, H, W, C), frames (B, T, F) or clip (B, T, H, W, C) -> (B, 8 * width)
    """

    counts = (2, 2, 2, 2)


class ResNet34(LargeResNet):
    """34 layers: 21.3 million weights at the full width.

    Shape:
        image (B, H, W, C), frames (B, T, F) or clip (B, T, H, W, C) -> (B, 8 * width)
    """

    counts = (3, 4, 6, 3)


class ResNet50(LargeResNet):
    """50 layers of bottlenecks, strides on the 3x3 ones: 23.5 million weights at the full width.

    Shape:
        image (B, H, W, C), frames (B, T, F) or clip (B, T, H, W, C) -> (B, 32 * width)
    """

    counts = (3, 4, 6, 3)
    bottleneck = True


class WideResNet(Picture):
    """The form for small pictures with fewer, wider blocks that normalise first.

    Shape:
        image (B, H, W, C), frames (B, T, F) or clip (B, T, H, W, C) -> (B, 4 * width)
    """

    Settings = WideResNetSettings

    def __init__(self, slot: Slot, settings: WideResNetSettings) -> None:
        super().__init__(slot, settings)
        widths = [settings.width * 2**stage for stage in range(3)]
        self.stem = Convolution(self.channels, 16)
        self.blocks = _blocks(_PreActivated, 16, widths, [settings.depth] * 3, settings)
        self.norm = BatchNorm2d(widths[-1])
        self.activation = activation(settings.activation)
        self.width = widths[-1]

    def maps(self, x: Tensor, there: Tensor | None) -> tuple[Tensor, Tensor | None]:
        x, there = through(self.blocks, self.stem(blanked(x, there)), there)
        return self.activation(self.norm(x)), there
