"""Word and character error rate: the least edits that make a transcript of the reference, a word of the reference.

    WER = (substitutions + deletions + insertions) / words of the reference

Words are what stands between blanks, as they are: whoever does not want capitals and marks to count takes them out of
both sides. Rates equal jiwer's, and so do the kinds of edits where several ways are as short.

Where a reference is empty, all that was said is inserted: it counts above the line and nothing below. Where all
references are empty there is nothing to divide by, and the rate is NaN (jiwer gives the number of insertions). Of
several references a row takes the one with the lowest rate, of equals the first.
"""

from __future__ import annotations

import collections
import functools
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, NamedTuple

import numpy as np

from lamina.evaluation.text.base import References, Score, pairs, ratio

__all__ = ["CER", "WER", "Step", "align", "figure", "statistics", "tokenized"]

Kind = Literal["same", "substitution", "deletion", "insertion"]

_BLANKS = re.compile(r"\s\s+")


class Step(NamedTuple):
    """One step of an alignment.

    Attributes:
        kind: "same", "substitution", "deletion" (it was not said) or "insertion" (it was said and is not there).
        reference, said: the word on either side, or None.
    """

    kind: Kind
    reference: str | None
    said: str | None


def tokenized(text: str, *, characters: bool = False) -> list[str]:
    """The words of a text, or its characters, the blanks between words included.

    Example:
        >>> tokenized(" one  two "), tokenized("no 1 ", characters=True)
        (['one', 'two'], ['n', 'o', ' ', '1'])
    """
    if characters:
        return list(text.strip())
    return [word for word in _BLANKS.sub(" ", text).strip().split(" ") if word]


def align(reference: Sequence[str], said: Sequence[str]) -> list[Step]:
    """Lay words beside those of the reference with as few edits as possible.

    Example:
        >>> [step.kind for step in align(["one", "two", "three"], ["one", "too", "three", "four"])]
        ['same', 'substitution', 'same', 'insertion']
    """
    steps, here, there = [], 0, 0
    for kind in _kinds(reference, said):
        left = None if kind == "insertion" else reference[here]
        right = None if kind == "deletion" else said[there]
        here, there = here + (left is not None), there + (right is not None)
        steps.append(Step(kind, left, right))
    return steps


def _kinds(reference: Sequence[str], said: Sequence[str]) -> list[Kind]:
    """The kinds of steps, in order."""
    if reference == said:
        return ["same"] * len(reference)
    shorter = min(len(reference), len(said))
    start = next((place for place in range(shorter) if reference[place] != said[place]), shorter)
    rest = shorter - start
    end = next((place for place in range(rest) if reference[-1 - place] != said[-1 - place]), rest)
    middle = _backwards(reference[start : len(reference) - end], said[start : len(said) - end])
    same: list[Kind] = ["same"]
    return [*same * start, *reversed(list(middle)), *same * end]


def _backwards(reference: Sequence[str], said: Sequence[str]) -> Iterator[Kind]:
    """The kinds of steps, the last first: a deletion before an insertion before a substitution."""
    rising, falling = _table(reference, said)
    row, column = len(reference), len(said)
    while row and column:
        place = 1 << row - 1
        if rising[column] & place:
            row -= 1
            yield "deletion"
        elif falling[column - 1] & place:
            column -= 1
            yield "insertion"
        else:
            row, column = row - 1, column - 1
            yield "same" if reference[row] == said[column] else "substitution"
    for _ in range(row):
        yield "deletion"
    for _ in range(column):
        yield "insertion"


def _table(reference: Sequence[str], said: Sequence[str]) -> tuple[list[int], list[int]]:
    """The table of least edits, two numbers for each word said, after Hyyrö (2003).

    Bit i of them says whether one more word of the reference, the i-th, makes the edits one more, or one fewer.
    """
    places: dict[str, int] = collections.defaultdict(int)
    for number, word in enumerate(reference):
        places[word] |= 1 << number
    full = (1 << len(reference)) - 1
    up, down = full, 0
    rising, falling = [up], [down]
    for word in said:
        same = places.get(word, 0)
        diagonal = (((same & up) + up) ^ up) | same | down
        right_up = down | (full & ~(diagonal | up))
        right_down = diagonal & up
        right_up, right_down = (right_up << 1 | 1) & full, (right_down << 1) & full
        up, down = (right_down | ~(diagonal | right_up)) & full, right_up & diagonal
        rising.append(up)
        falling.append(down)
    return rising, falling


def statistics(references: References, said: Iterable[str], *, characters: bool = False) -> np.ndarray:
    """The length of the reference, substitutions, deletions and insertions of each row: (n, 4).

    Args:
        references: (n,) texts, or lists of texts.
        said: (n,) texts.
        characters: of characters rather than words.

    Raises:
        DataError: as :func:`~lamina.evaluation.text.base.pairs`.

    Example:
        >>> statistics(["one two three", ""], ["one too", "oh"]).tolist()
        [[3.0, 1.0, 1.0, 0.0], [0.0, 0.0, 0.0, 1.0]]
    """
    references, said = pairs(references, said)
    found = np.empty((len(said), 4))
    for number, (given, text) in enumerate(zip(references, said, strict=True)):
        own = tokenized(text, characters=characters)
        rows = [_edits(tokenized(reference, characters=characters), own) for reference in given]
        found[number] = min(rows, key=_rate)
    return found


def _edits(reference: list[str], said: list[str]) -> tuple[int, ...]:
    kinds = _kinds(reference, said)
    return len(reference), kinds.count("substitution"), kinds.count("deletion"), kinds.count("insertion")


def _rate(row: tuple[int, ...]) -> float:
    length, edits = row[0], sum(row[1:])
    return edits / length if length else (float("inf") if edits else 0.0)


def figure(sums: np.ndarray) -> np.ndarray:
    """The rate, from 0 on; it is above 1 where more is inserted than is right: (..., 4) -> (...)."""
    return ratio(sums[..., 1:].sum(axis=-1), sums[..., 0])


WER = Score("wer", "Word error rate", False, statistics, figure, "case:mixed|tok:blanks")
CER = Score(
    "cer",
    "Character error rate",
    False,
    functools.partial(statistics, characters=True),
    figure,
    "case:mixed|tok:characters|space:yes",
)
