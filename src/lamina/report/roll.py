"""Music as a picture: a piano roll."""

from __future__ import annotations

import numpy as np

from lamina.report.thumbnail import data_uri, png

__all__ = ["piano_roll"]

WIDE, TALL = 8, 4  # pixels of a step and a key
WIDEST = 960  # pixels of a picture: steps get narrower first, and the rest is left out
MARGIN = 2  # keys around those that sound
BLACK = (1, 3, 6, 8, 10)  # of an octave from C
BAR = 4  # steps between two lines
PAPER, SHADE, LINE, NOTE = (255, 255, 255), (240, 242, 245), (214, 219, 226), (31, 95, 168)


def piano_roll(frames: np.ndarray, lowest: int) -> str:
    """Frames, (T, keys), as the data URI of a PNG: time to the right, the highest key on top, black keys in grey.

    ``lowest`` is the pitch of the first key.

    Notes that are held or struck again look alike, as the steps do not tell them apart.

    Example:
        >>> piano_roll(np.eye(88, dtype=bool)[[39, 41]], lowest=21)[:22]
        'data:image/png;base64,'
    """
    wide = max(2, min(WIDE, WIDEST // max(1, len(frames))))
    sounding = frames[: WIDEST // wide].astype(bool)
    keys = np.flatnonzero(sounding.any(0))
    low, high = (max(0, keys[0] - MARGIN), min(frames.shape[1], keys[-1] + MARGIN + 1)) if len(keys) else (0, 12)
    pitches = np.arange(low, high) + lowest
    pixels = np.empty((high - low, len(sounding), TALL, wide, 3), np.uint8)
    pixels[:] = np.where(np.isin(pitches % 12, BLACK)[:, None], SHADE, PAPER)[:, None, None, None]
    pixels[pitches % 12 == 0, :, -1] = LINE  # below each C
    pixels[:, ::BAR, :, 0] = LINE
    pixels[sounding[:, low:high].T] = NOTE
    picture = pixels[::-1].swapaxes(1, 2).reshape((high - low) * TALL, len(sounding) * wide, 3)
    return data_uri(png(picture), "image/png")
