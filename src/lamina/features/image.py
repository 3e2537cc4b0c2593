"""Pictures: photographs, drawings, scans."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
import polars as pl
from pydantic import Field

from lamina.codecs.image import ImageCodec
from lamina.codecs.picture import ENDINGS, Fit, Form, is_picture, open_picture
from lamina.config import setting, settings
from lamina.errors import DataError
from lamina.features.base import Claim, Profile, Slot
from lamina.features.glances import SEEN, Glance, Glances, glance
from lamina.features.media import Media, claim_of_files, dimensions_of, innermost, threads
from lamina.features.workers import Workers

__all__ = ["Image", "ImageSettings", "ImageState"]

MANY = 512  # files from which on other processes help to decode small ones
SMALL = 2**16  # pixels of a picture; with larger ones Python is let go for long enough that threads are as good
WORKERS = Workers()


@settings
class ImageSettings:
    """How pictures are brought to one form."""

    size: Annotated[int, Field(ge=1, le=4096)] | Literal["auto"] = setting(
        "auto",
        "Height and width in pixels; auto: as they are if all have one size of at most 64 x 64, else square, of the "
        "usual side of the training pictures, from 32 to 128 in steps of 32.",
    )
    fit: Fit = setting(
        "squash",
        "What is done to pictures of another form: squash them; crop the middle; pad them with the mean colour.",
    )
    channels: Literal["auto", 1, 3] = setting(
        "auto", "1: grey, 3: colours; auto: 1 if no training picture has colours."
    )


@dataclasses.dataclass
class ImageState:
    """What was learned from the training pictures.

    Attributes:
        count, missing: cells that are there, and that are not.
        sampled, broken: cells that were looked at, and how many of them could not be decoded.
        height, width, channels: of an encoded picture.
        resized: pictures of the sample with another size.
        smallest, largest: height and width of those with the fewest and the most pixels.
        white: what 255 stands for in pictures of 16 bits: 255, 1023, 4095, 16383 or 65535, as the brightest needs.
        centre, scale: mean and deviation of each channel, 0 to 255.
    """

    count: int
    missing: int
    sampled: int
    broken: int
    height: int
    width: int
    channels: int
    resized: int
    smallest: list[int]
    largest: list[int]
    white: int
    centre: list[float]
    scale: list[float]


class Image(Media):
    """A picture a cell: one ``image`` slot of (height, width, channels), uint8.

    Files are png, jpeg, webp, bmp, tiff, gif (the first picture) and npy, by DICOM's and NIfTI's endings those; grey,
    in colours, with a palette, transparent (on white), of 16 bits, turned upright. Sizes, channels and brightness are
    learned from up to 1,000 training pictures, chosen by their names or content, so that every order teaches the same.

    Example:
        >>> feature = Image("photo")
        >>> cells = feature.read(pl.Series([[[0, 255], [9, 9]], None], dtype=pl.List(pl.List(pl.UInt8))))
        >>> feature.fit(cells).encode(cells)["image"].lengths.tolist(), feature.slots[0].shape
        ([1, 0], (2, 2, 1))
    """

    kind: ClassVar[str] = "image"
    Settings = ImageSettings
    State = ImageState
    dimensions: ClassVar[tuple[int, ...]] = (2, 3)

    @classmethod
    def recognise(cls, profile: Profile) -> Claim | None:
        dtype = profile.values.dtype
        if dimensions_of(dtype) in cls.dimensions and innermost(dtype) == pl.UInt8:
            return Claim(0.9, f"{dtype} cells, whole numbers from 0 to 255")
        return claim_of_files(profile, "pictures", is_picture, ENDINGS)

    def partial_fit(self, values: pl.Series) -> Self:
        if self.state is None:
            self.state = Glances(_looked_at)
        self.state.add(values)
        return self

    def finish(self) -> Self:
        self.state = ImageState(**self.state.form(self.settings.size, self.settings.channels))
        return self

    @property
    def slots(self) -> list[Slot]:
        state = self.state
        shape = (state.height, state.width, state.channels)
        return [Slot(self.column, "value", "image", shape=shape, centre=tuple(state.centre), scale=tuple(state.scale))]

    def load(self, cell: str | bytes | np.ndarray) -> np.ndarray:
        """A picture, (1, height, width, channels) uint8.

        Raises:
            DataError: if it cannot be decoded; it says why.
        """
        return self.codec().load(cell)

    @property
    def form(self) -> Form:
        """What pictures are brought to."""
        return self.codec().form

    def codec(self) -> ImageCodec:
        state = self.state
        return ImageCodec(
            self.column, state.height, state.width, state.channels, self.settings.fit, state.white, state.centre
        )

    def decoded(self, values: pl.Series) -> list[np.ndarray | DataError | None]:
        others, (height, width) = threads() - 1, self.state.largest
        if values.dtype != pl.String or len(values) < MANY or height * width > SMALL or not others:
            return super().decoded(values)
        there = values.is_not_null()
        found = WORKERS.decode(values.filter(there).to_list(), self.form, others)
        if found is None:
            return super().decoded(values)
        pictures = iter(found)
        return [next(pictures) if present else None for present in there]

    def summary(self) -> dict[str, Any]:
        return dataclasses.asdict(self.state)


def _looked_at(cell: str | bytes | np.ndarray) -> Glance:
    return glance(open_picture(cell, SEEN))
