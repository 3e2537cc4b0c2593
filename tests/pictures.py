"""Pictures for tests, made as files' bytes."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image

__all__ = ["npy", "packed", "photo"]


def photo(height: int, width: int, channels: int = 3, seed: int = 0) -> np.ndarray:
    """A smooth picture of several shades, (height, width, channels) uint8."""
    generator = np.random.default_rng(seed)
    corners = generator.integers(0, 256, (2, 2, channels), np.uint8)
    planes = [
        Image.fromarray(corners[..., place]).resize((width, height), Image.Resampling.BILINEAR)
        for place in range(channels)
    ]
    return np.stack([np.asarray(plane) for plane in planes], axis=2)


def packed(picture: Any, kind: str = "PNG", **how: Any) -> bytes:
    """A picture, Pillow's or an array (height, width) or (height, width, channels), as the bytes of a file."""
    if isinstance(picture, np.ndarray):
        picture = Image.fromarray(picture[..., 0] if picture.ndim == 3 and picture.shape[2] == 1 else picture)
    file = BytesIO()
    picture.save(file, kind, **how)
    return file.getvalue()


def npy(array: np.ndarray) -> bytes:
    """An array as the bytes of a NumPy file."""
    file = BytesIO()
    np.save(file, array)
    return file.getvalue()
