"""Films: pictures in the order of time."""

from __future__ import annotations

import dataclasses
import glob
import hashlib
from typing import Any, ClassVar, Self

import numpy as np
import polars as pl

from lamina.codecs.clip import FILMS, ClipCodec, matching, names_in, pictures_of
from lamina.codecs.content import file_bytes
from lamina.codecs.picture import (
    ENDINGS,
)
from lamina.config import setting, settings
from lamina.features.base import Claim, Profile, Slot
from lamina.features.glances import SEEN, Glance, Glances, glance
from lamina.features.image import ImageSettings, ImageState
from lamina.features.media import Media, dimensions_of, innermost, is_file_name

__all__ = ["Clip", "ClipSettings", "ClipState"]


@settings
class ClipSettings(ImageSettings):
    """How films are brought to one form."""

    frames: int = setting(16, "Pictures taken of a film, at most, evenly spread over it.", ge=1, le=4096)


@dataclasses.dataclass
class ClipState(ImageState):
    """What was learned from the training films.

    Attributes:
        length: pictures taken of the longest.
    """

    length: int


class Clip(Media):
    """A film a cell: one ``clip`` slot of (height, width, channels) uint8, a picture a moment.

    A cell names a folder of pictures, whose names say their order (2 before 10); or a pattern (``film1/*.png``); or is
    a list of such names; or an animated picture (gif, webp, tiff), a film (mp4, mov, avi, mkv, webm, as the extra
    ``video``), the bytes of one; or an array (pictures, height, width) or (pictures, height, width, channels). Size,
    channels and brightness are learned from the middle pictures of up to 1,000 training films, as of pictures.

    Example:
        >>> feature = Clip("film", ClipSettings(frames=2))
        >>> cells = feature.read(pl.Series([np.zeros((5, 3, 4), np.uint8).tolist(), None]))
        >>> feature.fit(cells).encode(cells)["clip"].lengths.tolist(), feature.slots[0].shape
        ([2, 0], (3, 4, 1))
    """

    kind: ClassVar[str] = "clip"
    Settings = ClipSettings
    State = ClipState
    dimensions: ClassVar[tuple[int, ...]] = (3, 4)

    @classmethod
    def recognise(cls, profile: Profile) -> Claim | None:
        values, dtype = profile.values, profile.values.dtype
        if dtype == pl.String and profile.present:
            share = float(is_file_name(values, FILMS).drop_nulls().to_numpy().mean())
            return Claim(0.9, f"{share:.0%} of the cells are names of films") if share >= 0.9 else None
        if dtype == pl.List(pl.String):
            names = values.drop_nulls().explode().drop_nulls()
            share = float(is_file_name(names, ENDINGS).to_numpy().mean()) if len(names) else 0.0
            return Claim(0.9, f"{share:.0%} of the names in lists are of pictures") if share >= 0.9 else None
        # Of three dimensions it may as well be a picture in colours.
        if dimensions_of(dtype) == 4 and innermost(dtype) == pl.UInt8:
            return Claim(0.9, f"{dtype} cells, whole numbers from 0 to 255")
        return None

    def read(self, values: pl.Series, first_row: int = 0) -> pl.Series:
        return values if values.dtype == pl.List(pl.String) else super().read(values, first_row)

    def partial_fit(self, values: pl.Series) -> Self:
        if self.state is None:
            self.state = Glances(self._looked_at)
        self.state.add(values)
        return self

    def finish(self) -> Self:
        form = self.state.form(self.settings.size, self.settings.channels)
        self.state = ClipState(**form, length=self.state.length)
        return self

    @property
    def slots(self) -> list[Slot]:
        state = self.state
        shape, brightness = (state.height, state.width, state.channels), (tuple(state.centre), tuple(state.scale))
        return [Slot(self.column, "value", "clip", 1, (), shape, state.length, *brightness)]

    def load(self, cell: str | bytes | np.ndarray) -> np.ndarray:
        """A film, (pictures, height, width, channels) uint8.

        Raises:
            DataError: if it, or a picture of it that is taken, cannot be decoded; it says why.
        """
        return self.codec().load(cell)

    def codec(self) -> ClipCodec:
        state, chosen = self.state, self.settings
        form = {name: getattr(state, name) for name in ("height", "width", "channels", "white", "centre")}
        return ClipCodec(self.column, **form, fit=chosen.fit, frames=chosen.frames)

    def there(self, name: str) -> bool:
        return bool(matching(name)) if glob.has_magic(name) else super().there(name)

    def content(self, cell: str | bytes | np.ndarray) -> bytes:
        names = names_in(cell)
        if names is None:
            return super().content(cell)
        return b"".join(hashlib.blake2b(file_bytes(name), digest_size=16).digest() for name in names)

    def summary(self) -> dict[str, Any]:
        return dataclasses.asdict(self.state)

    def _looked_at(self, cell: str | bytes | np.ndarray) -> Glance:
        pictures = pictures_of(cell, self.settings.frames, SEEN)
        return glance(pictures[len(pictures) // 2], len(pictures))
