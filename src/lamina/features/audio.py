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

from lamina.config import setting, settings
from lamina.errors import DataError
from lamina.features.base import Claim, Profile, Slot
from lamina.features.media import Media, cells_of, file_bytes, in_threads, is_file_name, lots_of
from lamina.features.mel import frame_sizes, log_mel, resampled
from lamina.features.moments import Moments
from lamina.features.wav import ENDINGS, LOUDEST, Recording, is_recording, recording

__all__ = ["Audio", "AudioSettings", "AudioState", "Heard"]

SAMPLE = 500  # recordings that the rate and the loudness of the bands are learned from
LOOKED_AT = 100  # cells of bytes whose beginnings are looked at
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
        values = profile.values
        if isinstance(values.dtype, pl.Struct) and "bytes" in values.struct.fields:
            values = values.struct.field("bytes")
        if values.dtype == pl.Binary:
            starts = values.drop_nulls().head(LOOKED_AT).to_list()
            known = sum(is_recording(start[:12]) for start in starts)
            evidence = f"{known} of the first {len(starts)} cells begin as recordings do"
            return Claim(0.9, evidence) if known and 2 * known >= len(starts) else None
        if values.dtype == pl.String and profile.present:
            named = is_file_name(values, ENDINGS) & ~values.str.contains("://", literal=True)
            share = float(named.drop_nulls().to_numpy().mean())
            return Claim(0.9, f"{share:.0%} of the cells are names of recordings") if share >= 0.9 else None
        return None

    def partial_fit(self, values: pl.Series) -> Self:
        if self.state is None:
            self.state = _Sample()
        self.state.add(values)
        return self

    def finish(self) -> Self:
        sample: _Sample = self.state
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
            sound = self._recording(cell)
        except DataError:
            return None  # counted as broken, and set aside by encode
        loudest = float(np.abs(sound.samples).max())
        return Heard(sound.rate, sound.samples.shape[1], sound.seconds, loudest < QUIET)

    def _moments(self, cell: Any) -> Moments | None:
        try:
            return Moments.of(self._log_mel(cell))
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
        state = self.state
        return ((self._log_mel(cell) - state.mean) / state.deviation).astype(np.float32)

    def _log_mel(self, cell: str | bytes | np.ndarray) -> np.ndarray:
        """(frames, bands) float64."""
        sound, rate = self._recording(cell), self.state.rate
        length, hop = frame_sizes(rate, self.settings.window, self.settings.hop)
        return log_mel(resampled(sound.mono, sound.rate, rate), rate, length, hop, self.settings.bands)

    def _recording(self, cell: str | bytes | np.ndarray) -> Recording:
        if isinstance(cell, np.ndarray):
            return self._array(cell)
        return recording(file_bytes(cell) if isinstance(cell, str) else cell, self.settings.longest)

    def _array(self, cell: np.ndarray) -> Recording:
        rate = self.settings.rate
        if rate == "auto":
            do = f"say --set data.features.{self.column}.rate=16000"
            raise DataError("an array does not say how many samples a second it has", do=do)
        if cell.dtype.kind not in "iuf" or cell.ndim not in self.dimensions or not cell.size:
            raise DataError("the array holds no sound", got=f"{cell.dtype} of shape {cell.shape}")
        samples = cell.reshape(len(cell), -1) / (32_768 if cell.dtype.kind in "iu" else 1.0)
        if not np.abs(samples).max() < LOUDEST:
            raise DataError("the array holds samples that are no numbers, or far above 1")
        return Recording(samples[: int(self.settings.longest * rate)], rate, len(cell) / rate)

    def summary(self) -> dict[str, Any]:
        state = self.state
        shortest, middle, longest = (round(value, 3) for value in state.seconds)
        found: dict[str, Any] = {"rate": state.rate, "rates of the files": state.rates, "channels": state.channels}
        found |= {"seconds": {"shortest": shortest, "middle": middle, "longest": longest}, "bands": len(state.mean)}
        counts = {"silent": state.silent, "cut": state.cut, "cannot be decoded": state.broken}
        return found | {name: f"{count} of {state.sampled} looked at" for name, count in counts.items() if count}


class _Sample:
    """The cells of the smallest lots, each drawn from the cell itself: the same ones in whatever pieces they come."""

    def __init__(self) -> None:
        self.count = self.missing = 0
        self._drawn: list[tuple[int, Any]] = []  # in the order of their lots

    @property
    def cells(self) -> list[Any]:
        return [cell for _, cell in self._drawn]

    def add(self, values: pl.Series) -> None:
        """Take in more cells."""
        cells = values.drop_nulls()
        self.count += len(cells)
        self.missing += len(values) - len(cells)
        lots = lots_of(cells)
        best = np.argsort(lots, kind="stable")[:SAMPLE]
        drawn = zip(lots[best].tolist(), cells_of(cells.gather(best)), strict=True)
        self._drawn = sorted([*self._drawn, *drawn], key=lambda item: item[0])[:SAMPLE]


def _frequent(values: Iterable[int]) -> list[int]:
    """The different values, the most frequent first."""
    counts = Counter(values)
    return sorted(counts, key=lambda value: (-counts[value], value))
