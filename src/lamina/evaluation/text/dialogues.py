"""What stands beside a network that has learned dialogues."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from lamina.codecs.ragged import Ragged
from lamina.data.rows import Rows
from lamina.evaluation.answer import Baseline
from lamina.evaluation.baselines import chosen
from lamina.evaluation.company import Company
from lamina.evaluation.text.perplexity import statistics
from lamina.features.answer import Answer
from lamina.features.layout import Layout
from lamina.names import Names

__all__ = ["COMPANY", "DIALOGUE_BASELINES", "unigram"]

DIALOGUE_BASELINES = Names(
    "baseline of dialogues",
    {"unigram": "lamina.evaluation.text.dialogues:unigram"},
    group="lamina.dialogue_baselines",
)


def unigram(taught: Ragged, judged: Ragged, size: int) -> np.ndarray:
    """Nats of what the assistant says in each judged dialogue, (n,), where each token is as likely as it was among all
    that the assistant has said in the training dialogues, and one time more.

    Args:
        taught, judged: encoded dialogues (see :class:`lamina.features.dialogue.Dialogue`).
        size: how many tokens there are.

    Example:
        >>> rows = Ragged.of([np.array([-4, 2, 2, 3])])
        >>> float(np.exp(-unigram(rows, rows, 3))[0].round(6)) == round(3 / 6 * 3 / 6 * 2 / 6, 6)
        True
    """
    counts = np.bincount(taught.values[taught.values > 0] - 1, minlength=size) + 1.0
    logs = np.concatenate([[0.0], np.log(counts / counts.sum())])
    return -_summed(logs[np.maximum(judged.values, 0)], judged)


def _summed(values: np.ndarray, rows: Ragged) -> np.ndarray:
    """Sums of a value for each item over each row."""
    return np.diff(np.concatenate([[0.0], np.cumsum(values)])[rows.ends], prepend=0.0)


def _answer(
    task: Any, layout: Layout, taught: Rows, judged: Rows, *, which: str | Sequence[str], seed: int
) -> dict[str, Baseline]:
    found = {}
    turns: Ragged = judged.target(0)
    for name in chosen(which, DIALOGUE_BASELINES):
        started = time.monotonic()
        nats = DIALOGUE_BASELINES[name](taught.target(0), turns, task.width)
        tokens = _summed((turns.values > 0).astype(float), turns)
        sums = statistics(nats, tokens, task.bytes_of(turns.padded()[0]))
        found[name] = Baseline(Answer(sums=sums), time.monotonic() - started)
    return found


COMPANY = Company(DIALOGUE_BASELINES, _answer)
