"""What a network that composes makes: pieces to look at and to listen to, and how much of them is copied."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from torch import nn

from lamina.codecs.ragged import Ragged
from lamina.codecs.wav import write_wav
from lamina.data.rows import Rows
from lamina.evaluation.music import RUN, copied, frames_of
from lamina.evaluation.text.copies import Copies
from lamina.features.piece import Piece
from lamina.report.roll import piano_roll
from lamina.report.thumbnail import data_uri
from lamina.tasks.compose import Compose

__all__ = ["composed"]

PIECES = 3
SECONDS = 20.0  # of a piece, at most
HEARD, RATE = 12.0, 8_000  # seconds of a piece that can be listened to, and samples of each: 200 kB
COMPARED = 2_000  # training pieces that copies are looked for in


def composed(
    task: Compose, model: nn.Module, taught: Rows, judged: Rows, losses: np.ndarray, seed: int
) -> dict[str, Any]:
    """A few new pieces, drawn as the run's settings say, of seeds that follow each other.

    Arguments are those of :class:`lamina.pipeline.made.Making`.

    Returns:
        ``pieces``, a list of name, picture (the data URI of a PNG), sound (of a WAV) and size; and ``told``.
    """
    model.eval()
    seconds, first = min(SECONDS, task.settings.seconds), task.settings.seed
    pieces = [task.compose(model, how="new", seconds=seconds, seed=first + number) for number in range(PIECES)]
    frames = [_frames(piece, task) for piece in pieces]
    some = taught.thinned(COMPARED)
    learned = list(_each(some.target(0)))
    own, peoples = copied(frames, learned), copied(_each(judged.target(0)), learned)
    rows = some.array("row")
    shown = [
        _shown(*both, task.feature.lowest, first + number)
        for number, both in enumerate(zip(pieces, frames, strict=True))
    ]
    return {"pieces": shown, "told": _told(own, peoples, rows)}


def _frames(piece: Piece, task: Compose) -> np.ndarray:
    """A piece as frames again, (T, keys) bool."""
    frames = np.zeros((len(piece.steps), task.width), bool)
    for place, step in enumerate(piece.steps):
        frames[place, np.array(step, np.int64) - task.feature.lowest] = True
    return frames


def _each(target: Ragged) -> Iterator[np.ndarray]:
    """Encoded pieces one by one, (T, keys) bool."""
    for row in range(len(target)):
        yield frames_of(target[row : row + 1])


def _shown(piece: Piece, frames: np.ndarray, lowest: int, seed: int) -> dict[str, Any]:
    sound = piece.sound(RATE, HEARD).mean(1)
    return {
        "name": f"seed {seed}",
        "picture": piano_roll(frames, lowest),
        "sound": data_uri(write_wav(sound, RATE), "audio/wav"),
        "size": f"{len(frames):,} steps, {piece.seconds:.0f} seconds",
    }


def _told(own: Copies, peoples: Copies, rows: np.ndarray) -> str:
    """How much was copied, beside how much people have in common."""
    if np.isnan(own.share):
        return ""
    said = (
        f"Of the runs of {RUN} steps in these pieces, {own.share:.1%} stand in the training pieces, in the same key or "
        "another"
    )
    said += (
        "."
        if np.isnan(peoples.share)
        else f"; of those in the judged pieces, which it has not seen, {peoples.share:.1%}."
    )
    if own.longest is not None:
        said += f" The longest has {own.longest.length} steps, and is of row {rows[own.longest.row]:,}."
    return said
