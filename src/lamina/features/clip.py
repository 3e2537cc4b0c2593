"""Films: pictures in the order of time."""

from __future__ import annotations

import dataclasses
import fnmatch
import glob
import hashlib
import os
import re
from collections.abc import Sequence
from io import BytesIO
from typing import Any, ClassVar, Self

import numpy as np
import polars as pl

from lamina.config import setting, settings
from lamina.errors import DataError, LaminaError
from lamina.extras import need
from lamina.features.base import Claim, Profile, Slot
from lamina.features.content import INSIDE, file_bytes, in_archive, what_it_is
from lamina.features.glances import SEEN, Glance, Glances, glance
from lamina.features.image import ImageSettings, ImageState
from lamina.features.media import Media, dimensions_of, innermost, is_file_name
from lamina.features.picture import (
    ENDINGS,
    Picture,
    check_pixels,
    fitted,
    framed,
    open_picture,
    pictures_in,
    pixels_of,
)

__all__ = ["Clip", "ClipSettings", "ClipState"]

FILMS = ("mp4", "m4v", "mov", "avi", "mkv", "webm", "mpg", "mpeg", "wmv")


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
        state, settings = self.state, self.settings
        taken = []
        for picture in _pictures(cell, settings.frames, max(state.height, state.width)):
            image = fitted(picture.image, state.height, state.width, settings.fit)
            pixels = pixels_of(image, state.channels, state.white)
            taken.append(framed(pixels, state.height, state.width, state.centre))
        return np.stack(taken)

    def there(self, name: str) -> bool:
        return bool(_matching(name)) if glob.has_magic(name) else super().there(name)

    def content(self, cell: str | bytes | np.ndarray) -> bytes:
        names = _names(cell)
        if names is None:
            return super().content(cell)
        return b"".join(hashlib.blake2b(file_bytes(name), digest_size=16).digest() for name in names)

    def summary(self) -> dict[str, Any]:
        return dataclasses.asdict(self.state)

    def _looked_at(self, cell: str | bytes | np.ndarray) -> Glance:
        pictures = _pictures(cell, self.settings.frames, SEEN)
        return glance(pictures[len(pictures) // 2], len(pictures))


def _pictures(cell: Any, most: int, near: int) -> list[Picture]:
    """Up to ``most`` pictures of a film, evenly spread."""
    names = _names(cell)
    if names is not None:
        return [_named_picture(names[place], near) for place in _spread(len(names), most)]
    if isinstance(cell, np.ndarray):
        if cell.ndim not in (3, 4) or not len(cell):
            raise DataError("the array is no film", got=f"shape {cell.shape}", allowed="pictures x height x width")
        return [open_picture(cell[place]) for place in _spread(len(cell), most)]
    content = file_bytes(cell) if isinstance(cell, str) else cell
    if not content:
        raise DataError("the file is empty")
    if _is_film(content) or (isinstance(cell, str) and cell.lower().endswith(FILMS)):
        return _film(content, most)
    return pictures_in(content, lambda count: _spread(count, most))


def _named_picture(name: str, near: int) -> Picture:
    """One of the pictures of a film; what is wrong is said with its name."""
    try:
        return open_picture(name, near)
    except DataError as error:
        raise DataError(f"{name.rpartition('/')[2]}: {error}") from None


def _spread(count: int, most: int) -> list[int]:
    """Up to ``most`` of ``count`` places, evenly spread, the first and the last among them."""
    return np.linspace(0, count - 1, min(count, most)).round().astype(int).tolist()


def _names(cell: Any) -> list[str] | None:
    """The pictures that a cell names one by one; None if it is the film itself.

    Raises:
        DataError: if there are none.
    """
    if isinstance(cell, np.ndarray) and cell.dtype.kind in "UO":
        names: Sequence[str] = [str(name) for name in cell.tolist()]
    elif isinstance(cell, str) and glob.has_magic(cell) and not os.path.exists(cell):
        names = _matching(cell)
    elif isinstance(cell, str) and (INSIDE in cell or os.path.isdir(cell)):
        outer, inside, inner = cell.partition(INSIDE)
        if inside and inner in in_archive(outer) and not inner.endswith("/"):
            return None
        names = [name for name in _matching(f"{glob.escape(cell.rstrip('/'))}/*") if name.lower().endswith(ENDINGS)]
    else:
        return None
    if not names:
        raise DataError("there are no pictures", got=cell if isinstance(cell, str) else "an empty list")
    return list(names)


def _matching(pattern: str) -> list[str]:
    """The files that a pattern names, 2 before 10."""
    outer, inside, inner = pattern.partition(INSIDE)
    if inside:
        levels = inner.count("/")
        found = [name for name in fnmatch.filter(in_archive(outer), inner) if name.count("/") == levels]
        names = [f"{outer}{INSIDE}{name}" for name in found if not name.endswith("/")]
    else:
        names = [name for name in glob.glob(pattern) if os.path.isfile(name)]
    return sorted(names, key=_in_order)


def _in_order(name: str) -> list[Any]:
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]


def _is_film(content: bytes) -> bool:
    """Whether bytes begin as an MP4, AVI or Matroska film does."""
    return (
        content[4:8] == b"ftyp"
        or content.startswith(b"\x1aE\xdf\xa3")
        or (content.startswith(b"RIFF") and content[8:12] == b"AVI ")
    )


def _film(content: bytes, most: int) -> list[Picture]:
    """Pictures of a film file, decoded from its start."""
    av = need("av", extra="video", why="to read films")
    try:
        with av.open(BytesIO(content)) as file:
            if not file.streams.video:
                raise DataError("the film has no pictures", got="sound alone" if file.streams.audio else None)
            check_pixels(file.streams.video[0].height, file.streams.video[0].width)
            count = sum(1 for _ in file.decode(video=0))
        chosen = set(_spread(count, most))
        with av.open(BytesIO(content)) as file:
            images = [frame.to_image() for place, frame in enumerate(file.decode(video=0)) if place in chosen]
    except (LaminaError, KeyboardInterrupt):
        raise
    except Exception as error:  # a damaged file makes the decoders fail in more ways than they name
        said = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise DataError("the film cannot be read", got=f"{what_it_is(content)}: {said}") from error
    if not images:
        raise DataError("the film has no pictures")
    return [Picture(image, image.height, image.width) for image in images]
