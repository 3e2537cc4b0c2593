"""Arrays as small PNG pictures that lie in the page itself."""

from __future__ import annotations

import base64
import struct
import zlib

import numpy as np

from lamina.evaluation.matrix import shrunk

__all__ = ["LARGEST", "data_uri", "film_strip", "png", "spectrogram", "thumbnail"]

LARGEST = 96  # pixels a side
WIDEST = 240  # of what goes along time
SCENES = 4  # of a film


def png(pixels: np.ndarray) -> bytes:
    """Pixels (height, width, 1 or 3) uint8 as a PNG file.

    The format is simple enough to be written here, so that a report needs no package that the run did without.

    Example:
        >>> png(np.zeros((2, 3, 1), np.uint8))[:4]
        b'\\x89PNG'
    """
    height, width, channels = pixels.shape
    # Each line begins with its filter: 0, none.
    lines = np.concatenate([np.zeros((height, 1), np.uint8), pixels.reshape(height, width * channels)], axis=1)
    head = struct.pack(">IIBBBBB", width, height, 8, {1: 0, 3: 2}[channels], 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(lines.tobytes(), 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, content) for kind, content in chunks)


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def data_uri(content: bytes, kind: str) -> str:
    """Content in the page itself, as in ``data:image/png;base64,...``."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def thumbnail(pixels: np.ndarray, largest: int = LARGEST) -> str:
    """A picture (height, width, channels) uint8 as the data URI of a PNG, in its own form, at most so large.

    One or three channels are grey or colours; of any other number the mean is shown.
    """
    height, width, channels = pixels.shape
    shrink = min(1.0, largest / max(height, width))
    small = shrunk(pixels[None], max(1, round(height * shrink)), max(1, round(width * shrink)))[0]
    if channels not in (1, 3):
        small = small.mean(axis=2, keepdims=True)
    return data_uri(png((small + 0.5).clip(0, 255).astype(np.uint8)), "image/png")


def film_strip(pictures: np.ndarray) -> str:
    """A few pictures of a film (length, height, width, channels) uint8, side by side."""
    picked = np.linspace(0, len(pictures) - 1, min(SCENES, len(pictures))).astype(int)
    height, width = pictures.shape[1:3]
    shrink = min(1.0, WIDEST / SCENES / max(height, width))
    scenes = shrunk(pictures[picked], max(1, round(height * shrink)), max(1, round(width * shrink)))
    return thumbnail(np.concatenate(list(scenes), axis=1), WIDEST)


def spectrogram(frames: np.ndarray) -> str:
    """Frames (length, bands) as a picture: time to the right, the highest band on top, what is loud in white."""
    small = shrunk(frames[None, :, :, None], WIDEST, LARGEST)[0, :, ::-1, 0].T  # (bands, time)
    low, high = np.nanquantile(small, [0.02, 0.99])
    grey = np.nan_to_num((small - low) / ((high - low) or 1.0)).clip(0, 1) * 255
    return data_uri(png(grey.astype(np.uint8)[..., None]), "image/png")
