"""Films: pictures in the order of time, from any film, folder or list of pictures."""

from __future__ import annotations

import dataclasses
import fnmatch
import glob
import os
import re
from collections.abc import Sequence
from io import BytesIO
from typing import Any, ClassVar

import numpy as np

from lamina.codecs.content import INSIDE, file_bytes, in_archive, what_it_is
from lamina.codecs.media import FileCodec
from lamina.codecs.picture import (
    ENDINGS,
    Fit,
    Picture,
    check_pixels,
    fitted,
    framed,
    open_picture,
    pictures_in,
    pixels_of,
)
from lamina.errors import DataError, LaminaError
from lamina.extras import need

__all__ = ["FILMS", "ClipCodec", "matching", "names_in", "pictures_of"]

FILMS = ("mp4", "m4v", "mov", "avi", "mkv", "webm", "mpg", "mpeg", "wmv")


@dataclasses.dataclass
class ClipCodec(FileCodec):
    """A film a cell: one ``clip`` slot of (height, width, channels) uint8, a picture a moment.

    Attributes:
        height, width, channels, fit, white, centre: of each picture, as :class:`lamina.codecs.image.ImageCodec` has
            them.
        frames: pictures taken of a film, at most.

    Example:
        >>> codec = ClipCodec("film", 3, 4, 1, "squash", 255, [0.0], 2)
        >>> codec.encode([np.zeros((5, 3, 4), np.uint8), None])["clip"].lengths.tolist()
        [2, 0]
    """

    kind: ClassVar[str] = "clip"
    group: ClassVar[str] = "clip"
    dimensions: ClassVar[tuple[int, ...]] = (3, 4)
    column: str
    height: int
    width: int
    channels: int
    fit: Fit
    white: int
    centre: list[float]
    frames: int

    def load(self, cell: str | bytes | np.ndarray) -> np.ndarray:
        """A film, (pictures, height, width, channels) uint8."""
        taken = []
        for picture in pictures_of(cell, self.frames, max(self.height, self.width)):
            image = fitted(picture.image, self.height, self.width, self.fit)
            pixels = pixels_of(image, self.channels, self.white)
            taken.append(framed(pixels, self.height, self.width, self.centre))
        return np.stack(taken)

    def empty(self) -> np.ndarray:
        return np.empty((0, self.height, self.width, self.channels), np.uint8)

    def read(self, cell: Any) -> Any:
        names = cell.tolist() if isinstance(cell, np.ndarray) and cell.ndim == 1 else cell
        if isinstance(names, (list, tuple)) and names and all(name is None or isinstance(name, str) for name in names):
            return np.asarray(names, object)
        return super().read(cell)


def pictures_of(cell: Any, most: int, near: int) -> list[Picture]:
    """Up to ``most`` pictures of a film, evenly spread.

    Args:
        cell: a film, as :class:`ClipCodec` takes it.
        most: of them.
        near: both sides of a picture may shrink to this many pixels, or somewhat more.

    Raises:
        DataError: if it, or a picture of it that is taken, cannot be decoded; it says why.
    """
    names = names_in(cell)
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


def names_in(cell: Any) -> list[str] | None:
    """The pictures that a cell names one by one; None if it is the film itself.

    Raises:
        DataError: if there are none.
    """
    if isinstance(cell, np.ndarray) and cell.dtype.kind in "UO":
        names: Sequence[str] = [str(name) for name in cell.tolist()]
    elif isinstance(cell, str) and glob.has_magic(cell) and not os.path.exists(cell):
        names = matching(cell)
    elif isinstance(cell, str) and (INSIDE in cell or os.path.isdir(cell)):
        outer, inside, inner = cell.partition(INSIDE)
        if inside and inner in in_archive(outer) and not inner.endswith("/"):
            return None
        names = [name for name in matching(f"{glob.escape(cell.rstrip('/'))}/*") if name.lower().endswith(ENDINGS)]
    else:
        return None
    if not names:
        raise DataError("there are no pictures", got=cell if isinstance(cell, str) else "an empty list")
    return list(names)


def matching(pattern: str) -> list[str]:
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
