"""Sound as a network sees it: how loud each band of pitches is, moment by moment. Plain numpy."""

from __future__ import annotations

import functools
from fractions import Fraction

import numpy as np

__all__ = ["frame_sizes", "log_mel", "mel_filters", "resampled"]

# Resampling: a sinc of 64 crossings a side under a Kaiser window, cut off at 0.955 of the lower Nyquist frequency. A
# tone below 0.9 of it keeps its strength to 0.001 dB; one above it, which would come back as a false tone, loses 90 dB.
CROSSINGS, CUT, KAISER = 64, 0.955, 9.0
FINEST = 1000  # rates are taken as a ratio of two numbers up to this: 44,101 to 16,000 then errs by a part in a million

FLOOR = 1e-10  # of a band's power: about the noise of rounding to 16 bits, so that silence is finite
LEAST = 32  # samples in a frame at least, however low the rate


def resampled(samples: np.ndarray, rate: int, wanted: int) -> np.ndarray:
    """Bring a sound from one rate to another, by a windowed sinc in polyphase form (Crochiere and Rabiner 1983).

    Args:
        samples: (n,) float64.
        rate: theirs, in samples a second.
        wanted: the rate to bring them to.

    Returns:
        (ceil(n * wanted / rate),) float64; the very same array where the rates are equal.

    Example:
        >>> len(resampled(np.zeros(441), 44_100, 16_000))
        160
    """
    if rate == wanted or not len(samples):
        return samples
    up, down, before, bank = _phases(rate, wanted)
    # Block b of the result, up samples long, comes from down + taps samples of the source that begin at b * down.
    count = -(-len(samples) * wanted // rate)
    blocks = -(-count // up)
    padded = np.zeros(blocks * down + len(bank))
    padded[before : before + len(samples)] = samples
    windows = np.lib.stride_tricks.sliding_window_view(padded, len(bank))[: blocks * down : down]
    return (windows @ bank).ravel()[:count]  # (blocks, up)


@functools.lru_cache(maxsize=16)
def _phases(rate: int, wanted: int) -> tuple[int, int, int, np.ndarray]:
    """Samples out and in of a block, samples before it, and the weights of each sample in for each sample out."""
    ratio = Fraction(wanted, rate)
    ratio = ratio.limit_denominator(FINEST) if ratio < 1 else 1 / (1 / ratio).limit_denominator(FINEST)
    cut = min(1.0, float(ratio)) * CUT
    half = CROSSINGS / cut  # samples of the source on either side
    before = int(np.ceil(half))
    # A block as long as the filter wastes half of the products, and copies each sample of the source only twice.
    times = max(1, round(2 * half / ratio.denominator))
    up, down = ratio.numerator * times, ratio.denominator * times
    apart = np.arange(up) * (down / up) - (np.arange(down + 2 * before) - before)[:, None]  # (in, out), in samples
    bank = np.sinc(cut * apart) * np.i0(KAISER * np.sqrt(np.clip(1 - (apart / half) ** 2, 0, None)))
    bank *= np.abs(apart) <= half
    return up, down, before, bank / bank.sum(0)


def frame_sizes(rate: int, window: float, hop: float) -> tuple[int, int]:
    """Samples in a frame, at least 32, and from one frame to the next, for lengths in milliseconds.

    Example:
        >>> frame_sizes(16_000, 25, 10)
        (400, 160)
    """
    length = max(LEAST, round(rate * window / 1000))
    return length, max(1, length // 8, round(rate * hop / 1000))


def _to_mel(hertz: np.ndarray) -> np.ndarray:
    """Slaney's scale: 3 mels to 200 Hz below 1,000 Hz, 27 mels to a factor of 6.4 above."""
    above = 15 + 27 * np.log(np.maximum(hertz, 1000.0) / 1000) / np.log(6.4)
    return np.where(hertz < 1000, hertz * 3 / 200, above)


def _to_hertz(mel: np.ndarray) -> np.ndarray:
    return np.where(mel < 15, mel * 200 / 3, 1000 * 6.4 ** ((mel - 15) / 27))


@functools.lru_cache(maxsize=16)
def mel_filters(rate: int, size: int, bands: int) -> np.ndarray:
    """Triangles over the frequencies of a Fourier transform, evenly spaced and equal in area on Slaney's mel scale.

    The same numbers as ``librosa.filters.mel(sr=rate, n_fft=size, n_mels=bands).T`` (Slaney 1998, Auditory Toolbox).

    Args:
        rate: samples a second.
        size: samples that are transformed.
        bands: triangles, from 0 to half of the rate.

    Returns:
        (size // 2 + 1, bands) float64.
    """
    edges = _to_hertz(np.linspace(0, _to_mel(np.array(rate / 2)), bands + 2))
    hertz = np.linspace(0, rate / 2, size // 2 + 1)[:, None]
    rising = (hertz - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - hertz) / (edges[2:] - edges[1:-1])
    return np.maximum(0, np.minimum(rising, falling)) * (2 / (edges[2:] - edges[:-2]))


@functools.lru_cache(maxsize=16)
def _window_and_filters(rate: int, length: int, bands: int) -> tuple[np.ndarray, np.ndarray]:
    """The window of Hann, and the filters over the shortest transform that gives every band a frequency of its own."""
    size = 1 << (length - 1).bit_length()
    while not mel_filters(rate, size, bands).any(0).all():
        size *= 2
    return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length), mel_filters(rate, size, bands)


def log_mel(samples: np.ndarray, rate: int, length: int, hop: int, bands: int) -> np.ndarray:
    """The logarithm of the power in each mel band of each frame; frame t has its middle at sample t * hop.

    Args:
        samples: (n,) from -1 to 1; beyond the ends there is silence.
        rate: samples a second.
        length: samples in a frame, under a window of Hann.
        hop: samples from one frame to the next.
        bands: mel bands.

    Returns:
        (1 + n // hop, bands) float64, from log(1e-10) for silence.

    Example:
        >>> log_mel(np.zeros(8000), 8000, 200, 80, 64).shape
        (101, 64)
    """
    window, filters = _window_and_filters(rate, length, bands)
    padded = np.pad(samples, (length // 2, length))
    frames = np.lib.stride_tricks.sliding_window_view(padded, length)[::hop][: 1 + len(samples) // hop]
    spectrum = np.fft.rfft(frames * window, n=2 * (len(filters) - 1))  # (frames, frequencies)
    power = spectrum.real**2 + spectrum.imag**2
    return np.log(np.maximum(power @ filters, FLOOR))
