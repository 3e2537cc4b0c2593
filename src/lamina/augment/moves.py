"""Moves of pictures by whole pixels, by gathering them as they are: crop, flip, erase."""

from __future__ import annotations

import torch
from torch import Tensor

from lamina.augment.draws import Draws
from lamina.augment.settings import Edges

__all__ = ["erase", "move", "turned_back"]


def turned_back(places: Tensor, size: int) -> Tensor:
    """Places outside of 0 to size - 1, at most size - 1 away, by their mirror image inside.

    Example:
        >>> turned_back(torch.arange(-2, 6), 4).tolist()
        [2, 1, 0, 1, 2, 3, 2, 1]
    """
    last = size - 1
    return (last - (last - places.abs()).abs()).clamp(0, last)


def move(
    pictures: Tensor, draws: Draws, crop: float, horizontal: bool, vertical: bool, edges: Edges = "reflect"
) -> Tensor:
    """Pad and crop (He et al. 2016), and flip half of the pictures, in one gather.

    Args:
        pictures: (N, H, W, C) of any dtype.
        draws: for N rows.
        crop: share of each side by which a picture is padded, before its own size is cut out anywhere.
        horizontal, vertical: whether left and right, top and bottom, are exchanged in half of the pictures.
        edges: what the padding shows.

    Returns:
        (N, H, W, C).
    """
    count, height, width, channels = pictures.shape
    down, across = (_places(size, draws, crop, flip) for size, flip in ((height, vertical), (width, horizontal)))
    first = torch.arange(count, device=pictures.device)[:, None] * height
    lines = (first + turned_back(down, height)) * width  # (N, H)
    source = lines[:, :, None] + turned_back(across, width)[:, None]  # (N, H, W)
    pixels = pictures.reshape(-1, channels)
    if edges == "black" and crop:
        inside = ((down >= 0) & (down < height))[:, :, None] & ((across >= 0) & (across < width))[:, None]
        source = torch.where(inside, source, len(pixels))
        pixels = torch.cat([pixels, pixels.new_zeros(1, channels)])  # the last one is what lies outside
    return pixels.index_select(0, source.view(-1)).view(pictures.shape)


def _places(size: int, draws: Draws, crop: float, flip: bool) -> Tensor:
    """Where each line of a picture comes from, (N, size); outside of it where it comes from the padding."""
    places = torch.arange(size, device=draws.device)[None]
    if flip:
        places = torch.where(draws.chance(0.5)[:, None], size - 1 - places, places)
    pad = round(crop * size)
    return places + (draws.whole(2 * pad + 1)[:, None] - pad) if pad else places.expand(draws.rows * draws.repeat, -1)


def erase(pictures: Tensor, draws: Draws, chance: float) -> Tensor:
    """Random erasing (Zhong et al. 2017): noise over a rectangle of 0.02 to 0.33 of the area, sides up to 1 : 3.3.

    Args:
        pictures: (N, H, W, C), uint8 or float32 from 0 to 255.
        draws: for N rows.
        chance: share of the pictures where a rectangle is erased.
    """
    height, width, channels = pictures.shape[1:]
    chosen = draws.chance(chance)
    area, slant = draws.uniform(0.02, 0.33), torch.exp(draws.uniform(-1.2, 1.2))
    place = draws.uniform(0, 1, 2)
    inside = []
    for size, share, at in ((height, area * slant, place[:, 0]), (width, area / slant, place[:, 1])):
        length = (share.sqrt() * size).round().clamp(1, size)
        start = (at * (size - length + 1)).floor()
        steps = torch.arange(size, device=pictures.device)
        inside.append((steps >= start[:, None]) & (steps < (start + length)[:, None]))
    # One block of noise is enough: every rectangle shows another part of it.
    noise = draws.noise(height, width, channels).to(pictures.dtype)
    rows = chosen.nonzero()[:, 0]
    mask = inside[0][rows][:, :, None, None] & inside[1][rows][:, None, :, None]
    return pictures.index_copy(0, rows, torch.where(mask, noise, pictures.index_select(0, rows)))
