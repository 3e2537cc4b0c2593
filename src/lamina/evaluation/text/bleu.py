r"""BLEU: how many runs of one to four words the references have too (Papineni et al. 2002), as sacrebleu has it.

    BLEU = 100 · min(1, e^(1 - r/c)) · (p1 · p2 · p3 · p4)^(1/4)

c words were said, r is the length of the reference nearest to it, and p_n is the share of the n-grams said that a
reference has, each counted as often as one reference has it at most. Words are those of mteval-v13a; the k-th order
without any match counts as half a match, a quarter ... ("exp" smoothing). (Post 2018, a call for clarity: hence the
signature.)
"""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Iterable, Sequence

import numpy as np

from lamina.evaluation.text.base import References, Score, in_blocks
from lamina.evaluation.text.grams import by_row, documents, tables, words

__all__ = ["BLEU", "BLEU_LOWER", "ORDER", "figure", "statistics", "tokenized"]

ORDER = 4

_MARKS = re.compile(r"([{-~\[-` -&(-+:-@/])")
_AFTER_NO_DIGIT = re.compile(r"([^0-9])([.,])")
_BEFORE_NO_DIGIT = re.compile(r"([.,])([^0-9])")
_DASH_AFTER_DIGIT = re.compile(r"([0-9])(-)")
_ENTITIES = {"&quot;": '"', "&amp;": "&", "&lt;": "<", "&gt;": ">"}


def tokenized(texts: Sequence[str], *, lower: bool = False) -> list[list[str]]:
    """Words and marks of texts by the rules of mteval-v13a.

    Example:
        >>> tokenized(["It's 3.5 (or so), he said."])
        [["It's", '3.5', '(', 'or', 'so', ')', ',', 'he', 'said', '.']]
    """
    lines = (text.lower() if lower else text for text in texts)
    plain = [line.rstrip().replace("<skipped>", "").replace("-\n", "").replace("\n", " ") for line in lines]
    # All texts at once: each stands between blanks, so that no rule reaches over the line's end.
    joined = "\n".join(f" {line} " for line in plain)
    for entity, mark in _ENTITIES.items():
        joined = joined.replace(entity, mark)
    joined = _MARKS.sub(r" \1 ", joined)
    joined = _AFTER_NO_DIGIT.sub(r"\1 \2 ", joined)
    joined = _BEFORE_NO_DIGIT.sub(r" \1 \2", joined)
    joined = _DASH_AFTER_DIGIT.sub(r"\1 \2 ", joined)
    return [line.split() for line in joined.split("\n")] if texts else []


def statistics(references: References, said: Iterable[str], *, lower: bool = False) -> np.ndarray:
    """What BLEU is made of: (n, 10), the words said, the words of the nearest reference, matches and grams by order.

    Args:
        references: (n,) texts, or lists of texts.
        said: (n,) texts.
        lower: read all in lower case.

    Raises:
        DataError: as :func:`~lamina.evaluation.text.base.pairs`.

    Example:
        >>> statistics(["the cat sat"], ["the cat"]).tolist()
        [[2.0, 3.0, 2.0, 1.0, 0.0, 0.0, 2.0, 1.0, 0.0, 0.0]]
    """
    return in_blocks(functools.partial(_count, lower=lower), references, said)


def _count(references: list[list[str]], said: list[str], *, lower: bool) -> np.ndarray:
    texts = documents(words(tokenized([*said, *itertools.chain.from_iterable(references)], lower=lower)), references)
    rows, lengths = len(said), texts.ids.lengths
    matches, grams = np.zeros((rows, ORDER)), np.zeros((rows, ORDER))
    for place, (row, counts) in enumerate(tables(texts, ORDER)):
        matches[:, place] = by_row(row, np.minimum(counts[0], counts[1:].max(axis=0)), rows)
        grams[:, place] = by_row(row, counts[0], rows)
    return np.column_stack([lengths[:rows], _nearest(lengths, texts.rows, rows), matches, grams])


def _nearest(lengths: np.ndarray, row: np.ndarray, rows: int) -> np.ndarray:
    """The length of the reference that is nearest to what was said, (rows,); of two as near, the shorter."""
    said, references, row = lengths[:rows], lengths[rows:], row[rows:]
    order = np.lexsort([references, np.abs(references - said[row]), row])
    first = np.append(True, row[order][1:] != row[order][:-1])
    return references[order][first]


def figure(sums: np.ndarray, *, effective: bool = False) -> np.ndarray:
    """BLEU, 0 to 100.

    Args:
        sums: (..., 10), :func:`statistics` added up; as they are they give each row's BLEU.
        effective: leave out orders that the texts are too short for, as for a single row; else they make BLEU 0.

    Returns:
        (...)
    """
    sums = np.asarray(sums, np.float64)
    said, reference = sums[..., 0], sums[..., 1]
    matches, grams = sums[..., 2 : 2 + ORDER], sums[..., 2 + ORDER :]
    none, there = matches == 0, grams > 0
    smoothed = np.where(none, 0.5 ** np.cumsum(none, axis=-1), matches)
    logarithms = np.where(there, np.log(smoothed / np.where(there, grams, 1)), 0.0)
    orders = np.maximum(there.sum(axis=-1), 1) if effective else ORDER
    brevity = np.minimum(0.0, 1 - reference / np.where(said > 0, said, 1))
    found = 100 * np.exp(brevity + logarithms.sum(axis=-1) / orders)
    return np.where(none.all(axis=-1) | (not effective and ~there.all(axis=-1)), 0.0, found)


BLEU = Score("bleu", "BLEU", True, statistics, figure, "case:mixed|eff:no|tok:13a|smooth:exp")
BLEU_LOWER = Score(
    "bleu_lower",
    "BLEU (lower case)",
    True,
    functools.partial(statistics, lower=True),
    figure,
    "case:lc|eff:no|tok:13a|smooth:exp",
)
