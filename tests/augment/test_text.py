"""Tokens dropped and exchanged, and nothing else."""

from __future__ import annotations

import torch

from lamina.augment.draws import Draws
from lamina.augment.settings import TextSettings
from lamina.augment.text import augment_tokens, drop, remove, swap

LENGTHS = torch.tensor([20, 0, 1, 7] * 50)
TOKENS = torch.arange(3, 23).expand(200, 20) * (torch.arange(20) < LENGTHS[:, None])


def draws() -> Draws:
    return Draws(torch.Generator().manual_seed(0), len(TOKENS))


def test_dropped_tokens_are_unknown_ones() -> None:
    out = drop(TOKENS, LENGTHS, draws(), 0.25)
    assert bool(((out == TOKENS) | (out == 1)).all())
    share = float((out == 1).sum() / LENGTHS.sum())
    assert 0.2 < share < 0.3
    assert not bool(out[torch.arange(20) >= LENGTHS[:, None]].any())


def test_removed_tokens_are_gone_and_the_others_keep_their_order() -> None:
    out, left = remove(TOKENS, LENGTHS, draws(), 0.25)
    for row, length in zip(out.tolist(), left.tolist(), strict=True):
        assert row[:length] == sorted(set(row[:length]))
        assert 0 not in row[:length]
        assert not any(row[length:])
    assert 0.7 < float(left.sum() / LENGTHS.sum()) < 0.83


def test_a_text_keeps_a_token() -> None:
    out, left = remove(TOKENS, LENGTHS, draws(), 0.999)
    assert torch.equal(left > 0, LENGTHS > 0)
    assert torch.equal(out[:, 0] > 0, LENGTHS > 0)


def test_neighbours_change_places() -> None:
    out = swap(TOKENS, LENGTHS, draws(), 0.5)
    assert torch.equal(out.sort(1).values, TOKENS.sort(1).values)
    assert bool(((out - TOKENS).abs() <= 1).all())
    moved = float((out != TOKENS).sum() / LENGTHS.sum())
    assert 0.35 < moved < 0.55
    assert torch.equal(swap(TOKENS, LENGTHS, draws(), 0.0), TOKENS)


def test_nothing_asked_for_is_nothing_done() -> None:
    tokens, lengths = augment_tokens(TOKENS, LENGTHS, draws(), TextSettings(dropout=0))
    assert tokens is TOKENS and lengths is LENGTHS
