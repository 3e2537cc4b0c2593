r"""chrF: runs of one to six characters in common (Popovic 2015), and chrF++ with single words and pairs of them (2017).

    chrF = 100 · (1 + β²) · P · R / (β² · P + R), β = 2

P and R are the precision and recall of the n-grams of each order, averaged over those orders that both sides have, as
sacrebleu has it. Blanks do not count. Of several references a row takes the one with the best chrF.
"""

from __future__ import annotations

import functools
import itertools
import string
from collections.abc import Iterable

import numpy as np

from lamina.evaluation.text.base import References, Score, in_blocks
from lamina.evaluation.text.grams import Documents, by_row, characters, documents, tables, words

__all__ = ["BETA", "CHARACTERS", "CHRF", "CHRF_WORDS", "WORDS", "figure", "statistics"]

CHARACTERS = 6  # the longest run of characters
WORDS = 2  # the longest run of words, in chrF++
BETA = 2  # recall counts so much more than precision

_MARKS = frozenset(string.punctuation)


def statistics(references: References, said: Iterable[str], *, with_words: bool = False) -> np.ndarray:
    """For each order the grams said, those of the reference, and those in common: (n, 18), or (n, 24) with words.

    Args:
        references: (n,) texts, or lists of texts.
        said: (n,) texts.
        with_words: words and pairs of words too, as in chrF++.

    Raises:
        DataError: as :func:`~lamina.evaluation.text.base.pairs`.

    Example:
        >>> statistics(["a cat"], ["a cart"])[0, :6].tolist()
        [5.0, 4.0, 4.0, 4.0, 3.0, 2.0]
    """
    return in_blocks(functools.partial(_count, with_words=with_words), references, said)


def _count(references: list[list[str]], said: list[str], *, with_words: bool) -> np.ndarray:
    texts = [text.split() for text in itertools.chain(said, *references)]
    found = _orders(documents(characters(["".join(text) for text in texts]), references), CHARACTERS, len(said))
    if with_words:
        found += _orders(documents(words([_apart(text) for text in texts]), references), WORDS, len(said))
    each = np.concatenate(found, axis=-1)  # (references, rows, 3 * orders)
    several = np.array([len(row) for row in references])
    value = np.where(np.arange(len(each))[:, None] < several, figure(each), -1.0)
    return each[value.argmax(axis=0), np.arange(len(said))]


def _orders(texts: Documents, order: int, rows: int) -> list[np.ndarray]:
    """For each order the grams said, of each reference, and in common: (references, rows, 3)."""
    found = []
    for row, counts in tables(texts, order):
        totals = by_row(row, counts, rows)
        common = by_row(row, np.minimum(counts[0], counts[1:]), rows)
        said = np.where(totals[1:] > 0, totals[0], 0.0)  # what cannot match is not held against the text
        found.append(np.stack([said, totals[1:], common], axis=-1))
    return found


def _apart(text: list[str]) -> list[str]:
    """Words with a mark at their end, or else at their start, taken off."""
    found = []
    for word in text:
        if len(word) > 1 and word[-1] in _MARKS:
            found += [word[:-1], word[-1]]
        elif len(word) > 1 and word[0] in _MARKS:
            found += [word[0], word[1:]]
        else:
            found.append(word)
    return found


def figure(sums: np.ndarray) -> np.ndarray:
    """chrF, or chrF++ where the sums have words, 0 to 100: (..., 3 * orders) -> (...)."""
    sums = np.asarray(sums, np.float64)
    precision, recall, orders = np.zeros((3, *sums.shape[:-1]))
    for place in range(0, sums.shape[-1], 3):  # one after the other: of two references as good, rounding decides
        said, reference, common = sums[..., place], sums[..., place + 1], sums[..., place + 2]
        there = (said > 0) & (reference > 0)
        precision += np.where(there, common / np.where(there, said, 1), 0)
        recall += np.where(there, common / np.where(there, reference, 1), 0)
        orders += there
    precision, recall = precision / np.maximum(orders, 1), recall / np.maximum(orders, 1)
    weight = BETA**2 * precision + recall
    return 100 * ((1 + BETA**2) * precision * recall / np.where(weight > 0, weight, 1))


CHRF = Score("chrf", "chrF", True, statistics, figure, "case:mixed|eff:yes|nc:6|nw:0|space:no")
CHRF_WORDS = Score(
    "chrf_words",
    "chrF++",
    True,
    functools.partial(statistics, with_words=True),
    figure,
    "case:mixed|eff:yes|nc:6|nw:2|space:no",
)
