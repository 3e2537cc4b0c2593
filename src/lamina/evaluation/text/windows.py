"""What stands beside a network that points at answers: the first sentence, and the words that are most like the
question."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from lamina.data.rows import Rows
from lamina.evaluation.answer import Baseline
from lamina.evaluation.baselines import chosen
from lamina.evaluation.company import Company
from lamina.evaluation.text.answers import statistics
from lamina.features.answer import Answer
from lamina.features.layout import Layout
from lamina.features.tokens import spelled_out
from lamina.names import Names

__all__ = ["COMPANY", "POINT_BASELINES", "Asked", "Rarity", "asked_of", "constant", "window"]

POINT_BASELINES = Names(
    "baseline of an answer in a text",
    {
        "constant": "lamina.evaluation.text.windows:constant",
        "window": "lamina.evaluation.text.windows:window",
    },
    group="lamina.point_baselines",
)

TUNED = 1000  # training rows that a baseline is tuned on
LENGTHS = (0, 1, 2, 3, 5, 8, 12, 16, 20, 25, 30)  # words of a window; 0: a sentence
SILENT = 10  # limits below which nothing is answered that are tried, at even shares of the training rows
WORD = re.compile(r"\w+|[^\w\s]")


class Asked(NamedTuple):
    """A passage and what is asked of it, as the network reads them."""

    passage: str
    question: str


def asked_of(layout: Layout, rows: Rows) -> list[Asked]:
    """The passages of some rows, and their other texts as one question."""
    texts = {
        name: [text.strip() for text in spelled_out(rows.ragged(name), slot.spelling)]
        for name, slot in layout.wide_by_name.items() if slot.group == "tokens"
    }  # fmt: skip
    passages = texts.pop(layout.holding_target[0])
    questions = [" ".join(row) for row in zip(*texts.values(), strict=True)] if texts else [""] * len(passages)
    return [Asked(*pair) for pair in zip(passages, questions, strict=True)]


def constant(taught: Sequence[Asked], truths: np.ndarray, judged: Sequence[Asked]) -> list[str]:
    """Nothing, or the first sentence, by which is better on the training rows."""
    first = [_first_sentence(one.passage) for one in taught]
    is_better = _f1(truths, first) > _f1(truths, [""] * len(first))
    return [_first_sentence(one.passage) if is_better else "" for one in judged]


def window(taught: Sequence[Asked], truths: np.ndarray, judged: Sequence[Asked]) -> list[str]:
    """The words next to each other, or the sentence, that are most like the question: by the cosine over TF-IDF, its
    length and the cosine below which nothing is answered being those that are best on the training rows."""
    rarity = Rarity(taught)
    best, found = -1.0, (LENGTHS[0], -1.0)
    for length in LENGTHS:
        likest = [rarity.likest(one, length) for one in taught]
        cosines = np.array([cosine for cosine, _ in likest])
        for limit in (-1.0, *np.quantile(cosines, np.arange(1, SILENT) / SILENT)) if _any_silent(truths) else (-1.0,):
            said = [text if cosine >= limit else "" for cosine, text in likest]
            if (f1 := _f1(truths, said)) > best:
                best, found = f1, (length, float(limit))
    length, limit = found
    return [text if cosine >= limit else "" for cosine, text in (rarity.likest(one, length) for one in judged)]


class Rarity:
    """Inverse document frequency of words in the passages of training rows (Sparck Jones 1972), smoothed.

    Example:
        >>> rows = [Asked("The king lives in Oslo. He is old.", "Where does he live?")]
        >>> Rarity(rows).likest(rows[0], 0)[1]
        'He is old.'
    """

    def __init__(self, taught: Sequence[Asked]) -> None:
        passages = {one.passage for one in taught}
        self.passages = len(passages)
        self.counts = Counter(
            word for passage in passages for word in {found.lower() for found in WORD.findall(passage)}
        )

    def __call__(self, word: str) -> float:
        """How rare a word is, in nats and one."""
        return float(np.log((1 + self.passages) / (1 + self.counts[word])) + 1)

    def likest(self, asked: Asked, length: int) -> tuple[float, str]:
        """The window of so many words, or the sentence where that is 0, that is most like the question, and its cosine.

        A word counts in the question once, in the window as often as it stands there.
        """
        places = [(found.group().lower(), found.start(), found.end()) for found in WORD.finditer(asked.passage)]
        if not places:
            return 0.0, ""
        words = [word for word, _, _ in places]
        question = {word.lower() for word in WORD.findall(asked.question) if word[0].isalnum()}
        weights = np.array([self(word) ** 2 for word in words])
        shared = np.array([word in question for word in words]) * weights
        edges = _edges(words, length)
        sums, squares = (np.concatenate([[0.0], np.cumsum(values)]) for values in (shared, weights))
        of_question = np.sqrt(sum(self(word) ** 2 for word in question)) or 1.0
        cosines = (sums[edges[1]] - sums[edges[0]]) / np.sqrt(squares[edges[1]] - squares[edges[0]]) / of_question
        best = int(np.argmax(cosines))
        return float(cosines[best]), asked.passage[places[edges[0][best]][1] : places[edges[1][best] - 1][2]]


def _edges(words: Sequence[str], length: int) -> tuple[np.ndarray, np.ndarray]:
    """Where windows start and end."""
    if length:
        starts = np.arange(max(1, len(words) - length + 1))
        return starts, np.minimum(starts + length, len(words))
    ends = np.array([place + 1 for place, word in enumerate(words) if word in ".!?"] + [len(words)])
    ends = np.unique(ends)
    return np.concatenate([[0], ends[:-1]]), ends


def _first_sentence(passage: str) -> str:
    return re.split(r"(?<=[.!?])\s", passage, maxsplit=1)[0]


def _f1(truths: np.ndarray, said: Sequence[str]) -> float:
    return float(statistics(truths, said)[:, 2].mean())


def _any_silent(truths: np.ndarray) -> bool:
    return any(not one for one in truths)


def _answer(
    task: Any, layout: Layout, taught: Rows, judged: Rows, *, which: str | Sequence[str], seed: int
) -> dict[str, Baseline]:
    taught = taught.thinned(TUNED)
    truths, sides = task.truth(taught.target(0)), (asked_of(layout, taught), asked_of(layout, judged))
    found = {}
    for name in chosen(which, POINT_BASELINES):
        started = time.monotonic()
        said = POINT_BASELINES[name](sides[0], truths, sides[1])
        found[name] = Baseline(Answer(text=np.array(said, object)), time.monotonic() - started)
    return found


COMPANY = Company(POINT_BASELINES, _answer)
