"""Tunes as sound: in tune, in time, as loud as they should be, the same every time, and never clipped."""

from __future__ import annotations

import numpy as np
import pytest

from lamina.codecs.midi import DRUMS, Note, Tempo, Tune
from lamina.codecs.wav import recording, write_wav
from lamina.errors import DataError
from lamina.features.synthesis import LOUDEST, RELEASE, ROOM, frequency, synthesised

RATE = 8000
TAIL = RELEASE + ROOM  # seconds after the last note


def power(sound: np.ndarray, first: float, end: float) -> float:
    """Of a stretch of time in seconds."""
    return float((sound[round(first * RATE) : round(end * RATE)] ** 2).mean())


def test_frequencies() -> None:
    assert frequency(60) == pytest.approx(261.6256, abs=1e-4)
    assert frequency(81) == pytest.approx(880)


@pytest.mark.parametrize("pitch", [36, 57, 69, 84])
def test_a_note_sounds_at_its_pitch(pitch: int) -> None:
    sound = synthesised(Tune((Note(0, 1920, pitch),)), RATE)[:, 0]
    spectrum = np.abs(np.fft.rfft(sound[: 2 * RATE] * np.hanning(2 * RATE)))
    found = np.argmax(spectrum) / 2  # hertz
    assert found == pytest.approx(frequency(pitch), abs=1)
    overtone = spectrum[round(4 * frequency(pitch)) - 2 : round(4 * frequency(pitch)) + 3].max()
    assert 0.1 < overtone / spectrum.max() < 0.6


def test_overtones_that_the_rate_cannot_hold_are_left_out() -> None:
    sound = synthesised(Tune((Note(0, 1920, 108),)), RATE).mean(1)  # of 4,186 hertz, above half of the rate
    assert not sound.any()
    sound = synthesised(Tune((Note(0, 1920, 96),)), RATE).mean(1)  # 2,093 hertz, and no overtone below 3,600
    spectrum = np.abs(np.fft.rfft(sound[: 2 * RATE] * np.hanning(2 * RATE)))
    spectrum[4180:4195] = 0
    assert spectrum.max() < 0.01 * np.abs(np.fft.rfft(sound[: 2 * RATE])).max()


def test_notes_sound_when_they_should() -> None:
    tempos = (Tempo(0, 1_000_000), Tempo(480, 500_000))
    sound = synthesised(Tune((Note(0, 480, 60), Note(1920, 2400, 67)), 480, tempos), RATE)
    assert sound.shape == (round((3.0 + TAIL) * RATE), 2)
    held, echo, second = power(sound, 0.1, 0.9), power(sound, 2.2, 2.45), power(sound, 2.6, 2.9)
    assert held > 0.001
    assert second > 0.001
    assert echo < 0.001 * held, "between them the room has died away"
    assert np.abs(sound[:8]).max() < 0.02, "it swells"
    assert np.abs(sound[-80:]).max() < 0.001, "it ends in silence"
    steps = np.abs(np.diff(sound, axis=0)).max(1)
    assert steps.argmax() in range(2 * RATE, 3 * RATE), "without a click where a note begins or ends"


def test_many_loud_notes_do_not_clip_and_one_soft_note_is_heard() -> None:
    many = Tune(tuple(Note(0, 960, pitch, 127) for pitch in range(30, 100)))
    soft = Tune((Note(0, 960, 60, 1),))
    for tune in (many, soft):
        assert np.abs(synthesised(tune, RATE)).max() == pytest.approx(LOUDEST)
    both = synthesised(Tune((Note(0, 480, 60, 127), Note(1920, 2400, 60, 40))), RATE)
    assert power(both, 2.1, 2.4) < 0.1 * power(both, 0.1, 0.4), "velocity is loudness"


def test_low_notes_are_left_and_high_ones_right() -> None:
    low, high = (synthesised(Tune((Note(0, 960, pitch),)), RATE).std(0) for pitch in (30, 90))
    assert low[0] > 1.2 * low[1]
    assert high[1] > 1.2 * high[0]


def test_it_is_the_same_every_time() -> None:
    tune = Tune((Note(0, 480, 60), Note(240, 960, 64)))
    assert np.array_equal(synthesised(tune, RATE), synthesised(tune, RATE))


def test_only_the_beginning_of_a_long_tune_is_played() -> None:
    tune = Tune(tuple(Note(480 * place, 480 * place + 9600, 60 + place) for place in range(9)))
    assert len(synthesised(tune, RATE, longest=2.0)) == round((2.0 + TAIL) * RATE)


@pytest.mark.parametrize("notes", [(), (Note(0, 480, 40, channel=DRUMS),)])
def test_what_has_no_notes_is_refused(notes: tuple[Note, ...]) -> None:
    with pytest.raises(DataError, match="no note to play"):
        synthesised(Tune(notes))


@pytest.mark.parametrize("rate", [0, 10, 10**6])
def test_a_rate_that_no_sound_has_is_refused(rate: int) -> None:
    with pytest.raises(DataError, match="rate"):
        synthesised(Tune((Note(0, 480, 60),)), rate)


def test_it_can_be_written_and_read() -> None:
    sound = synthesised(Tune((Note(0, 480, 60),)), RATE)
    found = recording(write_wav(sound, RATE), 30)
    assert (found.rate, found.seconds) == (RATE, pytest.approx(0.5 + TAIL))
    assert np.abs(found.samples - sound).max() < 1e-4
