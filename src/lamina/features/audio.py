"""Sounds: speech, music, noises."""

from __future__ import annotations

import dataclasses
import functools
import statistics
from collections import Counter
from collections.abc import Iterable
from typing import Annotated, Any, ClassVar, Literal, NamedTuple, Self

import numpy as np
import polars as pl
from pydantic import Field

from lamina.codecs.audio import AudioCodec, recording_of
from lamina.codecs.wav import ENDINGS, is_recording
from lamina.config import setting, settings
from lamina.errors import DataError
from lamina.features.base import Claim, Profile, Slot
from lamina.features.media import Media, Sample, claim_of_files, in_threads
from lamina.features.moments import Moments

__all__ = ["Audio", "AudioSettings", "AudioState", "Heard"]

SAMPLE = 500  # recordings that the rate and the loudness of the bands are learned from
MOST = 16_000  # samples a second unless said: speech needs no more
QUIET = 1e-4  # of full scale: a recording that never gets louder is silent


@settings
class AudioSettings:
    """How sounds are brought to one form."""

    rate: Annotated[int, Field(ge=4000, le=48_000)] | Literal["auto"] = setting(
        "auto", "Samples a second; auto: the most frequent rate of the training files, at most 16,000."
    )
    bands: int = setting(64, "Bands of pitch, evenly spaced on the mel scale.", ge=8, le=256)
    window: float = setting(25.0, "Milliseconds that a frame looks at.", ge=1, le=1000)
    hop: float = setting(10.0, "Milliseconds from one frame to the next.", ge=1, le=1000)
    longest: float = setting(30.0, "Seconds that are kept; the rest is cut off.", ge=0.1, le=3600)


@dataclasses.dataclass
class AudioState:
    """What was learned from the training recordings.

    Attributes:
        count, missing: cells that are there, and that are not.
        sampled, broken: cells that were listened to, and how many of them could not be decoded.
        silent, cut: how many of them are silent, and how many are longer than the longest setting.
        rates, channels: those of the files, the most frequent first.
        seconds: of the shortest, of one in the middle, and of the longest.
        rate: samples a second after resampling.
        mean, deviation: of each band's log power.
        length: frames of a long recording, the 95th percentile.
    """

    count: int
    missing: int
    sampled: int
    broken: int
    silent: int
    cut: int
    rates: list[int]
    channels: list[int]
    seconds: list[float]
    rate: int
    mean: list[float]
    deviation: list[float]
    length: int


class Heard(NamedTuple):
    """What is learned from one recording before the rate is known."""

    rate: int
    channels: int
    seconds: float
    is_silent: bool


