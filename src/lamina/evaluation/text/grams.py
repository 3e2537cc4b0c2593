"""n-grams counted by sorting: every order of every text in a few passes, no Python per gram."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from lamina.codecs.ragged import Ragged

__all__ = ["Documents", "Named", "by_row", "characters", "documents", "named", "tables", "words"]


class Documents(NamedTuple):
    """Texts of rows, as ids.

    Attributes:
        ids: tokens of each text, one after the other.
        rows: (texts,) the row that each belongs to.
        slots: (texts,) 0 for what was said, 1, 2 ... for the row's references.
    """

    ids: Ragged
    rows: np.ndarray
    slots: np.ndarray


class Named(NamedTuple):
    """The n-grams of one order.

    Attributes:
        starts: (grams,) int64, the places where they start.
        names: (grams,) int64, the same number for the same gram of the same row, from 0.
        size: how many names there are.
    """

    starts: np.ndarray
    names: np.ndarray
    size: int


def words(texts: Sequence[Sequence[str]]) -> Ragged:
    """Words as ids, equal ones by the same.

    Example:
        >>> words([["a", "b"], ["a"]]).values.tolist()
        [0, 1, 0]
    """
    id_of = {word: number for number, word in enumerate(dict.fromkeys(itertools.chain.from_iterable(texts)))}
    ends = np.cumsum([len(text) for text in texts], dtype=np.int64)
    ids = map(id_of.__getitem__, itertools.chain.from_iterable(texts))
    return Ragged(np.fromiter(ids, np.int64, count=int(ends[-1]) if len(ends) else 0), ends)


def characters(texts: Sequence[str]) -> Ragged:
    """Characters by their code points, those that stand for no character too."""
    points = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), np.uint32)
    return Ragged(points, np.cumsum([len(text) for text in texts], dtype=np.int64))


def documents(ids: Ragged, references: Iterable[Sequence[object]]) -> Documents:
    """What was said, one text a row, and then the references of the first row, of the second and so on.

    Args:
        ids: tokens of all these texts, in that order.
        references: of each row.
    """
    counts = np.array([len(row) for row in references], dtype=np.int64)
    rows = np.arange(len(counts))
    slots = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts) + 1
    return Documents(ids, np.append(rows, np.repeat(rows, counts)), np.append(np.zeros(len(rows), np.int64), slots))


def named(ids: Ragged, rows: np.ndarray, order: int) -> Iterator[Named]:
    """The n-grams of each order from 1, each named by the gram one shorter that it starts with and its last token.

    Args:
        ids: tokens of texts.
        rows: (texts,) grams of different rows have different names.
        order: the longest.

    Example:
        >>> [found.names.tolist() for found in named(Ragged.of([np.array([7, 8, 7, 8])]), np.array([0]), 2)]
        [[0, 1, 0, 1], [0, 1, 0]]
    """
    tokens, lengths = ids.values.astype(np.int64), ids.lengths
    left = np.repeat(ids.ends, lengths) - np.arange(len(tokens))  # tokens from here to the end of the text
    names, size = np.repeat(rows, lengths), int(tokens.max(initial=0)) + 1
    starts = np.arange(len(tokens))
    for number in range(1, order + 1):
        keep = left[starts] >= number
        starts, names = starts[keep], names[keep]
        found, names = np.unique(names * size + tokens[starts + number - 1], return_inverse=True)
        yield Named(starts, names, len(found))


def tables(texts: Documents, order: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """For each order from 1: the row of each different gram, (grams,), and how often each text of the row has it.

    The second array is (slots, grams): what was said, then the references.
    """
    lengths = texts.ids.lengths
    row, slot = np.repeat(texts.rows, lengths), np.repeat(texts.slots, lengths)
    slots = int(texts.slots.max(initial=0)) + 1
    for starts, names, size in named(texts.ids, texts.rows, order):
        rows = np.empty(size, np.int64)
        rows[names] = row[starts]
        yield rows, np.bincount(slot[starts] * size + names, minlength=slots * size).reshape(slots, size)


def by_row(rows: np.ndarray, counts: np.ndarray, size: int) -> np.ndarray:
    """Sums of the counts of each row's grams: (grams,) and (..., grams) -> (..., size) float64."""
    if counts.ndim > 1:
        return np.stack([by_row(rows, one, size) for one in counts])
    return np.bincount(rows, weights=counts, minlength=size)
