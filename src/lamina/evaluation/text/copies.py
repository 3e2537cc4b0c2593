"""How much of what a model says stands in its training text word for word, the longest such passage, and whence it is.

The grams of what was said, 8 words or 50 characters long, are kept as hashes, and the training text runs past them
piece by piece: memory grows with what was said and not with what was learned from. Hashes have 64 bits: in 10¹²
comparisons the chance that one gram is taken for another is below one in ten million.

Some grams recur in any language, and a phrase that the training text has a hundred times is no secret. What people
wrote and the model never saw, run through the same check, says how much is common anyway.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, NamedTuple, Self

import numpy as np
import polars as pl

from lamina.errors import DataError
from lamina.evaluation.text.base import column, ratio
from lamina.evaluation.text.grams import characters
from lamina.features.tokens import split

__all__ = ["LENGTHS", "Copies", "Passage", "copies", "figure"]

LENGTHS = {"words": 8, "characters": 50}
PIECE = 1_000_000  # characters of training text that are looked at together
SIEVE = 22  # bits of the table that most hashes of the training text fall through

_BASE = 0x9E3779B97F4A7C15  # of the polynomial that is a gram's hash; odd, so that no position loses bits
_WHOLE = 2**64


class Passage(NamedTuple):
    """A run of text that was said and that the training text has.

    Attributes:
        text: as the training text has it.
        length: in words (and marks) or characters.
        said_row, said_place: in which of the texts said, and at which character.
        row, place: in which row of the training text, over all pieces, and at which character.
    """

    text: str
    length: int
    said_row: int
    said_place: int
    row: int
    place: int


@dataclasses.dataclass(frozen=True)
class Copies:
    """What of the texts said was found.

    Attributes:
        unit: "words" or "characters".
        length: of a gram.
        statistics: (n, 2) float64, the grams of each text, and those of them that the training text has.
        longest: the longest passage, None if it has no gram. Of passages as long, the first in the training text.
    """

    unit: str
    length: int
    statistics: np.ndarray
    longest: Passage | None

    @property
    def share(self) -> float:
        """Which share of all grams was found; NaN where no text is long enough."""
        return float(figure(self.statistics.sum(axis=0)))


def figure(sums: np.ndarray) -> np.ndarray:
    """The share of grams that the training text has: (..., 2) -> (...)."""
    return ratio(sums[..., 1], sums[..., 0])


def copies(
    said: Iterable[str],
    training: Iterable[Sequence[str] | pl.Series],
    *,
    unit: Literal["words", "characters"] = "words",
    length: int | None = None,
) -> Copies:
    """Look for what was said in the training text.

    Args:
        said: (n,) texts.
        training: pieces of the training text, each a column of texts; missing ones have no words.
        unit: what grams are made of: words and marks, in any case and with any blanks between, or characters.
        length: of a gram, 2 or more; 8 words or 50 characters if left out.

    Raises:
        DataError: if there is no text, one that was said is missing, or the unit or the length is not allowed.

    Example:
        >>> learned = [["Who?", "To be, or not to be"]]
        >>> found = copies(["He said: to be or not to be!"], learned, unit="characters", length=9)
        >>> found.share, found.longest.text, found.longest.row
        (0.25, ' or not to be', 1)
    """
    said = column(said, "said")
    if not said:
        raise DataError("no rows to judge on", got="0 texts", do="give what was written")
    if unit not in LENGTHS:
        raise DataError("copies are looked for in a known unit", got=repr(unit), allowed=", ".join(LENGTHS))
    length = LENGTHS[unit] if length is None else length
    if length < 2:
        raise DataError("a gram is longer than that", got=f"length={length}", allowed="2 or more")
    own = _Text.of(said, unit)
    sought = _Sought(own, length)
    best, longest = length - 1, None
    for piece in _pieces(training, 2 * max(map(len, said)) + 2):
        other = _Text.of(piece.texts, unit)
        place, span, size = sought.look(other, best)
        if size > best:
            best = size
            longest = _passage(own, place, piece, other, span, size)
    return Copies(unit, length, sought.statistics, longest)


# --- texts as numbers -----------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class _Text:
    """Texts as codes, a number of 64 bits for each word or character.

    Attributes:
        codes: (total,) uint64.
        ends: (texts,), where the codes of each end.
        starts, stops: (total,) the characters of its text that each stands for.
    """

    codes: np.ndarray
    ends: np.ndarray
    starts: np.ndarray
    stops: np.ndarray

    @classmethod
    def of(cls, texts: Sequence[str], unit: str) -> Self:
        """Read texts."""
        if unit == "characters":
            points = characters(texts)
            starts = np.arange(len(points.values)) - np.repeat(points.ends - points.lengths, points.lengths)
            return cls(_mixed(points.values.astype(np.uint64)), points.ends, starts, starts + 1)
        parts, counts = split(pl.Series(texts, dtype=pl.String), blanks=True)
        lengths = parts.str.len_chars().to_numpy().astype(np.int64)
        before = lengths - parts.str.strip_chars_start().str.len_chars().to_numpy()  # blanks
        ends = np.cumsum(counts)
        stops = np.cumsum(lengths)
        stops -= np.repeat(np.append(0, stops)[np.append(0, ends[:-1])], counts)
        words = parts.str.strip_chars().str.to_lowercase()
        keep = (words != "").to_numpy()
        ends = np.append(0, np.cumsum(keep))[ends]
        codes = words.hash(seed=0).to_numpy()[keep]
        return cls(codes, ends, (stops - lengths + before)[keep], stops[keep])

    @functools.cached_property
    def left(self) -> np.ndarray:
        """How many codes there are from each to the end of its text, (total,)."""
        return np.repeat(self.ends, np.diff(self.ends, prepend=0)) - np.arange(len(self.codes))

    def row(self, place: int) -> int:
        """The text that a place is in."""
        return int(np.searchsorted(self.ends, place, "right"))


def _mixed(numbers: np.ndarray) -> np.ndarray:
    """Numbers spread over 64 bits (splitmix64, Steele et al. 2014)."""
    numbers = numbers * np.uint64(_BASE)
    numbers = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    numbers = (numbers ^ (numbers >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return numbers ^ (numbers >> np.uint64(31))


def _hashes(codes: np.ndarray, length: int) -> np.ndarray:
    """The hash of each run of codes: (total,) -> (total - length + 1,), from runs twice as long each time."""
    size, block = 1, codes
    done, found = 0, codes[:0]
    while True:
        if length & size:
            many = len(codes) - done - size + 1
            last = block[done : done + many]
            found = found[:many] * np.uint64(pow(_BASE, size, _WHOLE)) + last if done else last
            done += size
        if done == length:
            return _mixed(found)
        block = block[:-size] * np.uint64(pow(_BASE, size, _WHOLE)) + block[size:]
        size *= 2


def _grams(text: _Text, length: int) -> tuple[np.ndarray, np.ndarray]:
    """Where runs within one text start, and their hashes."""
    if len(text.codes) < length:
        return np.empty(0, np.int64), np.empty(0, np.uint64)
    inside = text.left[: len(text.codes) - length + 1] >= length
    return np.flatnonzero(inside), _hashes(text.codes, length)[inside]


# --- the search -----------------------------------------------------------------------------------------------------


class _Sought:
    """The grams of what was said, and which of them were found."""

    def __init__(self, own: _Text, length: int) -> None:
        self.own, self.length = own, length
        self._starts, hashes = _grams(own, length)
        self._hashes, self._names = np.unique(hashes, return_inverse=True)
        self._found = np.zeros(len(self._hashes), bool)
        self._sieve = np.zeros(1 << SIEVE, bool)
        self._sieve[_slot(self._hashes)] = True

    @property
    def statistics(self) -> np.ndarray:
        """Grams of each text said, and those that were found: (n, 2)."""
        rows = np.searchsorted(self.own.ends, self._starts, "right")
        size = len(self.own.ends)
        found = np.bincount(rows, weights=self._found[self._names], minlength=size)
        return np.column_stack([np.bincount(rows, minlength=size), found]).astype(np.float64)

    def look(self, other: _Text, best: int) -> tuple[int, int, int]:
        """Mark the grams that another text has, and find the longest passage if it is longer than the best so far.

        Returns:
            Where it starts in what was said and in the other text, and how long it is; 0 if it is not longer.
        """
        starts, hashes = _grams(other, self.length)
        likely = np.flatnonzero(self._sieve[_slot(hashes)])
        places = np.searchsorted(self._hashes, hashes[likely])
        sure = self._hashes[np.minimum(places, len(self._hashes) - 1)] == hashes[likely]
        self._found[places[sure]] = True
        hits = starts[likely[sure]]
        # Grams one after the other make a passage as long as they reach, if they are so in what was said as well.
        first = np.flatnonzero(np.diff(hits, prepend=-2) != 1)
        reach = np.diff(np.append(first, len(hits))) + self.length - 1
        return self._longest(other, hits[first[reach > best]], reach[reach > best], best)

    def _longest(self, other: _Text, first: np.ndarray, reach: np.ndarray, best: int) -> tuple[int, int, int]:
        """The longest passage within some stretches of the other text, by halving: (first, reach) are (stretches,)."""
        found = (0, 0, 0)
        low, high, size = best, int(reach.max(initial=best)), best + 1
        while low < high:
            long = reach >= size
            common = self._common(other, first[long], reach[long], size)
            if common is None:
                high = size - 1
            else:
                low, found = size, (*common, size)
            size = (low + high + 1) // 2
        return found

    def _common(self, other: _Text, first: np.ndarray, reach: np.ndarray, size: int) -> tuple[int, int] | None:
        """The first passage of a size that both have, if there is one."""
        ends = np.cumsum(reach)
        places = np.arange(int(ends[-1])) + np.repeat(first - (ends - reach), reach)
        stretches = _Text(other.codes[places], ends, places, places)
        starts, hashes = _grams(stretches, size)
        own_starts, own_hashes = _grams(self.own, size)
        both = np.flatnonzero(np.isin(hashes, own_hashes))
        if not len(both):
            return None
        return int(own_starts[np.argmax(own_hashes == hashes[both[0]])]), int(places[starts[both[0]]])


def _slot(hashes: np.ndarray) -> np.ndarray:
    return (hashes >> np.uint64(64 - SIEVE)).astype(np.int64)


# --- the training text ----------------------------------------------------------------------------------------------


class _Piece(NamedTuple):
    """Some of the training text.

    Attributes:
        texts: cells, or parts of long ones.
        rows: the row that each is in, over all pieces.
        places: the character of the cell that each starts at.
    """

    texts: list[str]
    rows: list[int]
    places: list[int]


def _pieces(training: Iterable[Sequence[str] | pl.Series], overlap: int) -> Iterator[_Piece]:
    """Training text in pieces of bounded size; the parts of a long cell overlap, so that no passage is cut in two."""
    most = max(PIECE, 4 * overlap)
    piece, size = _Piece([], [], []), 0
    for row, text in enumerate(_cells(training)):
        for place in range(0, max(1, len(text) - overlap), most - overlap):
            piece.texts.append(text[place : place + most])
            piece.rows.append(row)
            piece.places.append(place)
            size += len(piece.texts[-1])
            if size >= most:
                yield piece
                piece, size = _Piece([], [], []), 0
    if piece.texts:
        yield piece


def _cells(training: Iterable[Sequence[str] | pl.Series]) -> Iterator[str]:
    for texts in training:
        if isinstance(texts, str):
            raise DataError("pieces of training text are columns of texts", got="one text", do="put it into a list")
        yield from (text or "" for text in texts)


def _passage(own: _Text, place: int, piece: _Piece, other: _Text, span: int, size: int) -> Passage:
    """What was found, in characters of the texts."""
    part, first, last = other.row(span), int(other.starts[span]), int(other.stops[span + size - 1])
    return Passage(
        text=piece.texts[part][first:last],
        length=size,
        said_row=own.row(place),
        said_place=int(own.starts[place]),
        row=piece.rows[part],
        place=piece.places[part] + first,
    )
