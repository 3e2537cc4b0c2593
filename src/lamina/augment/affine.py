"""Turning, zooming, shifting and cutting pictures: any number of these are one matrix, and one interpolation."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from lamina.augment.draws import Draws
from lamina.augment.settings import Edges

__all__ = ["cutting", "flipping", "rotation", "scaling", "shearing", "shifting", "warp"]


# Each matrix, (N, 3, 3), says of a place in the new picture, in pixels from the middle, where in the old one it was.


def _matrix(entries: list[list[Tensor | float]]) -> Tensor:
    """(N, 3, 3) from rows of entries, each (N,) or a number."""
    some = next(entry for row in entries for entry in row if isinstance(entry, Tensor))
    cells = [
        torch.as_tensor(entry, dtype=some.dtype, device=some.device).expand(len(some))
        for row in entries
        for entry in row
    ]
    return torch.stack(cells, 1).view(-1, 3, 3)


def rotation(degrees: Tensor) -> Tensor:
    """Turn counterclockwise: (N,) -> (N, 3, 3)."""
    angle = degrees * (math.pi / 180)
    cos, sin = angle.cos(), angle.sin()
    return _matrix([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]])


def scaling(across: Tensor, down: Tensor) -> Tensor:
    """Make larger by factors: (N,), (N,) -> (N, 3, 3)."""
    return _matrix([[1 / across, 0.0, 0.0], [0.0, 1 / down, 0.0], [0.0, 0.0, 1.0]])


def shearing(across: Tensor, down: Tensor) -> Tensor:
    """Slant: (N,), (N,) -> (N, 3, 3)."""
    return _matrix([[1.0, across, 0.0], [down, 1.0, 0.0], [0.0, 0.0, 1.0]])


def shifting(across: Tensor, down: Tensor) -> Tensor:
    """Move right and down by pixels: (N,), (N,) -> (N, 3, 3)."""
    return _matrix([[1.0, 0.0, -across], [0.0, 1.0, -down], [0.0, 0.0, 1.0]])


def flipping(draws: Draws, horizontal: bool, vertical: bool) -> Tensor:
    """Exchange left and right, top and bottom, in half of the pictures each: (N, 3, 3)."""
    signs = [torch.where(draws.chance(0.5 if wanted else 0.0), -1.0, 1.0) for wanted in (horizontal, vertical)]
    return scaling(*signs)


def cutting(draws: Draws, height: int, width: int, least: float) -> Tensor:
    """Cut out a share of the area, sides 3 : 4 to 4 : 3, and bring it back to size (Szegedy et al. 2015).

    Args:
        draws: for N rows.
        height, width: of the pictures.
        least: smallest share of the area.

    Returns:
        (N, 3, 3).
    """
    area, slant = draws.uniform(least, 1.0), torch.exp(draws.uniform(-1, 1) * (math.log(4 / 3) / 2))
    place = draws.uniform(-0.5, 0.5, 2)
    across, down = (area.sqrt() * slant).clamp(max=1), (area.sqrt() / slant).clamp(max=1)  # shares of the sides
    right, below = place[:, 0] * (1 - across) * width, place[:, 1] * (1 - down) * height
    return shifting(-right, -below) @ scaling(1 / across, 1 / down)


def warp(pictures: Tensor, matrix: Tensor, edges: Edges = "reflect") -> Tensor:
    """Pictures as a matrix says, interpolated between four pixels.

    Shape:
        (N, H, W, C) uint8 or float32, (N, 3, 3) -> (N, H, W, C) float32
    """
    height, width = pictures.shape[1:3]
    # PyTorch's places go from -1 to 1 over each side.
    unit = torch.tensor([[1.0, height / width, 2 / width], [width / height, 1.0, 2 / height]], device=matrix.device)
    channels = pictures.permute(0, 3, 1, 2).to(torch.float32)  # (N, C, H, W)
    grid = functional.affine_grid(matrix[:, :2] * unit, list(channels.shape), align_corners=False)
    padding = "reflection" if edges == "reflect" else "zeros"
    warped = functional.grid_sample(channels, grid, mode="bilinear", padding_mode=padding, align_corners=False)
    return warped.permute(0, 2, 3, 1).contiguous()
