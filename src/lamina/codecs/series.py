"""Series: lists of numbers, or text of them, to frames of scaled channels."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Literal

import numpy as np

from lamina.codecs.base import BLANKS, MISSING, Codec, plain
from lamina.codecs.media import depth_of
from lamina.codecs.number import LARGEST, parse
from lamina.codecs.ragged import Ragged
from lamina.codecs.steps import Steps
from lamina.errors import DataError, some

__all__ = ["SeriesCodec"]

_BETWEEN = {
    ".": re.compile(f"[{BLANKS}]*[,;][{BLANKS}]*|[{BLANKS}]+"),
    ",": re.compile(f"[{BLANKS}]*;[{BLANKS}]*|[{BLANKS}]+"),
}


@dataclasses.dataclass
class SeriesCodec(Codec):
    """Numbers in the order of time: one ``frames`` slot, a frame a step.

    Cells are lists of numbers; lists of lists; records of lists, which are named channels; or text.

    Attributes:
        scaling: standard, row, or none.
        longest: steps that are kept, the last ones.
        by_channel: whether lists of lists are channels, each with its steps; else steps, each with its channels.
        decimal: the decimal mark in text cells.
        names: of the channels, or nothing.
        mean, deviation: of each channel over the training rows.
        with_gaps: channels that have one more, which is 1 where a number is missing.

    Example:
        >>> codec = SeriesCodec("load", "standard", 4096, False, ".", [], [1.0], [2.0], [])
        >>> codec.encode([[1, 3, None], "5 7", None])["frames"].values.ravel().tolist()
        [0.0, 1.0, 1.0, 2.0, 3.0]
    """

    kind: ClassVar[str] = "series"
    column: str
    scaling: Literal["standard", "row", "none"]
    longest: int
    by_channel: bool
    decimal: str
    names: list[str]
    mean: list[float]
    deviation: list[float]
    with_gaps: list[int]

    def encode(self, cells: Sequence[Any], first_row: int = 0) -> dict[str, Ragged]:
        return {"frames": self.frames(self.read(cells, first_row))}

    # --- reading ------------------------------------------------------------------------------------------------------

    def read(self, cells: Sequence[Any], first_row: int = 0) -> Steps:
        """Check n cells, and join their steps."""
        given = [cell if isinstance(cell, (list, tuple, np.ndarray, Mapping)) else plain(cell) for cell in cells]
        found = [self._steps(cell) for cell in given]
        channels = len(self.mean)
        if any(map(_is_other, given)):
            kind = next(type(cell).__name__ for cell in given if _is_other(cell))
            self._refuse(cells, given, _is_other, first_row, f"holds series, but came as {kind}")
        for cell in given:
            if isinstance(cell, Mapping) and (lost := [name for name in self.names if name not in cell]):
                what = f"has series without the channel(s) {some(lost)}"
                self._refuse(cells, given, lambda cell: isinstance(cell, Mapping), first_row, what)
        if any(one is None for one in found):
            what = f"holds series of {channels} channel(s), but some cells are none"
            self._refuse(cells, given, lambda cell: self._steps(cell) is None, first_row, what)
        rows = [one for one in found if one is not None]
        if other := [one.shape[1] for one in rows if len(one) and one.shape[1] != channels]:
            what = f"has series of {channels} channel(s), but some of {other[0]}"
            self._refuse(cells, given, lambda cell: len(self._steps(cell)) > 0, first_row, what)  # type: ignore[arg-type]
        if any((np.abs(one) > 1e38).any() for one in rows):
            what = "holds series with infinite numbers, or above 1e38"
            self._refuse(cells, given, lambda cell: (np.abs(self._steps(cell)) > 1e38).any(), first_row, what)  # type: ignore[arg-type]
        joined = np.concatenate([np.empty((0, channels)), *(one for one in rows if len(one))])
        lengths = np.array([len(one) for one in rows], np.int64)
        return Steps(joined + 0.0, lengths, np.zeros(len(rows), bool))

    def _refuse(
        self, cells: Sequence[Any], given: Sequence[Any], is_bad: Callable[[Any], Any], first_row: int, what: str
    ) -> None:
        """As :func:`lamina.codecs.base.refuse`, with the beginnings of cells as they came."""
        bad = [(row + first_row, cells[row]) for row, cell in enumerate(given) if cell is not None and is_bad(cell)]
        shown = some((repr(str(_listed(cell))[:40]) for _, cell in bad[:5]), 5)
        rows = some(row for row, _ in bad)
        raise DataError(
            f"column {self.column!r} {what}",
            got=f"{shown} in {len(bad)} cell(s), row(s) {rows} (counted from 0)",
            do="bring lists of numbers, all with the same channels, or leave such cells empty",
        )

    def _steps(self, cell: Any) -> np.ndarray | None:
        """A cell as (steps, channels), NaN where a number is missing; None if it is no series."""
        if cell is None:
            return np.empty((0, len(self.mean)))
        if isinstance(cell, str):
            numbers = [self._number(word) for word in self._words(cell)]
            return None if None in numbers else np.array(numbers, np.float64).reshape(-1, 1)
        try:
            if isinstance(cell, Mapping):
                return _by_channel([cell.get(name) for name in self.names or cell])
            if not any(isinstance(item, (list, tuple, np.ndarray)) for item in cell):
                return _numbers(cell).reshape(-1, 1)
            if self.by_channel:
                return _by_channel(cell) if len(cell) == len(self.mean) else None
            return self._by_step(cell)
        except (TypeError, ValueError):  # what is no number, or lists that do not fit
            return None

    def _words(self, cell: str) -> list[str]:
        return _BETWEEN[self.decimal].sub(" ", cell.strip(" \t\r\n[]()")).split(" ")

    def _number(self, word: str) -> float | None:
        """A word as a number, NaN where it says that there is none; None if it is no number."""
        number = parse(word.replace(",", ".", 1) if self.decimal == "," else word, ".")
        return float("nan") if number is None and word in MISSING else number

    def _by_step(self, cell: Sequence[Any]) -> np.ndarray | None:
        """A list of steps, each a list of channels; a step that is missing has none of them."""
        widths = {len(step) for step in cell if step is not None}
        if len(widths) > 1 or widths - {len(self.mean)}:
            return None
        gap = [None] * len(self.mean)
        return np.stack([_numbers(gap if step is None else step) for step in cell])

    # --- encoding -----------------------------------------------------------------------------------------------------

    def frames(self, steps: Steps) -> Ragged:
        """Steps as a network sees them, n rows of (channels,) float32."""
        if not len(steps.values):
            steps = Steps.none(len(steps.lengths), len(self.mean))
        steps = steps.last(self.longest)
        gaps = np.isnan(steps.values)[:, self.with_gaps]
        frames = np.concatenate([*self._scaled(steps), gaps], axis=1)
        # A value far from all that was learned from must not become infinite in float32.
        frames = np.clip(frames, -LARGEST, LARGEST).astype(np.float32)
        return Ragged(frames, np.cumsum(steps.lengths))

    def _scaled(self, steps: Steps) -> list[np.ndarray]:
        """Channels without gaps, scaled; and by rows, where each lies, and how wide: (total, channels) each."""
        mean, deviation = np.array(self.mean), np.array(self.deviation)
        if self.scaling == "none":
            return [steps.filled(mean)]
        if self.scaling == "standard":
            return [(steps.filled(mean) - mean) / deviation]
        centre, width = steps.by_row(mean)
        lengths = steps.lengths[steps.lengths > 0]
        level = (centre - mean) / deviation
        spread = np.log(np.maximum(width / deviation, 1e-3))
        centre, width, level, spread = (
            np.repeat(each, lengths, axis=0) for each in (centre, np.where(width > 0, width, 1.0), level, spread)
        )
        return [(steps.filled(centre) - centre) / width, level, spread]


def _is_other(cell: Any) -> bool:
    """Whether a cell is neither text nor numbers in lists."""
    if isinstance(cell, Mapping):
        return not cell or any(depth_of(channel) not in (None, 1) for channel in cell.values())
    if isinstance(cell, (list, tuple, np.ndarray)):
        return depth_of(cell) not in (None, 1, 2)
    return not (cell is None or isinstance(cell, str))


def _by_channel(channels: Sequence[Any]) -> np.ndarray | None:
    """Lists of one length, a channel each, as (steps, channels); one that is missing has no numbers."""
    lengths = {len(channel) for channel in channels if channel is not None}
    if len(lengths) > 1:
        return None
    gap = [None] * max(lengths, default=0)
    return np.stack([_numbers(gap if channel is None else channel) for channel in channels], axis=1)


def _numbers(items: Any) -> np.ndarray:
    """A list of numbers, (n,) float64, NaN where one is missing.

    Raises:
        TypeError: if it holds what is no number.
    """
    found = np.asarray(items)
    if found.dtype.kind in "iuf" and found.ndim == 1:
        return found.astype(np.float64)
    if any(isinstance(item, (str, bytes, bool, np.bool_)) for item in items):
        raise TypeError("no number")
    return np.array([np.nan if item is None else float(item) for item in items], np.float64)


def _listed(cell: Any) -> Any:
    return cell.tolist() if isinstance(cell, np.ndarray) else cell
