"""Recordings: WAV files by our own reader and writer, other kinds read by libsndfile."""

from __future__ import annotations

import dataclasses
import struct
from io import BytesIO

import numpy as np

from lamina.codecs.content import what_it_is
from lamina.errors import DataError
from lamina.extras import need

__all__ = ["ENDINGS", "LOUDEST", "RATES", "Recording", "is_recording", "recording", "write_wav"]

ENDINGS = ("wav", "flac", "ogg", "oga", "opus", "mp3", "aiff", "aif")
RATES = (1_000, 400_000)  # samples a second that a recording may have
LOUDEST = 1e6  # that a sample may be where 1 is full scale: the squares of larger ones overflow sooner or later

PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE
UNKNOWN_SIZE = 0xFFFFFFFF  # of a file that was written as it was recorded


@dataclasses.dataclass(frozen=True)
class Recording:
    """A sound.

    Attributes:
        samples: (n, channels) float64, from -1 to 1.
        rate: samples a second.
        seconds: of the whole file, also where only its beginning was read.
    """

    samples: np.ndarray
    rate: int
    seconds: float

    @property
    def mono(self) -> np.ndarray:
        """The mean of the channels, (n,)."""
        return self.samples[:, 0] if self.samples.shape[1] == 1 else self.samples.mean(1)


def is_recording(head: bytes) -> bool:
    """Whether a file that begins so, 12 bytes at least, is a recording: WAV, FLAC, OGG, MP3, AIFF.

    Example:
        >>> is_recording(b"RIFF....WAVEfmt ")
        True
    """
    return _is_wav(head) or _is_other(head)


def _is_wav(head: bytes) -> bool:
    return head[:4] in (b"RIFF", b"RF64") and head[8:12] == b"WAVE"


def _is_other(head: bytes) -> bool:
    # MPEG audio without a tag begins with eleven bits that are set, and layer III or II.
    is_mpeg = len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0 and head[1] & 0x06 in (2, 4)
    return is_mpeg or head[:4] in (b"fLaC", b"OggS") or head[:3] == b"ID3" or head[:4] + head[8:11] == b"FORMAIF"


def recording(content: bytes, longest: float) -> Recording:
    """Decode a file's content.

    Args:
        content: a WAV file of whole numbers of 8, 16, 24 or 32 bits, or of floats; with the extra ``sound``, anything
            that libsndfile reads: FLAC, OGG Vorbis and Opus, MP3, AIFF, and other kinds of WAV.
        longest: seconds that are read; the rest is left out.

    Raises:
        DataError: if it is no recording, is damaged or holds nothing; it says which.
        MissingExtraError: if it needs the extra.
    """
    if not is_recording(content[:12]):
        raise DataError("it is not a recording", got=what_it_is(content), allowed=", ".join(ENDINGS))
    wav = _read_wav(content, longest) if _is_wav(content) else None
    found = wav or _read_by_libsndfile(content, longest)
    if not len(found.samples):
        raise DataError("the recording holds no samples")
    if not np.abs(found.samples).max() < LOUDEST:
        raise DataError("the recording holds samples that are no numbers, or far above 1")
    return found


def _check_form(rate: int, channels: int) -> None:
    if not RATES[0] <= rate <= RATES[1]:
        allowed = f"{RATES[0]} to {RATES[1]}"
        raise DataError("the recording's rate cannot be", got=f"{rate} samples a second", allowed=allowed)
    if not channels:
        raise DataError("the recording has no channels")


