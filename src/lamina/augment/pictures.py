"""Pictures and films: every setting, and how what they ask for is joined into as little work as it needs.

Flips and crops gather whole pixels, and leave bytes as bytes. Anything else that moves joins them in one matrix and one
interpolation; all changes of light and colour join in another.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from lamina.augment import affine
from lamina.augment.colours import recolour
from lamina.augment.draws import Draws
from lamina.augment.moves import erase, move
from lamina.augment.randaugment import rand_augment
from lamina.augment.settings import PictureSettings

__all__ = ["augment_pictures", "flips_of"]


def flips_of(settings: PictureSettings, safe: tuple[bool, bool]) -> tuple[bool, bool]:
    """Whether to exchange left and right, and top and bottom; ``safe`` says what auto may do."""
    if settings.flip == "auto":
        return safe
    return settings.flip in ("horizontal", "both"), settings.flip in ("vertical", "both")


def augment_pictures(
    pictures: Tensor, draws: Draws, settings: PictureSettings, safe: tuple[bool, bool] = (False, False)
) -> Tensor:
    """All that the settings ask for.

    Args:
        pictures: (N, H, W, C), uint8 or float32 from 0 to 255.
        draws: for N rows.
        settings: what to do.
        safe: whether auto may exchange left and right, and top and bottom.

    Returns:
        (N, H, W, C): uint8 where bytes were given and only moved or erased, float32 from 0 to 255 otherwise.

    Example:
        >>> draws = Draws(torch.Generator().manual_seed(0), rows=3)
        >>> augment_pictures(torch.zeros(3, 8, 8, 1, dtype=torch.uint8), draws, PictureSettings(rotate=10)).dtype
        torch.float32
    """
    if settings.rotate or settings.zoom or settings.shift or settings.resized_crop < 1:
        pictures = affine.warp(pictures, _matrix(pictures, draws, settings, safe), settings.edges)
    elif settings.crop or any(flips_of(settings, safe)):
        pictures = move(pictures, draws, settings.crop, *flips_of(settings, safe), settings.edges)
    if settings.operations:
        pictures = rand_augment(pictures, draws, settings.operations, settings.strength, settings.edges)
    if settings.brightness or settings.contrast or settings.saturation or settings.hue:
        pictures = _recoloured(pictures.to(torch.float32), draws, settings)
    return erase(pictures, draws, settings.erase) if settings.erase else pictures


def _matrix(pictures: Tensor, draws: Draws, settings: PictureSettings, safe: tuple[bool, bool]) -> Tensor:
    """All moves as one, (N, 3, 3)."""
    height, width = pictures.shape[1:3]
    larger = torch.exp(draws.uniform(-1, 1) * math.log1p(settings.zoom))
    across, down = draws.uniform(-1, 1, 2).unbind(1)
    cuts = settings.resized_crop < 1  # in the place of crop
    most = settings.shift if cuts else settings.crop + settings.shift
    matrix = (
        affine.flipping(draws, *flips_of(settings, safe))
        @ affine.rotation(draws.uniform(-1, 1) * settings.rotate)
        @ affine.scaling(larger, larger)
        @ affine.shifting(across * most * width, down * most * height)
    )
    return affine.cutting(draws, height, width, settings.resized_crop) @ matrix if cuts else matrix


def _recoloured(pictures: Tensor, draws: Draws, settings: PictureSettings) -> Tensor:
    brightness, contrast, saturation, hue = draws.uniform(-1, 1, 4).unbind(1)
    return recolour(
        pictures,
        1 + settings.brightness * brightness,
        1 + settings.contrast * contrast,
        1 + settings.saturation * saturation if settings.saturation else None,
        settings.hue * hue if settings.hue else None,
    )
