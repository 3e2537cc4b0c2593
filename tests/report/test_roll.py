"""Music as a picture."""

from __future__ import annotations

import base64
from io import BytesIO

import numpy as np
from PIL import Image

from lamina.report.roll import NOTE, TALL, WIDE, piano_roll


def pixels(frames: np.ndarray, lowest: int = 21) -> np.ndarray:
    kind, content = piano_roll(frames, lowest).split(",", 1)
    assert kind == "data:image/png;base64"
    return np.asarray(Image.open(BytesIO(base64.b64decode(content))))


def test_notes_stand_where_they_sound() -> None:
    frames = np.zeros((6, 88), bool)
    frames[0, 39] = frames[1:4, 43] = frames[5, 46] = True
    picture = pixels(frames)
    rows = 46 - 39 + 1 + 4  # and two keys on either side
    assert picture.shape == (rows * TALL, 6 * WIDE, 3)
    painted = (picture == NOTE).all(2)[TALL // 2 :: TALL, WIDE // 2 :: WIDE]  # the middle of each cell
    found = {(rows - 1 - row + 37, step) for row, step in zip(*np.nonzero(painted), strict=True)}
    assert found == {(39, 0), (43, 1), (43, 2), (43, 3), (46, 5)}


def test_long_and_silent_pieces_are_drawn() -> None:
    long = np.zeros((5_000, 88), bool)
    long[:, 40] = True
    assert pixels(long).shape[1] <= 960
    assert pixels(np.zeros((4, 88), bool)).shape == (12 * TALL, 4 * WIDE, 3)
    top = np.zeros((2, 128), bool)
    top[:, 127] = top[:, 0] = True
    assert pixels(top, lowest=0).shape[0] == 128 * TALL
