"""The first layer of networks over pictures, and which places of a row are there."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lamina.features.base import Slot

__all__ = ["Pixels", "places_there"]


def places_there(lengths: Tensor, places: int) -> Tensor:
    """Which places of each row are there: (B,) lengths -> (B, places) bool."""
    return torch.arange(places, device=lengths.device) < lengths[:, None]


class Pixels(nn.Module):
    """Pictures as convolutions take them, each channel standardised as in training; frames as a picture of one channel.

    Shape:
        image (B, H, W, C) uint8 or float32 from 0 to 255 -> (B, C, H, W) float32, channels last in memory
        frames (B, T, F) float32 -> (B, 1, T, F)
    """

    def __init__(self, slot: Slot) -> None:
        super().__init__()
        self.is_image = slot.group == "image"
        self.channels = slot.shape[-1] if self.is_image else 1
        self.centre: Tensor
        self.scale: Tensor
        centre = torch.tensor(slot.centre or (0.0,) * self.channels)
        scale = torch.tensor(slot.scale or (255.0 if self.is_image else 1.0,) * self.channels)
        self.register_buffer("centre", centre, persistent=False)
        self.register_buffer("scale", scale, persistent=False)

    def forward(self, values: Tensor) -> Tensor:
        if not self.is_image:
            return values[:, None]
        return ((values - self.centre) / self.scale).permute(0, 3, 1, 2)
