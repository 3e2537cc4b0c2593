"""Sounds: any recording to the loudness of bands of pitch."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import numpy as np

from lamina.codecs.content import file_bytes
from lamina.codecs.media import FileCodec
from lamina.codecs.mel import frame_sizes, log_mel, resampled
from lamina.codecs.wav import LOUDEST, Recording, recording
from lamina.errors import DataError

__all__ = ["AudioCodec", "recording_of"]


@dataclasses.dataclass
class AudioCodec(FileCodec):
    """A sound a cell: one ``frames`` slot, a frame every few milliseconds, of the standardised log power of mel bands.

    Attributes:
        rate: samples a second after resampling.
        array_rate: samples a second of arrays; none: it is not known.
        window, hop: milliseconds that a frame looks at, and from one frame to the next.
        longest: seconds that are kept.
        mean, deviation: of each band's log power.

    Example:
        >>> codec = AudioCodec("call", 8000, 8000, 25.0, 10.0, 30.0, [0.0] * 8, [1.0] * 8)
        >>> codec.encode([[0.5, -0.5] * 400, None])["frames"].lengths.tolist()
        [11, 0]
    """

    kind: ClassVar[str] = "audio"
    group: ClassVar[str] = "frames"
    dimensions: ClassVar[tuple[int, ...]] = (1, 2)
    column: str
    rate: int
    array_rate: int | None
    window: float
    hop: float
    longest: float
    mean: list[float]
    deviation: list[float]

    def load(self, cell: str | bytes | np.ndarray) -> np.ndarray:
        """A sound's frames, (frames, bands) float32 of mean 0 and deviation 1 over the training recordings."""
        return ((self.log_mel(cell) - self.mean) / self.deviation).astype(np.float32)

    def log_mel(self, cell: str | bytes | np.ndarray) -> np.ndarray:
        """A sound's frames before they are standardised, (frames, bands) float64; errors as for :meth:`load`."""
        sound = recording_of(cell, self.column, self.array_rate, self.longest)
        length, hop = frame_sizes(self.rate, self.window, self.hop)
        return log_mel(resampled(sound.mono, sound.rate, self.rate), self.rate, length, hop, len(self.mean))

    def empty(self) -> np.ndarray:
        return np.empty((0, len(self.mean)), np.float32)


def recording_of(cell: str | bytes | np.ndarray, column: str, rate: int | None, longest: float) -> Recording:
    """The sound of a cell.

    Args:
        cell: the name of a file, its bytes, or an array (samples,) or (samples, channels), from -1 to 1, or whole
            numbers of 16 bits.
        column: its name, for messages.
        rate: samples a second of arrays, if that is known.
        longest: seconds that are read.

    Raises:
        DataError: if it cannot be decoded; it says why.
    """
    if not isinstance(cell, np.ndarray):
        return recording(file_bytes(cell) if isinstance(cell, str) else cell, longest)
    if rate is None:
        do = f"say --set data.features.{column}.rate=16000"
        raise DataError("an array does not say how many samples a second it has", do=do)
    if cell.dtype.kind not in "iuf" or cell.ndim not in AudioCodec.dimensions or not cell.size:
        raise DataError("the array holds no sound", got=f"{cell.dtype} of shape {cell.shape}")
    samples = cell.reshape(len(cell), -1) / (32_768 if cell.dtype.kind in "iu" else 1.0)
    if not np.abs(samples).max() < LOUDEST:
        raise DataError("the array holds samples that are no numbers, or far above 1")
    return Recording(samples[: int(longest * rate)], rate, len(cell) / rate)
