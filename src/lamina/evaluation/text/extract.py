"""Summaries without learning: a sentence of the text itself."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from lamina.data.rows import Rows
from lamina.evaluation.answer import Baseline
from lamina.evaluation.baselines import chosen
from lamina.evaluation.company import Company
from lamina.features.answer import Answer
from lamina.features.layout import Layout
from lamina.features.sentence import WHOLE
from lamina.features.sentences import sentences
from lamina.features.tokens import spelled_out
from lamina.names import Names

__all__ = ["COMPANY", "EXTRACT_BASELINES", "central", "lead"]

EXTRACT_BASELINES = Names(
    "baseline of a sentence",
    {"lead": "lamina.evaluation.text.extract:lead", "textrank": "lamina.evaluation.text.extract:central"},
    group="lamina.extract_baselines",
)

_WORD = re.compile(r"\w+")

DAMPING, ROUNDS, ENOUGH = 0.85, 100, 1e-6


def lead(text: str) -> str:
    """The first sentence, which in news and abstracts is hard to beat."""
    return next(iter(sentences(text)), "")


def central(text: str) -> str:
    """The sentence that most others are like: TextRank (Mihalcea and Tarau 2004).

    Two sentences are as alike as they have words in common, over the logarithms of their lengths; a sentence ranks high
    that many others of a high rank are like (PageRank, damping 0.85). Of equals, the first.

    Example:
        >>> central("Nobody came. The red cat saw the dog. The dog saw the cat. The cat slept.")
        'The dog saw the cat.'
    """
    found = sentences(text)
    if len(found) < 3:  # of two, each is as like the other
        return found[0] if found else ""
    words = [set(_WORD.findall(one.lower())) for one in found]
    alike = np.zeros((len(found), len(found)))
    for row, own in enumerate(words):
        for column, other in enumerate(words):
            if row != column and len(own) > 1 and len(other) > 1:
                alike[row, column] = len(own & other) / (math.log(len(own)) + math.log(len(other)))
    total = alike.sum(axis=0)
    links = alike / np.where(total > 0, total, 1)
    rank = np.full(len(found), 1 / len(found))
    for _ in range(ROUNDS):
        before, rank = rank, (1 - DAMPING) / len(found) + DAMPING * (links @ rank)
        if np.abs(rank - before).max() < ENOUGH:
            break
    return found[int(rank.argmax())]


def _answer(
    task: Any, layout: Layout, taught: Rows, judged: Rows, *, which: str | Sequence[str], seed: int
) -> dict[str, Baseline]:
    texts = _texts(layout, judged)
    target = judged.target(0)
    rows = (target[row : row + 1].values for row in range(len(target)))
    best = np.mean([row[1 : 1 + row[0]].max() for row in rows]) / WHOLE
    note = f"the best sentence of each text would reach {best:.3f} in ROUGE-1"
    found = {}
    for name in chosen(which, EXTRACT_BASELINES):
        started = time.monotonic()
        said = np.array([EXTRACT_BASELINES[name](text) for text in texts], object)
        found[name] = Baseline(Answer(text=said), time.monotonic() - started, note)
        note = ""
    return found


def _texts(layout: Layout, rows: Rows) -> list[str]:
    """The texts that sentences are taken of, as their tokens spell them."""
    name, slot = layout.holding_target
    return spelled_out(rows.ragged(name), slot.spelling)


COMPANY = Company(EXTRACT_BASELINES, _answer)
