"""Scores of words' labels: spans found, words right, rows right.

Spans count as conlleval counts them, over all rows together: one is right where its kind, its first and its last word
are. Precision, recall and F1 equal seqeval's (``mode=None``, micro average), accuracy its ``accuracy_score``, and the
macro F1 of labels scikit-learn's over the labels that occur.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from lamina.codecs.ragged import Ragged
from lamina.data.rows import Rows
from lamina.evaluation.answer import Baseline
from lamina.evaluation.baselines import chosen
from lamina.evaluation.company import Company
from lamina.evaluation.text.base import ratio
from lamina.features.layout import Layout
from lamina.features.tags import spans_of
from lamina.features.words import begins_word
from lamina.names import Names

__all__ = [
    "COMPANY",
    "TAG_BASELINES",
    "accuracy",
    "constant",
    "exact",
    "f1",
    "f1_of_labels",
    "label_counts",
    "precision",
    "recall",
    "span_counts",
    "words",
    "words_right",
]

TAG_BASELINES = Names(
    "baseline of labels",
    {"constant": "lamina.evaluation.tags:constant", "words": "lamina.evaluation.tags:words"},
    group="lamina.tag_baselines",
)

Labels = Iterable[Sequence[str]]  # a list of labels for each row


def span_counts(truth: Labels, said: Labels) -> np.ndarray:
    """Spans that are there, that were said, and both: (n, 3) float64.

    Example:
        >>> span_counts([["B-x", "I-x", "O"]], [["B-x", "O", "B-y"]]).tolist()
        [[1.0, 2.0, 0.0]]
    """
    found = []
    for true_labels, said_labels in zip(truth, said, strict=True):
        true, answered = set(spans_of(true_labels)), set(spans_of(said_labels))
        found.append((len(true), len(answered), len(true & answered)))
    return np.array(found, np.float64).reshape(-1, 3)


def words_right(truth: Labels, said: Labels) -> np.ndarray:
    """Rows (1 each), words, words whose label is right, and whether all of a row are: (n, 4) float64.

    Example:
        >>> words_right([["O", "B-x"], ["O"]], [["O", "O"], ["O"]]).tolist()
        [[1.0, 2.0, 1.0, 0.0], [1.0, 1.0, 1.0, 1.0]]
    """
    found = []
    for true, answered in zip(truth, said, strict=True):
        right = sum(one == other for one, other in zip(true, answered, strict=True))
        found.append((1, len(true), right, right == len(true)))
    return np.array(found, np.float64).reshape(-1, 4)


def label_counts(truth: Labels, said: Labels) -> np.ndarray:
    """For each label that occurs, words that have it, that are said to, and both: (n, 3 * labels) float64."""
    pairs = [(list(true), list(answered)) for true, answered in zip(truth, said, strict=True)]
    labels = sorted({label for pair in pairs for side in pair for label in side})
    code_of = {label: code for code, label in enumerate(labels)}
    found = np.zeros((len(pairs), 3, len(labels)))
    for row, (true, answered) in enumerate(pairs):
        for one, other in zip(true, answered, strict=True):
            found[row, 0, code_of[one]] += 1
            found[row, 1, code_of[other]] += 1
            found[row, 2, code_of[one]] += one == other
    return found.reshape(len(pairs), 3 * len(labels))


# Of sums over rows, (R, k), each one is a figure, (R,); NaN where there is nothing to divide by.


def precision(sums: np.ndarray) -> np.ndarray:
    """The share of the spans that were said that are right, of :func:`span_counts`."""
    return ratio(sums[:, 2], sums[:, 1])


def recall(sums: np.ndarray) -> np.ndarray:
    """The share of the spans that are there that were found."""
    return ratio(sums[:, 2], sums[:, 0])


def f1(sums: np.ndarray) -> np.ndarray:
    """The harmonic mean of precision and recall of spans."""
    return ratio(2 * sums[:, 2], sums[:, 0] + sums[:, 1])


def accuracy(sums: np.ndarray) -> np.ndarray:
    """The share of words whose label is right, of :func:`words_right`."""
    return ratio(sums[:, 2], sums[:, 1])


def exact(sums: np.ndarray) -> np.ndarray:
    """The share of rows of which all words are right."""
    return ratio(sums[:, 3], sums[:, 0])


def f1_of_labels(sums: np.ndarray) -> np.ndarray:
    """The mean of the labels' F1, over those that occur, of :func:`label_counts`."""
    true, said, both = np.moveaxis(sums.reshape(len(sums), 3, -1), 1, 0)
    each = ratio(2 * both, true + said)
    known = ~np.isnan(each)
    return ratio(np.where(known, each, 0.0).sum(axis=1), known.sum(axis=1))


# --- without a network ------------------------------------------------------------------------------------------------

Words = list[tuple[int, ...]]  # of a row, each by the tokens that spell it
Codes = list[int]


def constant(taught: Sequence[tuple[Words, Codes]], judged: Sequence[Words]) -> list[Codes]:
    """The most frequent label of the training rows, for every word.

    Example:
        >>> constant([([(7,), (8,)], [1, 1]), ([(9,)], [2])], [[(9,), (7,)]])
        [[1, 1]]
    """
    most = _most(Counter(code for _, codes in taught for code in codes))
    return [[most] * len(row) for row in judged]


def words(taught: Sequence[tuple[Words, Codes]], judged: Sequence[Words]) -> list[Codes]:
    """The most frequent label of each word; of one that no training row has, the most frequent label of all.

    Example:
        >>> words([([(7,), (8,)], [1, 1]), ([(9,)], [2])], [[(9,), (7,), (6,)]])
        [[2, 1, 1]]
    """
    every: Counter[int] = Counter()
    of_word: dict[tuple[int, ...], Counter[int]] = {}
    for row, codes in taught:
        every.update(codes)
        for word, code in zip(row, codes, strict=True):
            of_word.setdefault(word, Counter())[code] += 1
    usual = _most(every)
    known = {word: _most(counts) for word, counts in of_word.items()}
    return [[known.get(word, usual) for word in row] for row in judged]


def _most(counts: Counter[int]) -> int:
    """The code that came most; of equals the first."""
    return min(counts, key=lambda code: (-counts[code], code))


def _words_of(layout: Layout, rows: Rows) -> list[Words]:
    """The words of each row that a network sees."""
    name, slot = layout.holding_target
    begins, found = begins_word(slot.spelling), []
    tokens = rows.ragged(name)
    for row in range(len(rows.places)):
        ids = tokens[row : row + 1].values
        parts = np.split(ids, np.flatnonzero(begins[ids]))[1:]
        found.append([tuple(part.tolist()) for part in parts])
    return found


def _answer(
    task: Any, layout: Layout, taught: Rows, judged: Rows, *, which: str | Sequence[str], seed: int
) -> dict[str, Baseline]:
    target: Ragged = taught.target(0)
    codes = [target[row : row + 1].values.tolist() for row in range(len(target))]
    learned = list(zip(_words_of(layout, taught), codes, strict=True))
    asked = _words_of(layout, judged)
    found = {}
    for name in chosen(which, TAG_BASELINES):
        started = time.monotonic()
        said = TAG_BASELINES[name](learned, asked)
        found[name] = Baseline(task.feature.answer(said), time.monotonic() - started)
    return found


COMPANY = Company(TAG_BASELINES, _answer)