class Audio(Media):
    """A sound a cell: one ``frames`` slot, a frame every 10 ms, of the standardised log power of 64 mel bands.

    Files are WAV (whole numbers of 8 to 32 bits, floats) and, with the extra ``sound``, FLAC, OGG and MP3, of any rate;
    several channels become their mean. Arrays are (samples,) or (samples, channels) at the rate of the settings, from
    -1 to 1, or whole numbers of 16 bits. Rate and loudness are learned from up to 500 training recordings, chosen by
    their names or content, so that every order teaches the same.

    Example:
        >>> feature = Audio("call", AudioSettings(rate=8000))
        >>> cells = feature.read(pl.Series([[0.5, -0.5] * 400, None]))
        >>> feature.fit(cells).encode(cells)["frames"].lengths.tolist(), feature.slots[0].shape
        ([11, 0], (64,))
    """

    kind: ClassVar[str] = "audio"
    Settings = AudioSettings
    State = AudioState
    dimensions: ClassVar[tuple[int, ...]] = (1, 2)

    @classmethod
    def recognise(cls, profile: Profile) -> Claim | None:
        return claim_of_files(profile, "recordings", is_recording, ENDINGS)

    def partial_fit(self, values: pl.Series) -> Self:
        if self.state is None:
            self.state = Sample(SAMPLE)
        self.state.add(values)
        return self

    def finish(self) -> Self:
        sample: Sample = self.state
        cells = sample.cells
        heard = [one for one in in_threads(self._heard, cells) if one is not None]
        rates = Counter(one.rate for one in heard)
        usual = min(max(rates, key=lambda rate: (rates[rate], rate), default=MOST), MOST)
        rate = usual if self.settings.rate == "auto" else self.settings.rate
        seconds = [one.seconds for one in heard] or [0.0]
        nothing = [0.0] * self.settings.bands
        self.state = AudioState(
            count=sample.count,
            missing=sample.missing,
            sampled=len(cells),
            broken=len(cells) - len(heard),
            silent=sum(one.is_silent for one in heard),
            cut=sum(one.seconds > self.settings.longest for one in heard),
            rates=_frequent(one.rate for one in heard),
            channels=_frequent(one.channels for one in heard),
            seconds=[min(seconds), statistics.median(seconds), max(seconds)],
            rate=rate,
            mean=nothing,
            deviation=[1.0] * len(nothing),
            length=1,
        )
        self._measure(cells)
        return self

    def _measure(self, cells: list[Any]) -> None:
        """Learn each band's mean and deviation, and how many frames a long recording has."""
        found = [moments for moments in in_threads(self._moments, cells) if moments is not None]
        if found:
            total = functools.reduce(Moments.joined, found)
            self.state.mean = total.mean.tolist()
            # A band in which nothing ever sounds stays near zero, whatever sounds there later.
            self.state.deviation = np.where(total.deviation > 1e-3, total.deviation, 1.0).tolist()
            self.state.length = int(np.quantile([moments.counts[0] for moments in found], 0.95, method="higher"))

    def _heard(self, cell: Any) -> Heard | None:
        try:
            sound = recording_of(cell, self.column, self._array_rate, self.settings.longest)
        except DataError:
            return None  # counted as broken, and set aside by encode
        loudest = float(np.abs(sound.samples).max())
        return Heard(sound.rate, sound.samples.shape[1], sound.seconds, loudest < QUIET)

    def _moments(self, cell: Any) -> Moments | None:
        try:
            return Moments.of(self.codec().log_mel(cell))
        except DataError:
            return None

    @property
    def slots(self) -> list[Slot]:
        return [Slot(self.column, "bands", "frames", shape=(self.settings.bands,), length=self.state.length)]

    def load(self, cell: str | bytes | np.ndarray) -> np.ndarray:
        """A sound's frames, (frames, bands) float32 of mean 0 and deviation 1 over the training recordings.

        Raises:
            DataError: if it cannot be decoded; it says why.
        """
        return self.codec().load(cell)

    def codec(self) -> AudioCodec:
        state, chosen = self.state, self.settings
        return AudioCodec(
            self.column,
            rate=state.rate,
            array_rate=self._array_rate,
            window=chosen.window,
            hop=chosen.hop,
            longest=chosen.longest,
            mean=state.mean,
            deviation=state.deviation,
        )

    @property
    def _array_rate(self) -> int | None:
        """Samples a second of arrays, which do not say so themselves."""
        return None if self.settings.rate == "auto" else self.settings.rate

    def summary(self) -> dict[str, Any]:
        state = self.state
        shortest, middle, longest = (round(value, 3) for value in state.seconds)
        found: dict[str, Any] = {"rate": state.rate, "rates of the files": state.rates, "channels": state.channels}
        found |= {"seconds": {"shortest": shortest, "middle": middle, "longest": longest}, "bands": len(state.mean)}
        counts = {"silent": state.silent, "cut": state.cut, "cannot be decoded": state.broken}
        return found | {name: f"{count} of {state.sampled} looked at" for name, count in counts.items() if count}


def _frequent(values: Iterable[int]) -> list[int]:
    """The different values, the most frequent first."""
    counts = Counter(values)
    return sorted(counts, key=lambda value: (-counts[value], value))
