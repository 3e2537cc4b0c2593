"""One matrix a picture: against Pillow, numpy and plain slicing."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lamina.augment import affine
from lamina.augment.draws import Draws

PICTURES = torch.randint(256, (3, 24, 16, 3), generator=torch.Generator().manual_seed(0)).float()
ONE = torch.ones(3)


def test_nothing_changes_nothing() -> None:
    still = affine.rotation(0 * ONE) @ affine.scaling(ONE, ONE) @ affine.shearing(0 * ONE, 0 * ONE)
    assert torch.allclose(affine.warp(PICTURES, still), PICTURES, atol=1e-3)


def test_whole_shifts_are_slices() -> None:
    moved = affine.warp(PICTURES, affine.shifting(3 * ONE, -2 * ONE), "black")
    assert torch.allclose(moved[:, :-2, 3:], PICTURES[:, 2:, :-3], atol=1e-3)
    assert float(moved[:, :, :3].abs().max()) < 1e-3
    assert float(moved[:, -2:].abs().max()) < 1e-3


def test_flips_are_flips() -> None:
    assert torch.allclose(affine.warp(PICTURES, affine.scaling(-ONE, ONE)), PICTURES.flip(2), atol=1e-3)
    assert torch.allclose(affine.warp(PICTURES, affine.scaling(ONE, -ONE)), PICTURES.flip(1), atol=1e-3)
    both = affine.warp(PICTURES, affine.rotation(180 * ONE))
    assert torch.allclose(both, PICTURES.flip(1, 2), atol=1e-2)


def test_a_quarter_turn_is_that_of_numpy() -> None:
    square = PICTURES[:, :16]
    turned = affine.warp(square, affine.rotation(90 * ONE))
    assert np.allclose(turned.numpy(), np.rot90(square.numpy(), axes=(1, 2)), atol=1e-2)


def test_a_turn_is_that_of_pillow() -> None:
    image = pytest.importorskip("PIL.Image")
    smooth = np.add.outer(np.arange(40) * 3, np.arange(30) * 2).astype(np.uint8)
    ours = affine.warp(torch.from_numpy(smooth)[None, ..., None], affine.rotation(torch.tensor([25.0])))
    theirs = np.array(image.fromarray(smooth).rotate(25, image.Resampling.BILINEAR))
    assert np.abs(ours[0, 12:28, 9:21, 0].numpy() - theirs[12:28, 9:21]).max() < 1.01


def test_matrices_apply_from_left_to_right() -> None:
    first, second = affine.shifting(2 * ONE, 0 * ONE), affine.rotation(90 * ONE)
    square = PICTURES[:, :16]
    one_by_one = affine.warp(affine.warp(square, first, "black"), second, "black")
    assert torch.allclose(affine.warp(square, first @ second, "black"), one_by_one, atol=1e-2)


def test_zooming_in_shows_the_middle() -> None:
    ramp = torch.arange(16.0).expand(1, 16, 16)[..., None]
    zoomed = affine.warp(ramp, affine.scaling(torch.tensor([2.0]), torch.tensor([2.0])))
    assert zoomed[0, 8, :, 0].min() == pytest.approx(3.75, abs=1e-3)
    assert zoomed[0, 8, :, 0].max() == pytest.approx(11.25, abs=1e-3)


def test_cuts_lie_inside_and_have_their_area() -> None:
    draws = Draws(torch.Generator().manual_seed(0), 2000)
    matrix = affine.cutting(draws, 24, 16, 0.3)
    corners = torch.tensor([[-8.0, -12.0, 1.0], [8.0, 12.0, 1.0]]).T
    across, down, _ = (matrix @ corners).unbind(1)  # (N, 2) each: the corners' places in the old picture
    assert float(across.abs().max()) <= 8 + 1e-3
    assert float(down.abs().max()) <= 12 + 1e-3
    area = across.diff(dim=1) * down.diff(dim=1) / (24 * 16)
    assert 0.29 < float(area.min()) < 0.31
    assert 0.98 < float(area.max()) <= 1 + 1e-4
