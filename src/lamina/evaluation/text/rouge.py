"""ROUGE: how much of a summary's words a person's summary has too (Lin 2004), by the rules of rouge_score.

ROUGE-1 and ROUGE-2 count words and pairs of words in common, ROUGE-L the longest sequence of words in the same order,
with others between them. ROUGE-Lsum, the summary-level one, does so sentence by sentence, a sentence a line: the union
of what each sentence of the reference has in common with all that were said. Texts of one line have the same ROUGE-L
and ROUGE-Lsum.

Words are runs of a to z and 0 to 9 in lower case, not stemmed: of other alphabets nothing is seen, and ``größe`` is two
words. A row's score is F1, of several references that of the best; the score is the mean over rows.
"""

from __future__ import annotations

import collections
import functools
import itertools
import re
from collections.abc import Iterable, Sequence
from typing import Literal

import numpy as np

from lamina.evaluation.text.base import References, Score, in_blocks, ratio
from lamina.evaluation.text.grams import by_row, documents, tables, words

__all__ = ["KINDS", "ROUGE_1", "ROUGE_2", "ROUGE_L", "ROUGE_LSUM", "figure", "statistics", "tokenized"]

KINDS = ("1", "2", "L", "Lsum")

_WORD = re.compile(r"[a-z0-9]+")


def tokenized(text: str) -> list[str]:
    """The words of a text.

    Example:
        >>> tokenized("It's the 3rd of May.")
        ['it', 's', 'the', '3rd', 'of', 'may']
    """
    return _WORD.findall(text.lower())


def statistics(references: References, said: Iterable[str]) -> np.ndarray:
    """One, then precision, recall and F1 of ROUGE-1, -2, -L and -Lsum: (n, 13).

    Args:
        references: (n,) texts, or lists of texts.
        said: (n,) texts.

    Raises:
        DataError: as :func:`~lamina.evaluation.text.base.pairs`.

    Example:
        >>> statistics(["the cat sat"], ["a cat sat"]).round(2).tolist()[0][1:7]
        [0.67, 0.67, 0.67, 0.5, 0.5, 0.5]
    """
    return in_blocks(_count, references, said)


def _count(references: list[list[str]], said: list[str]) -> np.ndarray:
    texts = [tokenized(text) for text in itertools.chain(said, *references)]
    several = np.array([len(given) for given in references])
    parts = []
    for rows, counts in tables(documents(words(texts), references), 2):
        common = by_row(rows, np.minimum(counts[0], counts[1:]), len(said))
        parts.append(_best(common, by_row(rows, counts, len(said)), several))
    lengths = np.zeros((1 + several.max(), len(said)))
    lengths[0] = [len(text) for text in texts[: len(said)]]
    common = np.zeros((2, several.max(), len(said)))
    theirs = iter(texts[len(said) :])
    for row, given in enumerate(references):
        for slot, reference in enumerate(given):
            tokens = next(theirs)
            lengths[1 + slot, row] = len(tokens)
            common[0, slot, row] = found = _in_order(tokens, texts[row])
            lined = "\n" in reference or "\n" in said[row]
            common[1, slot, row] = _in_order_by_line(_lines(reference), _lines(said[row])) if lined else found
    parts += [_best(one, lengths, several) for one in common]
    return np.column_stack([np.ones(len(said)), *parts])


def _best(common: np.ndarray, totals: np.ndarray, several: np.ndarray) -> np.ndarray:
    """Precision, recall and F1 against the reference with the best F1: (rows, 3).

    Args:
        common: (references, rows), what a text and a reference have in common.
        totals: (1 + references, rows), what the text has, then the references.
        several: (rows,), how many references each row has.
    """
    precision, recall = common / np.maximum(totals[0], 1), common / np.maximum(totals[1:], 1)
    both = precision + recall
    f1 = 2 * precision * recall / np.where(both > 0, both, 1)
    best = np.where(np.arange(len(f1))[:, None] < several, f1, -1.0).argmax(axis=0)
    return np.stack([part[best, np.arange(len(several))] for part in (precision, recall, f1)], axis=1)


def _lines(text: str) -> list[list[str]]:
    return [tokenized(line) for line in text.split("\n") if line]


def _columns(reference: Sequence[str], said: Sequence[str]) -> list[int]:
    """The table of longest common sequences, a number for each word said, after Hyyrö (2004).

    Bit i of it is 0 where the sequence grows with word i of the reference, so that the length up to there is the
    number of zeros up to there.
    """
    places: dict[str, int] = collections.defaultdict(int)
    for number, word in enumerate(reference):
        places[word] |= 1 << number
    full = column = (1 << len(reference)) - 1
    columns = [column]
    for word in said:
        grown = column & places.get(word, 0)
        column = ((column + grown) | (column - grown)) & full
        columns.append(column)
    return columns


def _in_order(reference: Sequence[str], said: Sequence[str]) -> int:
    """How long the longest sequence of words is that both have in the same order."""
    return len(reference) - _columns(reference, said)[-1].bit_count()


def _in_order_by_line(reference: list[list[str]], said: list[list[str]]) -> int:
    """Words of the reference's lines that stand in the same order in a line said; a word said counts once."""
    left_here, left_said = (collections.Counter(itertools.chain.from_iterable(lines)) for lines in (reference, said))
    found = 0
    for line in reference:
        for place in sorted(set().union(*(_places(line, other) for other in said))):
            word = line[place]
            if left_here[word] > 0 and left_said[word] > 0:
                found += 1
                left_here[word] -= 1
                left_said[word] -= 1
    return found


def _places(reference: Sequence[str], said: Sequence[str]) -> set[int]:
    """The places in the reference of one longest common sequence: of several, the one that rouge_score takes."""
    columns = _columns(reference, said)
    row, column, found = len(reference), len(said), set()
    while row and column:
        if reference[row - 1] == said[column - 1]:
            row, column = row - 1, column - 1
            found.add(row)
        elif _length(columns[column - 1], row) > _length(columns[column], row - 1):
            column -= 1
        else:
            row -= 1
    return found


def _length(column: int, row: int) -> int:
    return row - (column & ((1 << row) - 1)).bit_count()


def figure(sums: np.ndarray, kind: str, part: Literal["precision", "recall", "f1"] = "f1") -> np.ndarray:
    """The mean over rows, 0 to 1: (..., 13) -> (...).

    Args:
        sums: :func:`statistics` added up.
        kind: one of :data:`KINDS`.
        part: what of it.
    """
    return ratio(sums[..., 1 + 3 * KINDS.index(kind) + ("precision", "recall", "f1").index(part)], sums[..., 0])


_RULE = "case:lc|tok:a-z0-9|stem:no|of:f1"
ROUGE_1, ROUGE_2, ROUGE_L, ROUGE_LSUM = (
    Score(f"rouge_{kind.lower()}", f"ROUGE-{kind}", True, statistics, functools.partial(figure, kind=kind), _RULE)
    for kind in KINDS
)
