"""What a column of pictures looks like, learned from a bounded sample in any number of pieces."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import numpy as np
import polars as pl

from lamina.codecs.picture import Picture
from lamina.errors import DataError
from lamina.features.media import cells_of, in_threads, lots_of

__all__ = ["SAMPLE", "SEEN", "Glance", "Glances", "glance"]

SAMPLE = 1000  # cells that are looked at
SEEN = 128  # pixels a side that brightness is learned from, at least, where the picture has them
SMALL = 64  # pictures of one size stay as they are up to this side
SIDES = (32, 128)  # of pictures that are brought to one size, unless said otherwise, in steps of the first
DEPTHS = (255, 1023, 4095, 16_383, 65_535)  # what white may be in pictures of 8 to 16 bits


class Glance(NamedTuple):
    """What is learned from one picture, or one film.

    Attributes:
        height, width: of the file.
        is_grey: whether it has no colours.
        peak: the largest value of a picture of 16 bits; 0 for others.
        means, squares: (4,) mean value, and mean of the squares: as grey, then of red, green and blue.
        length: pictures of a film.
    """

    height: int
    width: int
    is_grey: bool
    peak: float
    means: np.ndarray
    squares: np.ndarray
    length: int = 1


def glance(picture: Picture, length: int = 1) -> Glance:
    """Look at a picture.

    Example:
        >>> from lamina.codecs.picture import open_picture
        >>> glance(open_picture(np.full((2, 3), 9, np.uint8))).means.tolist()
        [9.0, 9.0, 9.0, 9.0]
    """
    image = picture.image
    shrink = max(1, min(image.size) // SEEN)
    image = image.reduce(shrink) if shrink > 1 else image
    grey = np.asarray(image if image.mode == "F" else image.convert("L"), np.float64).ravel()
    if image.mode == "RGB":
        colours = np.asarray(image).reshape(-1, 3)  # (pixels, 3)
        is_grey = bool((colours == colours[:, :1]).all())
        planes = np.concatenate([grey[None], colours.T])  # (4, pixels)
    else:
        is_grey, planes = True, np.broadcast_to(grey, (4, len(grey)))
    means, squares = planes.mean(1), np.einsum("cp,cp->c", planes, planes) / len(grey)
    peak = float(np.asarray(picture.image).max()) if image.mode == "F" else 0.0
    return Glance(picture.height, picture.width, is_grey, peak, means, squares, length)


@dataclasses.dataclass(frozen=True)
class _Seen:
    """A cell of the sample, and what was seen: None where it cannot be decoded."""

    lot: int
    name: str
    glance: Glance | None


class Glances:
    """The sample: the cells of the smallest lots, each drawn from the cell itself, so that pieces teach as the whole.

    Args:
        look: looks at a cell.

    Attributes:
        count, missing: cells that are there, and that are not.
        seen: up to 1,000 of them, in the order of their lots.
    """

    def __init__(self, look: Callable[[Any], Glance]) -> None:
        self.count = self.missing = 0
        self.seen: list[_Seen] = []
        self._look = look

    def add(self, values: pl.Series) -> None:
        """Take in more cells; those that come into the sample are decoded."""
        cells = values.drop_nulls()
        self.count += len(cells)
        self.missing += len(values) - len(cells)
        lots = lots_of(cells)
        last = np.partition(lots, SAMPLE)[SAMPLE] if len(lots) > SAMPLE else None
        low = lots if last is None else lots[lots <= last]
        if len(self.seen) == SAMPLE:
            low = low[low <= self.seen[-1].lot]
        best = np.flatnonzero(np.isin(lots, low))
        chosen = cells.gather(best)
        names = chosen.to_list() if cells.dtype == pl.String else [""] * len(best)
        glances = in_threads(self._attempt, list(cells_of(chosen)))
        new = [_Seen(lot, name, seen) for lot, name, seen in zip(lots[best].tolist(), names, glances, strict=True)]
        self.seen = sorted([*self.seen, *new], key=lambda one: (one.lot, one.name))[:SAMPLE]

    def _attempt(self, cell: Any) -> Glance | None:
        try:
            return self._look(cell)
        except DataError:
            return None  # set aside, with the reason, when it is encoded

    @property
    def length(self) -> int:
        """Pictures of the longest film of the sample; 1 if there is none."""
        return max((one.glance.length for one in self.seen if one.glance is not None), default=1)

    def form(self, size: int | Literal["auto"], channels: int | Literal["auto"]) -> dict[str, Any]:
        """What was learned, by the names of :class:`~lamina.features.image.ImageState`.

        Args:
            size: of both sides; or by the sample.
            channels: 1 or 3; or by the sample.
        """
        good = [one.glance for one in self.seen if one.glance is not None]
        sizes = sorted(((each.height, each.width) for each in good), key=lambda pair: (pair[0] * pair[1], pair))
        height, width = _side(sizes) if size == "auto" else (size, size)
        if channels == "auto":
            channels = 1 if all(each.is_grey for each in good) else 3
        peak = max((each.peak for each in good), default=0.0)
        # A later picture of 16 bits is taken by its full range where none has said what white is.
        white = next(depth for depth in DEPTHS if depth >= peak) if peak else DEPTHS[-1]
        centre, scale = _brightness(good, white)
        planes = slice(0, 1) if channels == 1 else slice(1, 4)
        return {
            "count": self.count,
            "missing": self.missing,
            "sampled": len(self.seen),
            "broken": len(self.seen) - len(good),
            "height": height,
            "width": width,
            "channels": channels,
            "resized": sum(pair != (height, width) for pair in sizes),
            "smallest": list(sizes[0]) if sizes else [0, 0],
            "largest": list(sizes[-1]) if sizes else [0, 0],
            "white": white,
            "centre": centre[planes].tolist(),
            "scale": scale[planes].tolist(),
        }


def _side(sizes: list[tuple[int, int]]) -> tuple[int, int]:
    """The height and width that suit most pictures, given theirs."""
    if not sizes:
        return SIDES[0], SIDES[0]
    if len(set(sizes)) == 1 and max(sizes[0]) <= SMALL:
        return sizes[0]
    usual = float(np.median([np.sqrt(height * width) for height, width in sizes]))
    side = int(np.clip(round(usual / SIDES[0]) * SIDES[0], *SIDES))
    return side, side


def _brightness(good: list[Glance], white: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean and deviation over all pictures as grey, red, green and blue, (4,) each, 0 to 255."""
    if not good:
        return np.zeros(4), np.full(4, 255.0)
    units = np.array([[255 / white if each.peak else 1.0] for each in good])  # (pictures, 1)
    means = np.stack([each.means for each in good]) * units
    squares = np.stack([each.squares for each in good]) * units**2
    centre = means.mean(0)
    deviation = np.sqrt(np.maximum(squares.mean(0) - centre**2, 0.0))
    return centre, np.where(deviation < 1, 1.0, deviation)  # all of one colour: there is nothing to scale
