"""RandAugment (Cubuk et al. 2020): a few operations a picture, drawn from a list, all of one strength."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from lamina.augment import affine, colours
from lamina.augment.draws import Draws
from lamina.augment.settings import Edges

__all__ = ["OPERATIONS", "rand_augment"]

# What each does at full strength; those of signed ones also the other way round.
TURN = 30.0  # degrees
SLANT = 0.3
MOVE = 0.45  # share of the side
FACTOR = 0.9  # away from 1, of brightness, contrast, colour, sharpness
BITS = 4  # that posterize takes away

OPERATIONS = (
    *("identity", "rotate", "shear across", "shear down", "shift across", "shift down"),
    *("brightness", "contrast", "colour", "sharpness"),
    *("posterize", "solarize", "autocontrast", "equalize"),
)


def rand_augment(pictures: Tensor, draws: Draws, operations: int, strength: float, edges: Edges = "reflect") -> Tensor:
    """Apply to each picture as many operations as asked for, each drawn anew from :data:`OPERATIONS`.

    Args:
        pictures: (N, H, W, C), uint8 or float32 from 0 to 255.
        draws: for N rows.
        operations: how many, one after the other.
        strength: 0 to 1; the paper's M = 9 of 30 is 0.3.
        edges: what turned and moved pictures show beside themselves.

    Returns:
        (N, H, W, C) float32 from 0 to 255.
    """
    pictures = pictures.to(torch.float32)
    for _ in range(operations):
        drawn = draws.whole(len(OPERATIONS))
        signed = torch.where(draws.chance(0.5), -strength, strength)
        pictures = _geometric(pictures, drawn, signed, edges)
        for name, operation in _light(strength).items():
            rows = (drawn == OPERATIONS.index(name)).nonzero()[:, 0]
            if len(rows):
                pictures = pictures.index_copy(0, rows, operation(pictures.index_select(0, rows), signed[rows]))
    return pictures


def _geometric(pictures: Tensor, drawn: Tensor, signed: Tensor, edges: Edges) -> Tensor:
    """Turn, slant and move the pictures that drew it, in one interpolation."""
    rows = ((drawn >= 1) & (drawn <= 5)).nonzero()[:, 0]
    if not len(rows):
        return pictures
    height, width = pictures.shape[1:3]
    drawn, signed = drawn[rows], signed[rows]

    def of(name: str, most: float) -> Tensor:
        return torch.where(drawn == OPERATIONS.index(name), signed * most, 0.0)

    matrix = (
        affine.rotation(of("rotate", TURN))
        @ affine.shearing(of("shear across", SLANT), of("shear down", SLANT))
        @ affine.shifting(of("shift across", MOVE * width), of("shift down", MOVE * height))
    )
    return pictures.index_copy(0, rows, affine.warp(pictures.index_select(0, rows), matrix, edges))


def _light(strength: float) -> dict[str, Callable[[Tensor, Tensor], Tensor]]:
    """Operations on light and colour: (n, H, W, C) and signed strengths (n,) -> (n, H, W, C)."""

    def factor(signed: Tensor) -> Tensor:
        return 1 + FACTOR * signed

    def one(signed: Tensor) -> Tensor:
        return torch.ones_like(signed)

    return {
        "brightness": lambda some, signed: colours.recolour(some, factor(signed), one(signed)),
        "contrast": lambda some, signed: colours.recolour(some, one(signed), factor(signed)),
        "colour": lambda some, signed: colours.recolour(some, one(signed), one(signed), factor(signed)),
        "sharpness": lambda some, signed: colours.sharpen(some, factor(signed)),
        "posterize": lambda some, signed: colours.posterize(some, one(signed) * (8 - round(BITS * strength))),
        "solarize": lambda some, signed: colours.solarize(some, one(signed) * (255 * (1 - strength) + 1)),
        "autocontrast": lambda some, signed: colours.autocontrast(some),
        "equalize": lambda some, signed: colours.equalize(some),
    }
