"""Pieces that are moved as a whole."""

from __future__ import annotations

import torch
from torch import Tensor

from lamina.augment.draws import Draws
from lamina.augment.music import transpose
from lamina.features.music import OFF, ON

KEYS = 24


def pieces() -> Tensor:
    """Two voices in the middle, of three lengths."""
    found = torch.zeros(300, 6, KEYS, dtype=torch.uint8)
    for row in range(300):
        steps = 2 + row % 5
        found[row, :steps] = OFF
        for step in range(steps):
            found[row, step, [8 + (row + step) % 4, 14 + step % 2]] = ON
    return found


def moved(share: float, most: int = 5, seed: int = 0) -> Tensor:
    return transpose(pieces(), Draws(torch.Generator().manual_seed(seed), 300), most, share)


def shifts(found: Tensor) -> list[int]:
    """By how much each piece was moved; it is that piece, and nothing else."""
    ways = []
    for before, after in zip(pieces(), found, strict=True):
        fitting = [
            way
            for way in range(-8, 9)
            if torch.equal(torch.where(before.sum(1, keepdim=True) > 0, before.roll(way, 1), before), after)
        ]
        assert len(fitting) == 1
        ways += fitting
    return ways


def test_pieces_move_as_a_whole() -> None:
    ways = shifts(moved(1.0))
    assert set(ways) == set(range(-5, 6))
    assert min(ways.count(way) for way in range(-5, 6)) > 10
    assert moved(1.0).dtype == torch.uint8


def test_a_share_of_them_moves_and_chance_hangs_on_the_seed() -> None:
    assert 0.3 < sum(way != 0 for way in shifts(moved(0.5))) / 300 < 0.6  # every eleventh move is none
    assert torch.equal(moved(0.0), pieces())
    assert torch.equal(moved(0.5), moved(0.5)) and not torch.equal(moved(0.5), moved(0.5, seed=1))


def test_nothing_leaves_the_keys() -> None:
    edge = torch.full((200, 2, KEYS), OFF, dtype=torch.uint8)
    edge[:, 0, 0] = edge[:, 1, KEYS - 3] = ON
    found = transpose(edge, Draws(torch.Generator().manual_seed(0), 200), 5, 1.0)
    low = (found == ON).any(1).float().argmax(1)
    assert set(low.tolist()) == {0, 1, 2}
    assert ((found == ON).sum((1, 2)) == 2).all()


def test_silence_stays() -> None:
    silent = torch.full((4, 3, KEYS), OFF, dtype=torch.uint8)
    assert torch.equal(transpose(silent, Draws(torch.Generator().manual_seed(0), 4), 5, 1.0), silent)
