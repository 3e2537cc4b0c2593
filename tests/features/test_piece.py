"""A piece as files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lamina.codecs.midi import Tune, read_midi
from lamina.codecs.wav import recording
from lamina.errors import UsageError
from lamina.features.music import tune_of
from lamina.features.piece import Piece

STEPS = [[60, 64, 67], [62, 65, 69], []]


def test_a_piece_is_written_as_its_name_says(tmp_path: Path) -> None:
    piece = Piece(STEPS, tune_of(STEPS, tempo=120))
    assert piece.seconds == 1.0
    for name in ("a.mid", "b.MIDI"):
        piece.save(tmp_path / name)
        assert read_midi((tmp_path / name).read_bytes()) == piece.tune
    piece.save(str(tmp_path / "a.wav"))
    sound = recording((tmp_path / "a.wav").read_bytes(), 60.0)
    assert (sound.rate, sound.samples.shape[1]) == (44_100, 2)
    assert sound.seconds == pytest.approx(1.0 + 1.58, abs=0.01)
    assert 0.8 < np.abs(sound.samples).max() < 0.95, "loud, and nothing is clipped"
    with pytest.raises(UsageError, match=r"got .*a\.ogg · allowed: a name that ends in \.mid, \.wav"):
        piece.save(tmp_path / "a.ogg")


def test_silence_can_be_written_too() -> None:
    piece = Piece([[], []], Tune())
    assert not recording(piece.wav(8000), 60.0).samples.any() and read_midi(piece.midi()).notes == ()
