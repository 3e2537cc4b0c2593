"""A light network of depthwise separable convolutions in inverted residuals (MobileNetV2, Sandler et al. 2018)."""

from __future__ import annotations

from torch import Tensor, nn

from lamina.backbones.picture import Picture, PictureSettings
from lamina.config import setting, settings
from lamina.features.base import Slot
from lamina.nn.activation import Activation, activation
from lamina.nn.convolution import BatchNorm2d, Convolution, blanked, halvings, shortened, through
from lamina.nn.drop_path import DropPath, rising

__all__ = ["MobileNet", "MobileNetSettings"]

# Table 2 of the paper: expansion, channels, blocks, stride of the first of them.
STAGES = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
STEM, LAST = 32, 1280


@settings
class MobileNetSettings(PictureSettings):
    """Inverted residuals: thin between blocks, wide within them."""

    width: int = setting(16, "Channels of the first convolution (the paper: 32); the others in proportion.", ge=1)
    activation: Activation = setting("relu", "Activation within blocks (the paper: ReLU up to 6).")
    drop_path: float = setting(0.0, "Chance that the last block is left out in training; rises with depth.", ge=0, lt=1)


class _Layer(nn.Module):
    """A convolution, batch normalisation and an activation: (B, inputs, H, W) -> (B, outputs, H', W')."""

    def __init__(
        self, inputs: int, outputs: int, activation_name: Activation, kernel: int = 1, stride: int = 1, groups: int = 1
    ) -> None:
        super().__init__()
        self.stride = stride
        self.looks_around = kernel > 1
        self.convolution = Convolution(inputs, outputs, kernel, stride, groups)
        self.norm = BatchNorm2d(outputs)
        self.activation = activation(activation_name)

    def forward(self, x: Tensor, there: Tensor | None) -> tuple[Tensor, Tensor | None]:
        x = blanked(x, there) if self.looks_around else x
        return self.activation(self.norm(self.convolution(x))), shortened(there, self.stride)


class _InvertedResidual(nn.Module):
    """1x1 to many channels, 3x3 in each of them, 1x1 back without an activation; added to the input if that fits."""

    def __init__(self, inputs: int, outputs: int, stride: int, expansion: int, name: Activation, chance: float) -> None:
        super().__init__()
        middle = inputs * expansion
        layers = [_Layer(inputs, middle, name)] if expansion > 1 else []
        self.layers = nn.ModuleList([*layers, _Layer(middle, middle, name, 3, stride, groups=middle)])
        self.adds = stride == 1 and inputs == outputs
        self.convolution = Convolution(middle, outputs, 1)
        self.norm = BatchNorm2d(outputs, starts_at=0.0 if self.adds else 1.0)
        self.drop_path = DropPath(chance)

    def forward(self, x: Tensor, there: Tensor | None) -> tuple[Tensor, Tensor | None]:
        y, after = through(self.layers, x, there)
        y = self.norm(self.convolution(y))
        return (x + self.drop_path(y) if self.adds else y), after


def _channels(channels: int, share: float) -> int:
    """A share of so many channels, as a multiple of 8 that is not below nine tenths of it."""
    wanted = channels * share
    rounded = max(8, int(wanted + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * wanted else rounded


class MobileNet(Picture):
    """17 inverted residuals between a 3x3 and a 1x1 convolution.

    The paper halves the sides five times. Smaller pictures are halved as long as four cells a side are left, and it is
    the early halvings that they go without.

    Shape:
        image (B, H, W, C), frames (B, T, F) or clip (B, T, H, W, C) -> (B, 1280, more if wider than the paper)
    """

    Settings = MobileNetSettings

    def __init__(self, slot: Slot, settings: MobileNetSettings) -> None:
        super().__init__(slot, settings)
        spared = 5 - min(5, halvings(self.sides))  # halvings that the picture is too small for
        strides = []
        for wanted in (2, *(stride for *_, stride in STAGES)):
            strides.append(1 if spared and wanted == 2 else wanted)
            spared -= strides[-1] != wanted
        share = settings.width / STEM
        inputs = _channels(STEM, share)
        blocks: list[nn.Module] = [_Layer(self.channels, inputs, settings.activation, 3, strides[0])]
        chances = iter(rising(settings.drop_path, sum(count for _, _, count, _ in STAGES)))
        for (expansion, channels, count, _), stride in zip(STAGES, strides[1:], strict=True):
            outputs = _channels(channels, share)
            for step in [stride, *[1] * (count - 1)]:
                block = _InvertedResidual(inputs, outputs, step, expansion, settings.activation, next(chances))
                blocks.append(block)
                inputs = outputs
        self.width = _channels(LAST, max(1.0, share))
        self.blocks = nn.ModuleList([*blocks, _Layer(inputs, self.width, settings.activation)])

    def maps(self, x: Tensor, there: Tensor | None) -> tuple[Tensor, Tensor | None]:
        return through(self.blocks, x, there)
