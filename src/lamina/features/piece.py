"""A piece of music as one gets it: its steps, a MIDI file, and a recording of it."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from lamina.codecs.midi import ENDINGS, Tune, write_midi
from lamina.codecs.wav import write_wav
from lamina.errors import UsageError
from lamina.features.synthesis import synthesised
from lamina.files import write_bytes

__all__ = ["Piece", "ending"]

RATE = 44_100  # samples a second
LONGEST = 600.0  # seconds that are played


@dataclasses.dataclass(frozen=True)
class Piece:
    """Music that can be written and played.

    Attributes:
        steps: the pitches of each step, 60 is middle C.
        tune: the same as notes, with their times.

    Example:
        >>> from lamina.features.music import tune_of
        >>> piece = Piece([[60, 64], [60]], tune_of([[60, 64], [60]], tempo=120))
        >>> piece.seconds, piece.midi()[:4], piece.wav(8000)[:4]
        (1.0, b'MThd', b'RIFF')
    """

    steps: list[list[int]]
    tune: Tune

    @property
    def seconds(self) -> float:
        """How long it lasts, to the end of the last note."""
        return self.tune.seconds([self.tune.end])[0]

    def midi(self) -> bytes:
        """A MIDI file."""
        return write_midi(self.tune)

    def sound(self, rate: int = RATE, longest: float = LONGEST) -> np.ndarray:
        """Left and right from -1 to 1, (samples, 2); silence for a piece without notes."""
        if not self.tune.notes:
            return np.zeros((rate, 2))
        return synthesised(self.tune, rate, longest)

    def wav(self, rate: int = RATE) -> bytes:
        """A recording: WAV, 16 bits, two channels. It dies away for 1.6 seconds after the last note."""
        return write_wav(self.sound(rate), rate)

    def save(self, path: str | Path) -> None:
        """Write it to a file, as its name says: .mid or .wav.

        Raises:
            UsageError: if the name ends otherwise.
        """
        write_bytes(Path(path), self.wav() if ending(path) == "wav" else self.midi())


def ending(path: str | Path) -> str:
    """How the name of a file ends that a piece goes to: ``mid``, ``midi`` or ``wav``.

    Raises:
        UsageError: if it ends otherwise.
    """
    found = Path(path).suffix.lower().removeprefix(".")
    if found not in (*ENDINGS, "wav"):
        raise UsageError(
            "a piece is written as MIDI or as a recording", got=str(path), allowed="a name that ends in .mid, .wav"
        )
    return found
