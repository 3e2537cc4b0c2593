"""What stands beside a network that composes, by counting; and copies, in whatever key."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from lamina.codecs.ragged import Ragged
from lamina.evaluation.metrics import METRICS
from lamina.evaluation.music import RUN, constant, copied, frames_of, repeat
from lamina.features.answer import Answer
from lamina.features.music import OFF, ON
from lamina.tasks.compose import sums

KEYS = 5


def pieces(rows: int = 4, seed: int = 0, share: float = 0.4) -> Ragged:
    """Random pieces of 3 to 8 steps."""
    draw = np.random.default_rng(seed)
    return Ragged.of(
        [np.where(draw.random((draw.integers(3, 9), KEYS)) < share, ON, OFF).astype(np.uint8) for _ in range(rows)]
    )


def each(target: Ragged) -> list[np.ndarray]:
    return [frames_of(target[row : row + 1]) for row in range(len(target))]


def test_the_constant_is_how_often_a_key_sounds() -> None:
    taught, judged = pieces(6), pieces(2, seed=1)
    found = constant(taught, judged)
    assert found.shape == judged.values.shape and (found == found[0]).all()
    whole = np.concatenate(each(taught))
    assert found[0] == pytest.approx((whole.sum(0) + 0.5) / (len(whole) + 1))
    never = Ragged(np.full((3, KEYS), OFF, np.uint8), np.array([3]))
    assert (constant(never, judged) > 0).all(), "what never sounded may still come"


def test_repeating_goes_by_the_step_before() -> None:
    taught, judged = pieces(40, seed=2), pieces(3, seed=3)
    found = repeat(taught, judged)
    counts = np.zeros((2, 2, KEYS))  # before, now
    for piece in each(taught):
        for before, now in itertools.pairwise(piece):
            for key in range(KEYS):
                counts[int(before[key]), int(now[key]), key] += 1
    pooled = (counts[1, 1].sum() + 0.5) / (counts[1].sum() + 1)
    stay = (counts[1, 1] + 10 * pooled) / (counts[1].sum(0) + 10)
    come = (counts[0, 1] + 0.5) / (counts[0].sum(0) + 1)
    place = 0
    for piece in each(judged):
        for step in range(len(piece)):
            wanted = constant(taught, judged)[0] if step == 0 else np.where(piece[step - 1], stay, come)
            assert found[place] == pytest.approx(wanted)
            place += 1


def test_repeating_is_best_where_notes_stay() -> None:
    still = Ragged(np.repeat(pieces(6, seed=4, share=0.5).values, 4, axis=0), np.arange(1, 7) * 4)
    true = frames_of(still)
    nats = {name: -np.log(np.where(true, found, 1 - found)).sum() for name, found in
            (("constant", constant(still, still)), ("repeat", repeat(still, still)))}  # fmt: skip
    assert nats["repeat"] < 0.6 * nats["constant"]


def test_scores_are_sums_over_steps() -> None:
    draw = np.random.default_rng(0)
    lengths, total = np.array([3, 1, 4]), 8
    nats, said, true = draw.random(total), draw.random((total, KEYS)) < 0.5, draw.random((total, KEYS)) < 0.5
    found = sums(nats, said, true, np.cumsum(lengths))
    answer = Answer(sums=found)
    scores = {metric.name: metric(lengths, answer) for metric in METRICS["compose"]}
    assert scores["nats"] == pytest.approx(nats.mean())
    assert scores["frame_accuracy"] == pytest.approx((said & true).sum() / (said | true).sum())
    one = METRICS["compose"][0](lengths, answer, np.array([0.0, 0.0, 1.0]))
    assert one == pytest.approx(nats[4:].mean())


def test_copies_are_found_in_whatever_key() -> None:
    draw = np.random.default_rng(1)
    learned = [draw.random((30, 24)) < 0.15 for _ in range(5)]
    for piece in learned:
        piece[:, :4] = piece[:, -4:] = False  # so that they can be moved
        piece[:, 10] = True
    passage = learned[3][5:17]
    said = np.concatenate([draw.random((6, 24)) < 0.15, np.roll(passage, 3, axis=1), draw.random((6, 24)) < 0.15])
    found = copied([said], learned)
    assert found.longest is not None
    assert found.longest.row == 3 and len(passage) - 1 <= found.longest.length <= len(passage) + 1
    assert 0.1 < found.share < 0.4
    assert copied([learned[2]], learned).share == 1
    other = copied([draw.random((40, 24)) < 0.15], learned)
    assert (other.share, other.longest) == (0, None)
    assert np.isnan(copied([said[: RUN - 1]], learned).share)


def test_silence_is_a_step_too() -> None:
    tune = np.zeros((10, 12), bool)
    tune[::2, 5] = True
    moved = np.roll(tune, 2, axis=1)
    assert copied([moved], [tune]).share == 1
    assert copied([np.zeros((9, 12), bool)], [tune]).share == 0
