"""Filters are the formulas of their papers; the goldens are transformers' answers for the same logits."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

from lamina.decoding.filters import HEADS, min_p, penalised, top_k, top_p, unrepeated

LOGITS = torch.tensor([[2.0, -1.0, 0.5, 0.0, 1.0, -3.0], [0.1, 0.2, 0.0, 5.0, 0.3, 0.2]])


def kept(scores: torch.Tensor) -> list[list[int]]:
    return [row.isfinite().nonzero()[:, 0].tolist() for row in scores]


def test_goldens() -> None:
    assert kept(top_k(LOGITS, 3)) == [[0, 2, 4], [1, 3, 4, 5]], "as likely as the third counts"
    assert kept(top_p(LOGITS, 0.8)) == [[0, 2, 4], [3]]
    assert kept(min_p(LOGITS, 0.2)) == [[0, 2, 4], [3]]
    history = torch.tensor([[0, 1, 0, 4], [-1, -1, 2, 3]])
    expected = [[1.6, -1.25, 0.5, 0.0, 0.8, -3.0], [0.1, 0.2, 0.0, 4.0, 0.3, 0.2]]
    assert torch.allclose(penalised(LOGITS, history, 1.25), torch.tensor(expected))


@pytest.mark.slow
def test_they_are_those_of_transformers() -> None:
    theirs = pytest.importorskip("transformers.generation.logits_process")
    logits = torch.randn(20, 50, generator=torch.Generator().manual_seed(0)) * 3
    history = torch.randint(50, (20, 30), generator=torch.Generator().manual_seed(1))
    none: Any = None
    for share in (0.1, 0.5, 0.9, 0.999):
        assert kept(top_p(logits, share)) == kept(theirs.TopPLogitsWarper(share)(none, logits))
        assert kept(min_p(logits, share)) == kept(theirs.MinPLogitsWarper(share)(none, logits))
    for count in (1, 7, 60):
        assert torch.equal(top_k(logits, count), theirs.TopKLogitsWarper(count)(none, logits))
    for penalty in (0.5, 1.3):
        expected = theirs.RepetitionPenaltyLogitsProcessor(penalty)(history, logits)
        assert torch.allclose(penalised(logits, history, penalty), expected)
    few = history % 3
    for length in (1, 2, 3, 4):
        expected = theirs.NoRepeatNGramLogitsProcessor(length)(few, logits)
        assert torch.equal(unrepeated(logits, few, length), expected)


def test_the_nucleus_is_the_smallest_set_that_suffices() -> None:
    logits = torch.randn(30, 12, generator=torch.Generator().manual_seed(2))
    chances = logits.softmax(-1).double().numpy()
    for share in (0.05, 0.3, 0.7, 0.95):
        for row, places in zip(chances, kept(top_p(logits, share)), strict=True):
            assert row[places].sum() >= share - 1e-6 > row[places].sum() - row[places].min() - 2e-6
            assert row[places].min() > np.delete(row, places).max(initial=-1)


def test_a_wide_nucleus_is_found_too() -> None:
    for head in HEADS:
        logits = torch.randn(2, 4 * head, generator=torch.Generator().manual_seed(3)) / 10
        places = kept(top_p(logits, 0.75))
        assert all(2 * head < len(row) < 4 * head for row in places)
        assert (logits.softmax(-1)[0, places[0]].sum() - 0.75).abs() < 1e-3


def test_nothing_is_left_out_at_the_ends_of_the_scales() -> None:
    assert torch.equal(top_k(LOGITS, 6), LOGITS) and torch.equal(top_k(LOGITS, 99), LOGITS)
    assert torch.equal(top_p(LOGITS, 1.0), LOGITS) and torch.equal(min_p(LOGITS, 0.0), LOGITS)
    assert kept(min_p(LOGITS, 1.0)) == kept(top_p(LOGITS, 1e-9)) == [[0], [3]]


def test_what_may_not_be_written_stays_so() -> None:
    masked = LOGITS.masked_fill(LOGITS > 1, -math.inf)
    for filtered in (top_k(masked, 5), top_p(masked, 0.99), min_p(masked, 0.01)):
        assert not (set(kept(filtered)[0]) & {0}) and not (set(kept(filtered)[1]) & {3})


@pytest.mark.parametrize(
    ("history", "length", "banned"),
    [
        ([1, 2, 3, 1, 2], 3, [3]),
        ([1, 2, 3, 1, 2], 2, [3]),
        ([1, 2, 3, 1, 2], 1, [1, 2, 3]),
        ([1, 2], 3, []),
        ([-1, -1, 2, 2], 2, [2]),
        ([2, -1, 2], 2, []),
        ([-1, -1, -1], 2, []),
        ([1, 1, 2, 1, 1, 3, 1, 1], 3, [2, 3]),
    ],
)
def test_rows_of_tokens_that_would_come_twice(history: list[int], length: int, banned: list[int]) -> None:
    scores = unrepeated(torch.zeros(1, 5), torch.tensor([history]), length)
    assert scores[0].isinf().nonzero()[:, 0].tolist() == banned


def test_repetition_stays_where_nothing_else_is_left() -> None:
    scores = torch.tensor([[0.0, -math.inf, 1.0], [0.0, 2.0, 1.0]])
    found = unrepeated(scores, torch.tensor([[0, 2], [0, 1]]), 1)
    assert found.tolist() == [[0.0, -math.inf, 1.0], [-math.inf, -math.inf, 1.0]]
