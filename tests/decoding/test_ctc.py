"""Texts from what is said of every frame, against trying every path, and against PyTorch's loss."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from lamina.codecs.ragged import Ragged
from lamina.decoding.ctc import BLANK, Language, beam, greedy, token_logs
from lamina.decoding.ngram import NGrams

EVERY = 10**6  # beams that nothing is lost with

Texts = dict[tuple[int, ...], float]


def frames(seed: int, tokens: int = 3) -> np.ndarray:
    """Log-probabilities of a few frames; ids below 4 but the blank are never."""
    generator = np.random.default_rng(seed)
    shares = generator.dirichlet(np.full(1 + tokens, 0.7), 1 + seed % 6)
    logs = np.full((len(shares), 4 + tokens), -np.inf)
    logs[:, [BLANK, *range(4, 4 + tokens)]] = np.log(shares)
    return logs


def text_of(path: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(one for one, _ in itertools.groupby(path) if one != BLANK)


def every_text(logs: np.ndarray) -> Texts:
    """The probability of each text: that of all its paths."""
    ids = np.flatnonzero(np.isfinite(logs[0])).tolist()
    found: Texts = defaultdict(float)
    for path in itertools.product(ids, repeat=len(logs)):
        found[text_of(path)] += math.exp(sum(logs[place, one] for place, one in enumerate(path)))
    return dict(found)


@pytest.mark.parametrize("seed", range(12))
def test_a_wide_beam_finds_every_text(seed: int) -> None:
    logs = frames(seed)
    texts = every_text(logs)
    found = beam(logs, EVERY, count=EVERY, least=-math.inf)
    assert {tuple(one.ids): math.exp(one.log) for one in found} == pytest.approx(texts, abs=1e-12)
    assert [one.score for one in found] == sorted((one.log for one in found), reverse=True)
    few = beam(logs, 3, count=2)
    assert len(few) <= 2 and all(math.exp(one.log) <= texts[tuple(one.ids)] + 1e-12 for one in few)


@pytest.mark.parametrize("seed", range(12))
def test_the_language_model_has_its_say(seed: int) -> None:
    logs = frames(seed)
    grams = NGrams.learned(Ragged.of([np.array([4, 5, 4]), np.array([5, 5]), np.array([4])]), 7, 2)
    language = Language(grams, weight=0.7, bonus=0.4)
    expected = {
        text: math.log(chance) + 0.7 * grams.log_probability(text) + 0.4 * len(text)
        for text, chance in every_text(logs).items()
    }
    found = beam(logs, EVERY, language, count=EVERY, least=-math.inf)
    assert {tuple(one.ids): one.score for one in found} == pytest.approx(expected)
    assert tuple(found[0].ids) == max(expected, key=lambda text: expected[text])


@pytest.mark.parametrize("seed", range(12))
def test_tokens_have_their_own_probabilities(seed: int) -> None:
    """P(k tokens and whatever follows) is the sum over all texts that begin so; the whole is PyTorch's loss."""
    logs = frames(seed)
    texts = every_text(logs)
    rows = list(texts)
    found = token_logs(np.repeat(logs[None], len(rows), 0), rows)
    for text, own in zip(rows, found, strict=True):
        assert len(own) == len(text) + 1 and max(own) <= 0
        for count in range(1, len(text) + 1):
            begins = math.fsum(chance for other, chance in texts.items() if other[:count] == text[:count])
            assert math.exp(math.fsum(own[:count])) == pytest.approx(begins, abs=1e-12)
        assert math.exp(math.fsum(own)) == pytest.approx(texts[text])
        loss = F.ctc_loss(
            torch.tensor(logs)[:, None], torch.tensor([text], dtype=torch.int64).reshape(1, -1),
            torch.tensor([len(logs)]), torch.tensor([len(text)]), reduction="sum",
        )  # fmt: skip
        assert math.fsum(own) == pytest.approx(-loss.item())


@pytest.mark.parametrize("seed", range(12))
def test_greedy_reads_the_likeliest_path(seed: int) -> None:
    logs = frames(seed)
    assert greedy(logs) == list(text_of(tuple(logs.argmax(1).tolist())))


def test_frames_of_nothing_but_blank_change_nothing() -> None:
    logs = frames(5)
    blank = np.full((4, logs.shape[1]), -1e4)
    blank[:, BLANK] = 0.0
    longer = np.concatenate([logs, blank])
    for language in (None, Language(NGrams.learned(Ragged.of([np.array([4, 5])]), 7, 2))):
        assert beam(longer, 5, language, count=3) == beam(logs, 5, language, count=3)
    assert greedy(longer) == greedy(logs)
    assert token_logs(longer[None], [[4, 5]])[0] == pytest.approx(token_logs(logs[None], [[4, 5]])[0])


def test_of_no_frames_there_is_no_text() -> None:
    none = np.empty((0, 6))
    assert greedy(none) == [] and [one.ids for one in beam(none, 4, count=3)] == [[]]
    assert token_logs(none[None], [[]]) == [[0.0]]
    assert token_logs(np.empty((0, 3, 6)), []) == []


def test_the_same_token_twice_needs_a_blank_between() -> None:
    sure = np.log(np.array([[0.01, 0.99], [0.01, 0.99], [0.99, 0.01], [0.01, 0.99]]))
    assert greedy(sure) == beam(sure, 4)[0].ids == [1, 1]


def test_unlikely_tokens_are_not_looked_at() -> None:
    logs = np.log(np.array([[0.5, 0.5 - 1e-6, 1e-6]] * 2))
    assert {one for found in beam(logs, EVERY, count=EVERY) for one in found.ids} == {1}
    assert {one for found in beam(logs, EVERY, count=EVERY, least=-20) for one in found.ids} == {1, 2}
