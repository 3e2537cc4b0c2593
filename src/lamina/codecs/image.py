"""Pictures: any file or array to pixels of one form."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import numpy as np

from lamina.codecs.media import FileCodec
from lamina.codecs.picture import Fit, Form, shaped

__all__ = ["ImageCodec"]


@dataclasses.dataclass
class ImageCodec(FileCodec):
    """A picture a cell: one ``image`` slot of (height, width, channels) uint8.

    Attributes:
        height, width, channels: of the array; one channel is grey.
        fit: what is done to pictures of another form.
        white: what 255 stands for in pictures of 16 bits.
        centre: mean of each channel, which fills up what a picture leaves empty.

    Example:
        >>> rows = ImageCodec("photo", 2, 2, 1, "squash", 255, [0.0]).encode([[[0, 255], [9, 9]], None])["image"]
        >>> rows.lengths.tolist(), rows.values.shape
        ([1, 0], (1, 2, 2, 1))
    """

    kind: ClassVar[str] = "image"
    group: ClassVar[str] = "image"
    dimensions: ClassVar[tuple[int, ...]] = (2, 3)
    column: str
    height: int
    width: int
    channels: int
    fit: Fit
    white: int
    centre: list[float]

    @property
    def form(self) -> Form:
        """What pictures are brought to."""
        return Form(self.height, self.width, self.channels, self.fit, self.white, self.centre)

    def load(self, cell: str | bytes | np.ndarray) -> np.ndarray:
        """A picture, (1, height, width, channels) uint8."""
        return shaped(cell, self.form)

    def empty(self) -> np.ndarray:
        return np.empty((0, self.height, self.width, self.channels), np.uint8)
