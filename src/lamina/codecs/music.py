"""Music: which notes sound, step after step, from MIDI files or lists of pitches."""

from __future__ import annotations

import dataclasses
import itertools
from typing import ClassVar

import numpy as np

from lamina.codecs.content import file_bytes
from lamina.codecs.media import FileCodec
from lamina.codecs.midi import DRUMS, Note, Tune, read_midi
from lamina.errors import DataError, some

__all__ = ["KEYS", "PITCHES", "MusicCodec", "listed", "roll_of"]

PITCHES = 128
KEYS = {"piano": (21, 108), "all": (0, PITCHES - 1)}  # the lowest and the highest pitch


@dataclasses.dataclass
class MusicCodec(FileCodec):
    """A tune a cell: one ``frames`` slot, a frame a step, 1 for each key that sounds and 0 for the others.

    Attributes:
        step: beats a step, to which the notes of MIDI files are moved.
        low, high: the lowest and the highest pitch that has a key.
        longest: steps that are kept.

    Example:
        >>> rows = MusicCodec("tune", 1.0, 21, 108, 4096).encode([[[60, 64], [], [62]], None])["frames"]
        >>> rows.lengths.tolist(), rows.values.sum(1).tolist()
        ([3, 0], [2.0, 0.0, 1.0])
    """

    kind: ClassVar[str] = "music"
    group: ClassVar[str] = "frames"
    dimensions: ClassVar[tuple[int, ...]] = (2,)
    column: str
    step: float
    low: int
    high: int
    longest: int

    def load(self, cell: str | bytes | np.ndarray) -> np.ndarray:
        """A tune's frames, (steps, keys) float32 of 0 and 1."""
        return self.with_tempo(cell)[0]

    def with_tempo(self, cell: str | bytes | np.ndarray) -> tuple[np.ndarray, float | None]:
        """A tune's frames as :meth:`load` gives them, and its beats a minute, if it says so."""
        roll, _, tempo = self.roll(cell)
        return roll[:, self.low : self.high + 1].astype(np.float32), tempo

    def roll(self, cell: str | bytes | np.ndarray) -> tuple[np.ndarray, int, float | None]:
        """Which pitches sound, (steps, 128) bool; how many steps there were; beats a minute, if the tune says so."""
        if isinstance(cell, np.ndarray):
            return listed(cell[: self.longest]), len(cell), None
        tune = read_midi(file_bytes(cell) if isinstance(cell, str) else cell)
        roll, length = roll_of(tune, self.step, self.longest)
        return roll, length, 6e7 / tune.tempos[0].micros if tune.tempos else None

    def empty(self) -> np.ndarray:
        return np.empty((0, self.high - self.low + 1), np.float32)


def roll_of(tune: Tune, step: float = 1.0, longest: int = 4096) -> tuple[np.ndarray, int]:
    """Which pitches sound in each step of a tune, (steps, 128) bool, and how many steps it has before it is cut.

    Each end of a note is moved to the nearest border of two steps (one in the middle to the later), and a note lasts a
    step at least.

    Args:
        tune: the tune; drums are left out.
        step: beats a step.
        longest: steps that are kept.

    Raises:
        DataError: if no note is left.

    Example:
        >>> roll, length = roll_of(Tune((Note(0, 950, 60), Note(490, 960, 67), Note(1440, 1441, 64))))
        >>> [np.flatnonzero(sounding).tolist() for sounding in roll], length
        ([[60], [60, 67], [], [64]], 4)
    """
    notes = np.array([note for note in tune.notes if note.channel != DRUMS], np.int64).reshape(-1, len(Note._fields))
    if not len(notes):
        raise DataError("the tune has no notes", got=f"{len(tune.notes)} of drums" if tune.notes else None)
    first, end = np.floor(notes[:, :2].T / (step * tune.division) + 0.5).astype(np.int64)
    end = np.maximum(first + 1, end)
    length = int(end.max())
    # One more at the first step of a note, one less after its last: their sum so far is how many notes sound.
    kept, pitches = min(length, longest), notes[:, 2]
    changes = np.zeros((kept + 1, PITCHES), np.int32)
    np.add.at(changes, (np.minimum(first, kept), pitches), 1)
    np.add.at(changes, (np.minimum(end, kept), pitches), -1)
    return changes.cumsum(0)[:-1] > 0, length


def listed(cell: np.ndarray) -> np.ndarray:
    """A list of steps, each a list of pitches, as (steps, 128) bool.

    Raises:
        DataError: if there are no steps, or it holds what is no pitch.
    """
    if not len(cell):
        raise DataError("the tune has no steps")
    given = [() if step is None else step for step in cell.tolist()]
    steps = [[pitch for pitch in step if not _rests(pitch)] for step in given]
    pitches = list(itertools.chain.from_iterable(steps))
    wrong = [pitch for pitch in pitches if not 0 <= pitch < PITCHES or pitch != int(pitch)]
    if wrong:
        raise DataError("the tune holds what is no pitch", got=some(wrong, 3), allowed="whole numbers from 0 to 127")
    roll = np.zeros((len(steps), PITCHES), bool)
    roll[np.repeat(np.arange(len(steps)), [len(step) for step in steps]), np.array(pitches, np.int64)] = True
    return roll


def _rests(pitch: float | None) -> bool:
    """Whether a voice is silent: it has nothing, no number, or -1."""
    return pitch is None or pitch == -1 or pitch != pitch
