"""What networks over pictures have in common."""

from __future__ import annotations

import dataclasses
from abc import abstractmethod
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from lamina.backbones.base import Backbone, mean_over
from lamina.config import setting, settings
from lamina.features.base import Slot
from lamina.nn.pixels import Input, KnownPixels, Resize
from lamina.nn.wide import Pixels, places_there

__all__ = ["Picture", "PictureSettings"]


@settings
class PictureSettings:
    """How pictures enter a network, and leave it."""

    input: Input = setting(
        "table",
        "Pictures standardised by this table's training rows, or as pre-trained weights expect them: imagenet (mean "
        "and deviation of ImageNet), signed (-1 to 1), caffe (blue first, 0 to 255 less a mean).",
    )
    resize: int = setting(0, "Side in pixels to which pictures are brought before the network; 0: none.", ge=0, le=2048)
    dropout: float = setting(0.1, "Share of channels dropped at the end, in training.", ge=0, lt=1)


class Picture(Backbone):
    """Abstract: a network from a picture to a map of cells, and from the map's mean to a vector.

    Frames of a sound are read as a picture of time by frequency, whose places are moments; a film picture by picture.

    A subclass calls ``super().__init__``, builds itself for ``sides`` and ``channels``, sets ``width`` and writes
    ``maps``; ``finish`` where something follows the mean.

    Attributes:
        sides: height and width of the pictures, as the network meets them; of frames those of a long row.
        channels: of a picture.
    """

    groups: ClassVar[tuple[str, ...]] = ("image", "frames", "clip")

    def __init__(self, slot: Slot, settings: Any) -> None:
        super().__init__(slot, settings)
        self.group = slot.group
        self.dropout = nn.Dropout(settings.dropout)
        known = settings.input != "table"
        if slot.group == "frames":
            self.sides, self.channels = (slot.length, slot.shape[-1]), 3 if known else 1
            return
        # A film's pictures enter one by one, each as one of a column of pictures does.
        still = dataclasses.replace(slot, group="image")
        pixels = KnownPixels(still, settings.input) if known else Pixels(still)
        self.pixels = nn.Sequential(pixels, Resize(settings.resize))
        self.channels = pixels.channels
        height, width, _ = slot.shape
        self.sides = (settings.resize, settings.resize) if settings.resize else (height, width)

    @abstractmethod
    def maps(self, x: Tensor, there: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Pictures as maps of cells.

        Args:
            x: (B, channels, H, W).
            there: (B, 1, H, 1) bool, which moments are there; None for pictures.

        Returns:
            (B, width, h, w), and what is there of it.
        """

    def finish(self, vectors: Tensor) -> Tensor:
        """What follows the mean over cells: (..., width) -> (..., width)."""
        return vectors

    def pooled(self, x: Tensor) -> Tensor:
        """One vector a picture: (B, channels, H, W) -> (B, width)."""
        return self.finish(self.maps(x, None)[0].mean((2, 3)))

    def sequence(self, values: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        if self.group == "image":
            cells = self.maps(self.pixels(values), None)[0].flatten(2).transpose(1, 2)  # (B, h * w, width)
            return self.finish(cells), torch.ones(cells.shape[:2], dtype=torch.bool, device=cells.device)
        if self.group == "frames" and not values.shape[1]:
            values = values.new_zeros(len(values), 1, values.shape[2])  # of only missing cells: a picture of no height
        there = places_there(lengths, values.shape[1])
        if self.group == "clip":
            if torch.compiler.is_exporting():  # a graph does not know how many are there
                every = self.pooled(self.pixels(values.flatten(0, 1))).unflatten(0, there.shape)
                return every * there[..., None], there
            found = self.pooled(self.pixels(values[there]))  # only the pictures that are there: (n, width)
            moments = found.new_zeros(*there.shape, self.width)
            moments[there] = found
            return moments, there
        x = values[..., None].expand(-1, -1, -1, self.channels).permute(0, 3, 1, 2)  # (B, channels, T, F)
        maps, after = self.maps(x, there[:, None, :, None])
        assert after is not None
        return self.finish(maps.mean(3).transpose(1, 2)), after[:, 0, :, 0]  # (B, t, width), (B, t)

    def forward(self, values: Tensor, lengths: Tensor) -> Tensor:
        if self.group == "image":
            return self.dropout(self.pooled(self.pixels(values)))
        return self.dropout(mean_over(*self.sequence(values, lengths)))
