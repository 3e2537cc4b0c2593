"""Whether a model says many things or one again and again: distinct n-grams over all texts, repetition within each.

Neither is good or bad by itself: a figure belongs beside that of texts which people wrote. Both are over words and
marks as :func:`~lamina.features.tokens.split` finds them, in the case that they have.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import polars as pl

from lamina.codecs.ragged import Ragged
from lamina.errors import DataError
from lamina.evaluation.text.base import References, Score, blocks, column, ratio
from lamina.evaluation.text.grams import by_row, named, words
from lamina.features.tokens import split

__all__ = ["ORDER", "REPETITION", "distinct", "figure", "statistics"]

ORDER = 4  # of the n-grams that are looked at for repetition
NORMAL = 1.959963984540054  # standard errors on either side of 95%


def distinct(said: Iterable[str], order: int = 2) -> dict[str, Any]:
    """Distinct n-grams as a share of all n-grams of all texts (Li et al. 2016), with a 95% interval.

    It falls as more is said: compare the same amounts of text. A bootstrap would draw rows twice, which say nothing
    new, and find too little; so the interval is the jackknife's, from leaving out each row once (Efron & Stein 1981).

    Args:
        said: (n,) texts.
        order: n of the n-grams.

    Returns:
        ``value``, ``low`` and ``high``; None where no text is long enough, or one row must speak for all.

    Raises:
        DataError: if there is no text, one is missing, or the order is below 1.

    Example:
        >>> distinct(["a cat sat", "a cat ran"], order=2)["value"]
        0.75
    """
    ids = _words(_looked_at(said, order))
    for found in named(ids, np.zeros(len(ids), np.int64), order):
        starts, names, size = found
    rows, total = len(ids), len(names)
    if not total:
        return {"value": None, "low": None, "high": None}
    value = size / total
    if rows < 2:
        return {"value": value, "low": None, "high": None}
    row = np.repeat(np.arange(rows), ids.lengths)[starts]
    pair = np.unique(row * size + names)  # a gram and a row that has it
    alone = np.bincount(pair % size, minlength=size) == 1
    own = np.bincount(pair // size, weights=alone[pair % size], minlength=rows)
    left = ratio(size - own, total - np.bincount(row, minlength=rows))
    left = np.where(np.isnan(left), value, left)  # all that was said is in one row
    error = NORMAL * float(np.sqrt((rows - 1) / rows * ((left - left.mean()) ** 2).sum()))
    return {"value": value, "low": max(0.0, value - error), "high": min(1.0, value + error)}


def statistics(said: Iterable[str], *, order: int = ORDER) -> np.ndarray:
    """Whether a text is long enough, and which share of its n-grams came in it before (Welleck et al. 2020): (n, 2).

    Args:
        said: (n,) texts.
        order: n of the n-grams.

    Raises:
        DataError: if there is no text, one is missing, or the order is below 1.

    Example:
        >>> statistics(["so so so so", "so"], order=2).round(2).tolist()
        [[1.0, 0.67], [0.0, 0.0]]
    """
    said = _looked_at(said, order)
    return np.concatenate([_count(said[block], order) for block in blocks([len(text) for text in said])])


def _count(said: list[str], order: int) -> np.ndarray:
    ids = _words(said)
    for found in named(ids, np.arange(len(ids)), order):
        starts, names, size = found
    rows = np.empty(size, np.int64)
    rows[names] = np.repeat(np.arange(len(ids)), ids.lengths)[starts]
    total = by_row(rows, np.bincount(names, minlength=size), len(ids))
    different = by_row(rows, np.ones(size), len(ids))
    return np.column_stack([total > 0, np.where(total > 0, 1 - different / np.maximum(total, 1), 0.0)])


def _looked_at(said: Iterable[str], order: int) -> list[str]:
    said = column(said, "said")
    if not said:
        raise DataError("no rows to judge on", got="0 texts", do="give what was written")
    if order < 1:
        raise DataError("n-grams have a length", got=f"order={order}", allowed="1 or more")
    return said


def _words(said: list[str]) -> Ragged:
    """Words and marks of texts as ids."""
    parts, counts = split(pl.Series(said, dtype=pl.String))
    return Ragged(words([parts.to_list()]).values, np.cumsum(counts))


def figure(sums: np.ndarray) -> np.ndarray:
    """The repetition rate: the mean share over texts that are long enough, 0 to 1: (..., 2) -> (...)."""
    return ratio(sums[..., 1], sums[..., 0])


def _without_references(references: References, said: Iterable[str]) -> np.ndarray:
    return statistics(said)


REPETITION = Score("repetition", "Repetition", None, _without_references, figure, "case:mixed|tok:words and marks|n:4")
