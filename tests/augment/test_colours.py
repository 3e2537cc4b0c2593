"""Light and colour are those of Pillow, whose values are whole numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from lamina.augment import colours

RANDOM = np.random.default_rng(0)
BYTES = (RANDOM.beta(2, 5, (3, 64, 48, 3)) * 255).astype(np.uint8)
PICTURES = torch.from_numpy(BYTES).float()
ONE = torch.ones(3)


@pytest.mark.parametrize("factor", [0.3, 1.6])
def test_brightness_contrast_colour(factor: float) -> None:
    enhance = pytest.importorskip("PIL.ImageEnhance")
    by = ONE * factor
    for ours, theirs in (
        (colours.recolour(PICTURES, by, ONE), enhance.Brightness),
        (colours.recolour(PICTURES, ONE, by), enhance.Contrast),
        (colours.recolour(PICTURES, ONE, ONE, by), enhance.Color),
    ):
        assert np.abs(ours.numpy() - of_pillow(lambda image, made=theirs: made(image).enhance(factor))).max() < 1.5
    sharp = of_pillow(lambda image: enhance.Sharpness(image).enhance(factor))
    assert np.abs(colours.sharpen(PICTURES, by).numpy() - sharp)[:, 1:-1, 1:-1].max() < 1.5


def test_posterize_solarize_autocontrast_equalize() -> None:
    operations = pytest.importorskip("PIL.ImageOps")
    for ours, theirs, within in (
        (colours.posterize(PICTURES, ONE * 3), lambda image: operations.posterize(image, 3), 0),
        (colours.solarize(PICTURES, ONE * 90), lambda image: operations.solarize(image, 90), 0),
        (colours.autocontrast(PICTURES), operations.autocontrast, 1),
    ):
        assert np.abs(ours.numpy() - of_pillow(theirs)).max() <= within
    # Pillow counts in whole steps of 255 pixels, so only large pictures compare.
    large = (RANDOM.beta(2, 5, (1, 256, 255, 1)) * 255).astype(np.uint8)
    image = pytest.importorskip("PIL.Image").fromarray(large[0, ..., 0])
    ours = colours.equalize(torch.from_numpy(large).float())[0, ..., 0]
    assert np.abs(ours.numpy() - np.array(operations.equalize(image)).astype(float)).max() <= 2


def of_pillow(change: Callable[[Any], Any]) -> np.ndarray:
    image = pytest.importorskip("PIL.Image")
    return np.stack([np.array(change(image.fromarray(one))).astype(float) for one in BYTES])


def test_factors_of_one_change_nothing() -> None:
    assert torch.allclose(colours.recolour(PICTURES, ONE, ONE, ONE, 0 * ONE), PICTURES, atol=1e-3)


def test_a_third_of_a_turn_exchanges_the_channels() -> None:
    turned = colours.recolour(PICTURES, ONE, ONE, None, ONE / 3)
    assert torch.allclose(turned, PICTURES.roll(1, -1), atol=1e-3)


def test_grey_has_no_hue_and_keeps_its_light() -> None:
    flat = torch.full((3, 4, 4, 3), 77.0)
    assert torch.allclose(colours.recolour(flat, ONE, ONE * 0.4, ONE * 2, ONE * 0.2), flat, atol=1e-3)


@pytest.mark.parametrize("channels", [1, 2, 4])
def test_other_channels(channels: int) -> None:
    pictures = torch.full((2, 4, 4, channels), 100.0)
    two = torch.ones(2)
    assert torch.allclose(colours.recolour(pictures, two * 1.5, two, two * 2, two), torch.full_like(pictures, 150.0))
    for same in (colours.autocontrast(pictures), colours.equalize(pictures)):
        assert torch.equal(same, pictures), "an even picture stays as it is"
