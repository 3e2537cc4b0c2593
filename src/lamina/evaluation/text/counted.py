"""What stands beside a network that continues texts: how often tokens came after others, counted in the training rows.

Interpolated n-grams, smoothed by Witten and Bell's method (1991): with c counting, t(h) the number of different tokens
that came after h, and h' as h without its first token,

    P(w | h) = (c(h w) + t(h) P(w | h')) / (c(h) + t(h)),     P(w | h) = P(w | h') where h never came.

At the end of that chain each token, and the end of a text, is as likely as any other. All texts are judged at once:
grams are hashes of 64 bits, which are sorted and looked up, so that nothing goes token by token.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from lamina.codecs.ragged import Ragged
from lamina.data.rows import Rows
from lamina.data.windows import few
from lamina.evaluation.answer import Baseline
from lamina.evaluation.baselines import chosen
from lamina.evaluation.company import Company
from lamina.evaluation.text.perplexity import statistics
from lamina.features.answer import Answer
from lamina.features.layout import Layout
from lamina.features.tokens import FIRST, START
from lamina.names import Names

__all__ = ["COMPANY", "LANGUAGE_BASELINES", "beside", "counted", "ngram", "unigram"]

TAUGHT = 4_000_000  # tokens that are counted; of more, every second text, third ...
LETTERS = 512  # up to so many tokens are letters or little more, and longer grams of them tell something
ORDERS = {True: 5, False: 3}  # of grams: of letters, as held-back parts of tiny_shakespeare chose; of longer pieces

LANGUAGE_BASELINES = Names(
    "baseline of a text that is continued",
    {
        "unigram": "lamina.evaluation.text.counted:unigram",
        "ngram": "lamina.evaluation.text.counted:ngram",
    },
    group="lamina.language_baselines",
)


def beside(
    task: Any, layout: Layout, taught: Rows, judged: Rows, *, which: str | Sequence[str], seed: int
) -> dict[str, Baseline]:
    """How surprised counts are by the judged texts: see :class:`lamina.evaluation.company.Answering`."""
    learned, texts = few(taught, TAUGHT).target(0), judged.target(0)
    found = {}
    for name in chosen(which, LANGUAGE_BASELINES):
        began = time.monotonic()
        nats = LANGUAGE_BASELINES[name](learned, texts, task.width)
        answer = Answer(sums=statistics(nats, texts.lengths + 1, task.bytes_of(texts)))
        found[name] = Baseline(answer, time.monotonic() - began)
    return found


COMPANY = Company(LANGUAGE_BASELINES, beside)


def unigram(taught: Ragged, judged: Ragged, size: int) -> np.ndarray:
    """Nats of each text where every token comes by its frequency, (n,)."""
    return counted(taught, judged, size, order=1)


def ngram(taught: Ragged, judged: Ragged, size: int) -> np.ndarray:
    """Nats of each text where a token comes by those before it, (n,): 4 characters, or 2 pieces."""
    return counted(taught, judged, size, order=ORDERS[size <= LETTERS])


def counted(taught: Ragged, judged: Ragged, size: int, order: int) -> np.ndarray:
    """Minus the log-probability of each text, its end among it, (n,).

    Args:
        taught: texts that are counted, ids.
        judged: n texts.
        size: ids that there are; those below the first token never come, but START, which ends a text.
        order: tokens of the longest gram, the last of which is the one that is judged.

    Example:
        >>> texts = Ragged.of([np.array([4, 5, 4]), np.array([4, 5])])
        >>> counted(texts, Ragged.of([np.array([4])]), size=6, order=1).round(4).tolist()  # 4/10 and 3/10
        [2.1203]
    """
    codes = np.random.default_rng(0).integers(2**63, size=size, dtype=np.uint64) | np.uint64(1)
    learn, judge = (_Grams(texts, codes) for texts in (taught, judged))
    chance = np.full(len(judge.wanted), 1 / (1 + size - FIRST))
    for length in range(1, order + 1):
        context, gram = learn.grams(length)
        sought, sought_gram = judge.grams(length)
        grams, where, counts = np.unique(gram, return_index=True, return_counts=True)
        contexts, different = np.unique(context[where], return_counts=True)
        came = np.bincount(np.searchsorted(contexts, context), minlength=len(contexts))
        alike = _at(grams, counts, sought_gram)
        total, kinds = _at(contexts, came, sought), _at(contexts, different, sought)
        deep = judge.depth >= length - 1  # at a text's beginning less stands before a token
        known = deep & (total > 0)
        chance[known] = ((alike + kinds * chance) / np.maximum(1, total + kinds))[known]
    nats = -np.log(chance)
    ends = np.cumsum(judged.lengths + 1)
    return np.diff(np.concatenate([[0.0], np.cumsum(nats)])[ends], prepend=0.0)


class _Grams:
    """Texts as tokens that are wanted, each after those before it.

    Attributes:
        wanted: places of all tokens, and of each text's end, in the marked stream.
        depth: tokens before each of them in its text, START among them.
    """

    def __init__(self, texts: Ragged, codes: np.ndarray) -> None:
        lengths = texts.lengths
        marked = np.full(len(texts.values) + len(texts) + 1, START, np.int64)  # START, a text, START, a text, START
        marked[np.arange(len(texts.values)) + np.repeat(np.arange(1, len(texts) + 1), lengths)] = texts.values
        begins = np.cumsum(lengths + 1) - lengths - 1
        self.wanted = np.arange(1, len(marked))
        self.depth = self.wanted - np.repeat(begins, lengths + 1)
        self._codes = codes[marked]

    def grams(self, length: int) -> tuple[np.ndarray, np.ndarray]:
        """Hashes of what stands before each wanted token, and of that with it; those too deep for the text's beginning
        are of what is there."""
        with np.errstate(over="ignore"):
            context = np.zeros(len(self.wanted), np.uint64)
            for back in range(1, length):
                there = self.depth >= back
                codes = self._codes[self.wanted - np.where(there, back, 0)]
                context += np.where(there, codes * np.uint64(_BASE) ** np.uint64(back), np.uint64(0))
            return context, context + self._codes[self.wanted] * np.uint64(_OWN)


_BASE, _OWN = 0x9E3779B97F4A7C15, 0xD6E8FEB86659FD93  # odd, so that no bits are lost


def _at(keys: np.ndarray, values: np.ndarray, sought: np.ndarray) -> np.ndarray:
    """The values of sorted keys, 0 of those that are not there."""
    place = np.minimum(np.searchsorted(keys, sought), len(keys) - 1)
    return np.where(keys[place] == sought, values[place], 0)