def _read_wav(content: bytes, longest: float) -> Recording | None:
    """Whole numbers and floats; None if it holds another code."""
    form, data, size = _chunks(content)
    code, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", form)
    if code == EXTENSIBLE and len(form) >= 26:
        (code,) = struct.unpack_from("<H", form, 24)  # the first bytes of the sub-format's name
    width = -(-bits // 8)
    if (code, width) not in ((PCM, 1), (PCM, 2), (PCM, 3), (PCM, 4), (FLOAT, 4), (FLOAT, 8)):
        return None
    _check_form(rate, channels)
    if len(data) < size and size != UNKNOWN_SIZE:
        raise DataError("the recording ends too early", got=f"{len(data)} of {size} bytes of samples")
    whole = len(data) // (width * channels)
    count = min(whole, int(longest * rate))
    samples = _numbers(data[: count * width * channels], code, width)
    return Recording(samples.reshape(count, channels), rate, whole / rate)


def _chunks(content: bytes) -> tuple[bytes, memoryview, int]:
    """The chunk ``fmt``, the samples that are there, and how many bytes of them there should be."""
    form, place = b"", 12
    while place + 8 <= len(content):
        name, size = struct.unpack_from("<4sI", content, place)
        place += 8
        if name == b"fmt ":
            form = content[place : place + size]
        elif name == b"data":
            if len(form) < 16:
                break
            end = len(content) if size == UNKNOWN_SIZE else place + size
            return form, memoryview(content)[place:end], size
        place += size + size % 2  # chunks begin at even places
    raise DataError("the recording's header is cut off", got=f"{len(content)} bytes, without samples")


def _numbers(data: memoryview, code: int, width: int) -> np.ndarray:
    """Samples as float64, from -1 to 1."""
    if code == FLOAT:
        return np.frombuffer(data, f"<f{width}").astype(np.float64)
    if width == 1:
        return (np.frombuffer(data, np.uint8) - 128.0) / 128
    if width == 3:
        # Three bytes become the upper three of four.
        wide = np.zeros((len(data) // 3, 4), np.uint8)
        wide[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)
        return wide.view("<i4")[:, 0] / 2**31
    return np.frombuffer(data, f"<i{width}") / 2.0 ** (8 * width - 1)


def _read_by_libsndfile(content: bytes, longest: float) -> Recording:
    soundfile = need("soundfile", extra="sound", why="to read recordings other than plain WAV")
    try:
        with soundfile.SoundFile(BytesIO(content)) as file:
            _check_form(file.samplerate, file.channels)
            samples = file.read(int(longest * file.samplerate), dtype="float64", always_2d=True)
            return Recording(samples, file.samplerate, max(file.frames, len(samples)) / file.samplerate)
    except soundfile.LibsndfileError as error:
        raise DataError("the recording cannot be decoded", got=error.error_string) from error


def write_wav(samples: np.ndarray, rate: int) -> bytes:
    """Sound as a WAV file of whole numbers of 16 bits, which everything plays.

    Args:
        samples: (n,) or (n, channels), from -1 to 1.
        rate: samples a second.

    Raises:
        DataError: if there are none, they are no numbers or lie beyond full scale, or no sound has such a form.

    Example:
        >>> recording(write_wav(np.array([0.0, 0.5, -1.0]), 8000), 1.0).mono.round(4).tolist()
        [0.0, 0.5, -1.0]
    """
    if samples.ndim not in (1, 2) or not samples.size:
        raise DataError("the array holds no sound", got=f"shape {samples.shape}", allowed="samples, or by channels")
    channels = 1 if samples.ndim == 1 else samples.shape[1]
    _check_form(rate, channels)
    if not np.abs(samples).max() <= 1:
        raise DataError("the array holds samples that are no numbers, or beyond -1 to 1", do="make it less loud")
    data = np.round(samples * 32_767).astype("<i2").tobytes()
    form = struct.pack("<HHIIHH", PCM, channels, rate, rate * 2 * channels, 2 * channels, 16)
    size = 4 + 8 + len(form) + 8 + len(data)
    if channels > 64 or size > UNKNOWN_SIZE:
        raise DataError("a WAV file cannot hold so much", got=f"{len(data):,} bytes of {channels} channels")
    head = struct.pack("<4sI4s4sI", b"RIFF", size, b"WAVE", b"fmt ", len(form)) + form
    return head + struct.pack("<4sI", b"data", len(data)) + data
