"""Changes of light and colour: all are one matrix on the channels of each picture."""

from __future__ import annotations

import math

import torch
from torch import Tensor

__all__ = ["autocontrast", "equalize", "grey", "posterize", "recolour", "sharpen", "solarize"]

LIGHT = (0.299, 0.587, 0.114)  # what red, green and blue give to the eye (ITU-R BT.601)


def grey(pictures: Tensor) -> Tensor:
    """Light of each pixel: (N, H, W, C) -> (N, H, W, 1); the mean where the channels are not red, green, blue."""
    channels = pictures.shape[-1]
    weights = pictures.new_tensor(LIGHT if channels == 3 else [1 / channels] * channels)
    return (pictures @ weights)[..., None]


def recolour(
    pictures: Tensor, brightness: Tensor, contrast: Tensor, saturation: Tensor | None = None, hue: Tensor | None = None
) -> Tensor:
    """Brighter, then of more contrast, then of more colour, then of another hue; all at once.

    Args:
        pictures: (N, H, W, C) float32 from 0 to 255.
        brightness: (N,) factors; 1 for as it is, as for the next two.
        contrast: (N,) factors of the distance from the picture's mean light.
        saturation: (N,) factors of the distance from grey; with three channels only.
        hue: (N,) turns of the colour wheel, -0.5 to 0.5; with three channels only.

    Returns:
        (N, H, W, C) float32 from 0 to 255.
    """
    channels = pictures.shape[-1]
    mean = grey(pictures).mean((1, 2, 3)) * brightness
    offset = ((1 - contrast) * mean)[:, None, None, None]
    factor = (brightness * contrast)[:, None, None]
    if channels != 3 or (saturation is None and hue is None):
        return (pictures * factor[..., None] + offset).clamp(0, 255)
    light = pictures.new_tensor(LIGHT).expand(3, 3)  # every channel becomes the light
    change = torch.eye(3, device=pictures.device).expand(len(pictures), 3, 3)
    if saturation is not None:
        change = light + saturation[:, None, None] * (change - light)
    if hue is not None:
        change = _turn(hue) @ change
    # Grey keeps its place under both, so the offset may be added after them.
    turned = torch.einsum("nhwc,ndc->nhwd", pictures, change * factor)
    return (turned + offset).clamp(0, 255)


def _turn(hue: Tensor) -> Tensor:
    """Turns about the grey axis, (N,) -> (N, 3, 3) (Rodrigues)."""
    angle = (hue * (2 * math.pi))[:, None, None]
    axis = 1 / math.sqrt(3)
    cross = hue.new_tensor([[0, -axis, axis], [axis, 0, -axis], [-axis, axis, 0]])
    onto = hue.new_full((3, 3), 1 / 3)
    return angle.cos() * (torch.eye(3, device=hue.device) - onto) + angle.sin() * cross + onto


def sharpen(pictures: Tensor, factors: Tensor) -> Tensor:
    """Sharper where a factor is above 1, blurred below: (N, H, W, C) float32, (N,) -> (N, H, W, C)."""
    padded = torch.cat([pictures[:, :1], pictures, pictures[:, -1:]], 1)
    padded = torch.cat([padded[:, :, :1], padded, padded[:, :, -1:]], 2)
    lines = padded[:, :-2] + padded[:, 1:-1] + padded[:, 2:]
    box = lines[:, :, :-2] + lines[:, :, 1:-1] + lines[:, :, 2:]
    smooth = (box + 4 * pictures) / 13  # the kernel of Pillow's SMOOTH
    return (smooth + factors[:, None, None, None] * (pictures - smooth)).clamp(0, 255)


def posterize(pictures: Tensor, bits: Tensor) -> Tensor:
    """Keep the highest bits of each value: (N, H, W, C) float32, (N,) from 1 to 8 -> (N, H, W, C)."""
    step = (2.0 ** (8 - bits))[:, None, None, None]
    return (pictures / step).floor() * step


def solarize(pictures: Tensor, above: Tensor) -> Tensor:
    """Turn values above a bound into their negative: (N, H, W, C) float32, (N,) -> (N, H, W, C)."""
    return torch.where(pictures >= above[:, None, None, None], 255 - pictures, pictures)


def autocontrast(pictures: Tensor) -> Tensor:
    """Stretch each channel from 0 to 255, (N, H, W, C) float32; one that is even stays as it is."""
    low, high = pictures.amin((1, 2), keepdim=True), pictures.amax((1, 2), keepdim=True)
    stretched = (pictures - low) * (255 / (high - low).clamp(min=1))
    return torch.where(high > low, stretched, pictures).clamp(0, 255)


def equalize(pictures: Tensor) -> Tensor:
    """Make the values of each channel equally frequent, (N, H, W, C) float32."""
    count, height, width, channels = pictures.shape
    values = pictures.round().long().clamp(0, 255).permute(0, 3, 1, 2).reshape(count * channels, -1)
    found = torch.zeros(count * channels, 256, device=pictures.device)
    found.scatter_add_(1, values, torch.ones_like(values, dtype=found.dtype))
    below = found.cumsum(1) - found  # pixels darker than each value
    most = below.gather(1, values.amax(1, keepdim=True))  # those darker than the lightest that occurs
    table = torch.where(most > 0, below * (255 / most.clamp(min=1)), torch.arange(256.0, device=pictures.device))
    equal = torch.gather(table, 1, values).round()
    return equal.reshape(count, channels, height, width).permute(0, 2, 3, 1).contiguous()
