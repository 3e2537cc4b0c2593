"""Answers to questions: exact match and F1 over words, by the rules of SQuAD (Rajpurkar et al. 2016, 2018).

An answer is compared in lower case, without marks and without a, an and the. Of several references the best counts. A
question without an answer has no reference, or only empty ones; the right thing to say is then nothing at all. Where
every question has an answer, these are the scores of SQuAD 1.1 as well.
"""

from __future__ import annotations

import collections
import functools
import re
import string
from collections.abc import Iterable

import numpy as np

from lamina.evaluation.text.base import Figure, References, Score, pairs, ratio

__all__ = [
    "EXACT_MATCH",
    "HAS_ANSWER_F1",
    "IDENTICAL",
    "NO_ANSWER",
    "TOKEN_F1",
    "figure",
    "plain",
    "statistics",
]

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_NO_MARKS = str.maketrans("", "", string.punctuation)


def plain(answer: str) -> str:
    """An answer as it is compared.

    Example:
        >>> plain("The  quick, brown fox!")
        'quick brown fox'
    """
    return " ".join(_ARTICLES.sub(" ", answer.lower().translate(_NO_MARKS)).split())


def statistics(references: References, said: Iterable[str]) -> np.ndarray:
    """Of each row: (n, 6) of 1, exact match, F1, whether there is an answer, F1 if so, and whether it is identical.

    Args:
        references: (n,) texts, or lists of texts; an empty list or empty texts where there is no answer.
        said: (n,) texts; empty for "no answer".

    Raises:
        DataError: as :func:`~lamina.evaluation.text.base.pairs`, but that a row may have no reference.

    Example:
        >>> statistics([["the red fox", "a fox"], []], ["red fox!", ""]).tolist()
        [[1.0, 1.0, 1.0, 1.0, 1.0, 0.0], [1.0, 1.0, 1.0, 0.0, 0.0, 1.0]]
    """
    references, said = pairs(references, said, may_lack=True)
    return np.array([_row(given, answer) for given, answer in zip(references, said, strict=True)], dtype=np.float64)


def _row(references: list[str], said: str) -> tuple[float, ...]:
    answers, own = [found for text in references if (found := plain(text))], plain(said)
    exact, f1 = own in (answers or [""]), max(_f1(answer, own) for answer in answers or [""])
    identical = said.strip() in ([text.strip() for text in references] or [""])
    return 1.0, exact, f1, bool(answers), f1 if answers else 0.0, identical


def _f1(reference: str, said: str) -> float:
    """The harmonic mean of precision and recall of words; without words on one side, whether both have none."""
    truth, own = reference.split(), said.split()
    if not truth or not own:
        return float(truth == own)
    common = (collections.Counter(truth) & collections.Counter(own)).total()
    return 2 * common / (len(truth) + len(own))


def figure(sums: np.ndarray, place: int) -> np.ndarray:
    """The share of rows at a place of :func:`statistics`, 0 to 1: (..., 6) -> (...)."""
    return ratio(sums[..., place], sums[..., 0])


def _of_answered(sums: np.ndarray) -> np.ndarray:
    return ratio(sums[..., 4], sums[..., 3])


def _of_unanswered(sums: np.ndarray) -> np.ndarray:
    return ratio(sums[..., 2] - sums[..., 4], sums[..., 0] - sums[..., 3])


def _score(name: str, label: str, formula: Figure, rule: str = "case:lc|punct:no|articles:no") -> Score:
    return Score(name, label, True, statistics, formula, rule)


TOKEN_F1 = _score("token_f1", "F1 of words", functools.partial(figure, place=2))
EXACT_MATCH = _score("exact_match", "Exact match", functools.partial(figure, place=1))
HAS_ANSWER_F1 = _score("has_answer_f1", "F1 where there is an answer", _of_answered)
NO_ANSWER = _score("no_answer", "Right to say nothing, where there is no answer", _of_unanswered)
IDENTICAL = _score("identical", "Identical", functools.partial(figure, place=5), "case:mixed|strip:yes")
