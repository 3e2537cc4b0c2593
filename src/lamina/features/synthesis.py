"""Tunes as sound: a soft tone of overtones for each note, in a room. Plain numpy."""

from __future__ import annotations

import itertools
import operator

import numpy as np

from lamina.codecs.midi import DRUMS, Tune
from lamina.codecs.wav import RATES
from lamina.errors import DataError

__all__ = ["frequency", "synthesised"]

# The strength of each overtone, the ground tone first: odd ones a little stronger, as of a reed or a stopped pipe.
OVERTONES = (1.0, 0.42, 0.34, 0.16, 0.14, 0.07, 0.06, 0.03, 0.025, 0.015)
DECAY, DECAY_EACH = 0.35, 0.45  # a second, of the whole tone, and of each overtone more
ATTACK, RELEASE = 0.02, 0.18  # seconds in which a note swells, and dies away after its end
APART = 1.2  # cents between left and right: two players are never quite in tune
SWING = 0.35  # how far the lowest and the highest notes stand from the middle
BRIGHTEST = 0.45  # of the rate: overtones above are left out, since they would come back as false tones

ROOM, WET = 1.4, 0.16  # seconds in which the room dies away by 60 dB, and its share of what is heard
LOUDEST = 0.89  # of full scale, 1 dB below it


def frequency(pitch: float) -> float:
    """Of a pitch, in hertz: 440 for 69, the A above middle C, and twice as high every 12.

    Example:
        >>> frequency(69), frequency(57)
        (440.0, 220.0)
    """
    return float(440.0 * 2 ** ((pitch - 69) / 12))


def synthesised(tune: Tune, rate: int = 44_100, longest: float = 300.0) -> np.ndarray:
    """Play a tune.

    Args:
        tune: the tune; drums are left out.
        rate: samples a second.
        longest: seconds that are played. The last notes and the room then die away, which takes 1.6 seconds more.

    Returns:
        (samples, 2) float64, left and right, the loudest at 0.89 of full scale; the same for the same tune.

    Raises:
        DataError: if there is nothing to play, or no sound has such a rate.

    Example:
        >>> from lamina.codecs.midi import Note
        >>> synthesised(Tune((Note(0, 480, 60),)), rate=8000).shape
        (16640, 2)
    """
    if not RATES[0] <= rate <= RATES[1]:
        raise DataError("no sound has such a rate", got=rate, allowed=f"{RATES[0]} to {RATES[1]} samples a second")
    notes = [note for note in tune.notes if note.channel != DRUMS]
    starts, ends = tune.seconds(note.start for note in notes), tune.seconds(note.end for note in notes)
    spans = zip(starts, ends, notes, strict=True)
    heard = [(start, min(end, longest), note) for start, end, note in spans if start < longest]
    if not heard:
        raise DataError("there is no note to play")
    sound = np.zeros((round((max(end for _, end, _ in heard) + RELEASE + ROOM) * rate), 2))
    # Pitch, samples, first sample and loudness: sorted, so that each tone is made once, and one is kept at a time.
    played = sorted(
        (note.pitch, max(1, round((end - start) * rate)), round(start * rate), (note.velocity / 127) ** 1.5)
        for start, end, note in heard
    )
    for (pitch, length), same in itertools.groupby(played, key=operator.itemgetter(0, 1)):
        tone = _tone(pitch, length, rate)
        for _, _, place, loud in same:
            sound[place : place + len(tone)] += loud * tone[: len(sound) - place]
    return _in_room(sound, rate)


def _tone(pitch: int, length: int, rate: int) -> np.ndarray:
    """A note held for so many samples, and dying away, (samples, 2)."""
    time = np.arange(length + round(RELEASE * rate)) / rate
    swell = np.sin(np.minimum(time / ATTACK, 1) * np.pi / 2) ** 2
    fade = np.cos(np.clip((time - length / rate) / RELEASE, 0, 1) * np.pi / 2) ** 2
    shape = swell * fade * np.exp(-DECAY * time)
    side = SWING * np.clip((pitch - 64.5) / 44, -1, 1)
    sides = [
        loud * shape * _overtones(frequency(pitch + cents / 100), time, rate)
        for loud, cents in ((1 - side, -APART / 2), (1 + side, APART / 2))
    ]
    return np.stack(sides, axis=1)


def _overtones(ground: float, time: np.ndarray, rate: int) -> np.ndarray:
    """The sum of all overtones below the highest that the rate can hold."""
    # Overtone k is turn ** k, whose length falls the faster the higher it is; so their sum is a polynomial of the turn.
    strengths = [strength for place, strength in enumerate(OVERTONES, 1) if place * ground < BRIGHTEST * rate]
    turn = np.exp((2j * np.pi * ground - DECAY_EACH) * time)
    summed: np.ndarray = np.polyval([*strengths[::-1], 0.0], turn).imag
    return summed


def _in_room(sound: np.ndarray, rate: int) -> np.ndarray:
    """Sound with the echoes of a room, at full loudness, (samples, 2): each side is heard through its own noise."""
    count = round(ROOM * rate)
    fall = np.exp(-np.log(1000) * np.arange(count) / count)
    noise = np.random.default_rng(0).normal(size=(count + 3, 2))
    softer = (noise[:-3] + noise[1:-2] + noise[2:-1] + noise[3:]) / 4  # walls take the highest tones away
    echoes = softer * fall[:, None] / np.sqrt((fall**2).sum() / 4)
    size = 1 << (len(sound) + count - 1).bit_length()
    wet = np.empty_like(sound)
    for side in range(2):
        heard = np.fft.rfft(sound[:, side], size) * np.fft.rfft(echoes[:, side], size)
        wet[:, side] = np.fft.irfft(heard, size)[: len(sound)]
    mixed = (1 - WET) * sound + WET * wet
    peak = np.abs(mixed).max()
    return mixed * (LOUDEST / peak) if peak else mixed
