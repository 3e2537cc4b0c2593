"""Moves by whole pixels are those of slicing a padded picture."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lamina.augment.draws import Draws
from lamina.augment.moves import erase, move, turned_back

PICTURES = torch.randint(256, (200, 8, 6, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def draws(rows: int = len(PICTURES), seed: int = 0) -> Draws:
    return Draws(torch.Generator().manual_seed(seed), rows)


def test_turned_back_is_the_reflection_of_numpy() -> None:
    for size in (1, 2, 5):
        pad = size - 1
        places = torch.arange(-pad, size + pad)
        assert turned_back(places, size).tolist() == np.pad(np.arange(size), pad, mode="reflect").tolist()


@pytest.mark.parametrize("edges", ["reflect", "black"])
def test_a_crop_is_a_window_of_the_padded_picture(edges: str) -> None:
    moved = move(PICTURES, draws(), 0.25, False, False, edges)  # type: ignore[arg-type]
    seen = set()
    for before, after in zip(PICTURES.numpy(), moved.numpy(), strict=True):
        # A quarter of 8 and of 6: two pixels on every side.
        padded = np.pad(before, ((2, 2), (2, 2), (0, 0)), mode="reflect" if edges == "reflect" else "constant")
        found = [
            (down, across)
            for down in range(5)
            for across in range(5)
            if (padded[down : down + 8, across : across + 6] == after).all()
        ]
        assert found
        seen.update(found)
    assert len(seen) == 25


def test_flips_are_flips_of_half() -> None:
    for horizontal, vertical in ((True, False), (False, True)):
        flipped = PICTURES.flip(2 if horizontal else 1)
        moved = move(PICTURES, draws(), 0.0, horizontal, vertical)
        is_flipped = (moved == flipped).flatten(1).all(1)
        assert bool((is_flipped | (moved == PICTURES).flatten(1).all(1)).all())
        assert 70 < int(is_flipped.sum()) < 130


def test_both_flips_are_four_kinds() -> None:
    moved = move(PICTURES, draws(), 0.0, True, True)
    kinds = [PICTURES, PICTURES.flip(1), PICTURES.flip(2), PICTURES.flip(1, 2)]
    counts = [int((moved == kind).flatten(1).all(1).sum()) for kind in kinds]
    assert sum(counts) == len(PICTURES)
    assert min(counts) > 25


def test_erase_covers_one_rectangle_of_a_share() -> None:
    plain = torch.full((500, 20, 20, 1), -1.0)
    changed = (erase(plain, draws(500), 0.5) != plain)[..., 0]
    erased = changed.flatten(1).any(1)
    assert 200 < int(erased.sum()) < 300
    area = changed[erased].float().mean((1, 2))
    assert 0.01 < float(area.min()) < 0.05
    assert 0.28 < float(area.max()) < 0.36
    sides = changed[erased].any(2).sum(1) * changed[erased].any(1).sum(1)
    assert torch.equal(sides, changed[erased].sum((1, 2))), "it is a full rectangle"


def test_no_chance_erases_nothing() -> None:
    assert torch.equal(erase(PICTURES, draws(), 0.0), PICTURES)


@pytest.mark.parametrize("size", [(1, 1), (1, 5), (2, 2)])
def test_tiny_pictures(size: tuple[int, int]) -> None:
    tiny = torch.ones(4, *size, 1, dtype=torch.uint8)
    assert torch.equal(move(tiny, draws(4), 0.5, True, True), tiny)
    assert erase(tiny, draws(4), 1.0).shape == tiny.shape
