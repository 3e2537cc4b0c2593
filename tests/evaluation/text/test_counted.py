"""Counted n-grams, against counting by hand."""

from __future__ import annotations

import math
from collections import Counter, defaultdict

import numpy as np
import pytest

from lamina.codecs.ragged import Ragged
from lamina.decoding.ngram import NGrams
from lamina.evaluation.text.counted import counted, ngram, unigram
from lamina.features.tokens import FIRST, START


def some_texts(count: int, seed: int, kinds: int = 4) -> Ragged:
    draw = np.random.default_rng(seed)
    return Ragged.of([draw.integers(FIRST, FIRST + kinds, draw.integers(0, 12)).astype(np.int32) for _ in range(count)])


def marked(texts: Ragged) -> list[list[int]]:
    return [[START, *texts[row : row + 1].values.tolist(), START] for row in range(len(texts))]


def by_hand(taught: Ragged, judged: Ragged, size: int, order: int) -> list[float]:
    """Witten and Bell's formula, token by token."""
    after: defaultdict[tuple[int, ...], Counter[int]] = defaultdict(Counter)
    for text in marked(taught):
        for place in range(1, len(text)):
            for length in range(min(order, place + 1)):
                after[tuple(text[place - length : place])][text[place]] += 1
    found = []
    for text in marked(judged):
        nats = 0.0
        for place in range(1, len(text)):
            chance = 1 / (1 + size - FIRST)
            for length in range(min(order, place + 1)):
                came = after.get(tuple(text[place - length : place]))
                if came:
                    chance = (came[text[place]] + len(came) * chance) / (came.total() + len(came))
            nats -= math.log(chance)
        found.append(nats)
    return found


@pytest.mark.parametrize("order", [1, 2, 3, 6])
def test_equal_to_counting_by_hand(order: int) -> None:
    taught, judged = some_texts(30, seed=0), some_texts(9, seed=1, kinds=5)
    np.testing.assert_allclose(counted(taught, judged, 10, order), by_hand(taught, judged, 10, order), rtol=1e-9)


def test_near_to_the_model_that_gives_every_chance() -> None:
    # It counts one START more, since texts stand one behind the other there.
    taught, judged = some_texts(200, seed=0), some_texts(9, seed=1)
    model = NGrams.learned(taught, size=8, order=3)
    one_by_one = [-model.log_probability(text[1:-1]) for text in marked(judged)]
    np.testing.assert_allclose(counted(taught, judged, 8, order=3), one_by_one, rtol=1e-2)


def test_what_stands_before_helps() -> None:
    text = Ragged.of([np.tile([4, 5, 6, 7], 50)])
    assert ngram(text, text, 8)[0] < 0.2 * unigram(text, text, 8)[0]


def test_nothing_to_count_leaves_all_as_likely() -> None:
    empty = Ragged(np.array([], np.int32), np.array([0]))
    assert counted(empty, Ragged.of([np.array([4])]), 5, order=1)[0] > 0
