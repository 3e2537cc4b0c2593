"""Pictures as networks from elsewhere were taught to see them."""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lamina.errors import SettingError
from lamina.features.base import Slot

__all__ = ["Input", "KnownPixels", "Resize"]

Input = Literal["table", "imagenet", "signed", "caffe"]

# What is taken from each channel of 0 to 255, and by what the rest is divided.
CONSTANTS: dict[Input, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "imagenet": ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375)),
    "signed": ((127.5, 127.5, 127.5), (127.5, 127.5, 127.5)),
    "caffe": ((104.0, 117.0, 123.0), (1.0, 1.0, 1.0)),
}


class KnownPixels(nn.Module):
    """Pictures in three channels by fixed constants, whatever the table's own pictures are like; grey is repeated.

    ``imagenet`` takes the mean of ImageNet's pixels and divides by their deviation; ``signed`` goes from -1 to 1;
    ``caffe`` takes a mean from 0 to 255, blue first.

    Raises:
        SettingError: if the pictures are neither grey nor of three colours.

    Shape:
        image (B, H, W, 1 or 3) uint8 or float32 from 0 to 255 -> (B, 3, H, W) float32, channels last in memory
    """

    def __init__(self, slot: Slot, kind: Input) -> None:
        super().__init__()
        if slot.shape[-1] not in (1, 3):
            raise SettingError(
                f"input={kind} reads pictures in grey or in three colours",
                got=f"{slot.shape[-1]} channels in column {slot.column!r}",
                allowed="input=table",
            )
        centre, scale = CONSTANTS[kind]
        self.channels = 3
        self.blue_first = kind == "caffe"
        self.centre: Tensor
        self.scale: Tensor
        self.register_buffer("centre", torch.tensor(centre), persistent=False)
        self.register_buffer("scale", torch.tensor(scale), persistent=False)

    def forward(self, values: Tensor) -> Tensor:
        if self.blue_first and values.shape[-1] == 3:
            values = values.flip(-1)
        return ((values - self.centre) / self.scale).permute(0, 3, 1, 2)  # a grey channel meets three constants


class Resize(nn.Module):
    """Pictures brought to a square, smoothed where they shrink; as they are if ``side`` is 0.

    Shape:
        (B, C, H, W) float32 -> (B, C, side, side)
    """

    def __init__(self, side: int) -> None:
        super().__init__()
        self.side = side

    def forward(self, x: Tensor) -> Tensor:
        if not self.side or x.shape[2:] == (self.side, self.side):
            return x
        return F.interpolate(x, (self.side, self.side), mode="bilinear", antialias=True, align_corners=False)
