"""Counted language models: distributions, smoothed as Witten and Bell say, and through JSON."""

from __future__ import annotations

import json
import math
from collections import Counter

import numpy as np
import pytest

from lamina.codecs.ragged import Ragged
from lamina.decoding import ngram
from lamina.decoding.ngram import NGrams
from lamina.features.tokens import START

TEXTS = [[4, 5, 4, 6], [4, 5], [6], [5, 5, 5, 4], [4, 5, 6, 6, 4]]
SIZE = 8
ENDINGS = [START, *range(4, SIZE)]


def learned(order: int, texts: list[list[int]] = TEXTS) -> NGrams:
    return NGrams.learned(Ragged.of([np.array(text, np.int32) for text in texts]), SIZE, order)


def by_formula(order: int, before: list[int], one: int) -> float:
    """The chance of a token, counted anew for each question."""
    marked = [[START, *text, START] for text in TEXTS]
    chance = 1 / len(ENDINGS)
    for length in range(order):
        context = [START, *before][-length:] if length else []
        if len(context) < length:
            break
        after = Counter(
            text[place + length]
            for text in marked
            for place in range(len(text) - length)
            if text[place : place + length] == context and place + length > 0
        )
        if after:
            chance = (after[one] + len(after) * chance) / (after.total() + len(after))
    return chance


@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_it_is_the_formula(order: int) -> None:
    grams = learned(order)
    for before in ([], [4], [5], [4, 5], [5, 5], [7, 4], [4, 5, 6, 6], [6, 5, 4, 5, 4]):
        logs = grams.logs(before)
        assert np.exp(logs).sum() == pytest.approx(1) and np.isneginf(logs[:START]).all()
        for one in ENDINGS:
            assert math.exp(logs[one]) == pytest.approx(by_formula(order, before, one)), (before, one)


def test_a_text_is_as_likely_as_its_tokens() -> None:
    grams = learned(3)
    expected = sum(math.log(by_formula(3, [4, 5][:place], one)) for place, one in enumerate([4, 5, START]))
    assert grams.log_probability([4, 5]) == pytest.approx(expected)
    assert grams.log_probability([4, 5]) > grams.log_probability([5, 4]) > grams.log_probability([7, 7])


def test_through_json() -> None:
    grams = learned(4)
    again = NGrams.from_json(json.loads(json.dumps(grams.to_json())))
    assert (again.size, again.order, again.counts) == (grams.size, grams.order, grams.counts)
    assert np.array_equal(again.logs([4, 5]), grams.logs([4, 5]))
    assert all(
        isinstance(line, str) for lines in (grams.to_json()["runs"], grams.to_json()["counts"]) for line in lines
    )


def test_it_stays_small(monkeypatch: pytest.MonkeyPatch) -> None:
    whole, half = learned(4).counts, learned(1, TEXTS[::2]).counts
    monkeypatch.setattr(ngram, "KEPT", 10)
    few = learned(4)
    assert len(few.counts) == 10 and min(few.counts.values()) >= sorted(whole.values())[-10]
    assert np.exp(few.logs([4, 5, 4])).sum() == pytest.approx(1)
    monkeypatch.setattr(ngram, "TAUGHT", 9)
    assert learned(1).counts == half
    monkeypatch.setattr(ngram, "REMEMBERED", 3 * SIZE)
    for one in range(4, SIZE):
        for other in range(4, SIZE):
            assert np.array_equal(few.logs([one, other]), few.logs([one, other]))


def test_of_nothing_all_is_as_likely() -> None:
    empty: list[list[list[int]]] = [[], [[]]]
    for texts in empty:
        grams = NGrams.learned(Ragged(np.empty(0, np.int32), np.zeros(len(texts), np.int64)), SIZE, 3)
        assert np.isfinite(grams.log_probability([4, 5]))
        assert np.exp(grams.logs([4])[ENDINGS]).sum() == pytest.approx(1)
