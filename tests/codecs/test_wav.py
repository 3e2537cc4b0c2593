"""Recordings: every form of WAV, other kinds by libsndfile, files that are none, and writing."""

from __future__ import annotations

import struct
import sys
import wave
from io import BytesIO

import numpy as np
import pytest

from lamina.codecs.wav import is_recording, recording, write_wav
from lamina.errors import DataError, MissingExtraError

SOUND = np.sin(np.arange(800) / 7) * 0.7


def wav(data: bytes, code: int, bits: int, channels: int = 1, rate: int = 8000, *, more: bytes = b"") -> bytes:
    """A WAV file of these bytes."""
    width = bits // 8 * channels
    form = struct.pack("<HHIIHH", code, channels, rate, rate * width, width, bits) + more
    chunks = b"fmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


def whole(samples: np.ndarray, bits: int) -> bytes:
    """Samples from -1 to 1 as whole numbers."""
    if bits == 8:
        return np.round(samples * 127 + 128).astype(np.uint8).tobytes()
    scaled = np.round(samples * (2 ** (bits - 1) - 1)).astype("<i4")
    if bits == 24:
        return scaled.view(np.uint8).reshape(-1, 4)[:, :3].tobytes()
    return scaled.astype(f"<i{bits // 8}").tobytes()


@pytest.mark.parametrize("bits", [8, 16, 24, 32])
def test_whole_numbers(bits: int) -> None:
    found = recording(wav(whole(SOUND, bits), 1, bits), 30)
    assert found.rate == 8000
    assert found.seconds == 0.1
    assert np.abs(found.mono - SOUND).max() < 2.0 ** (2 - bits)


@pytest.mark.parametrize("bits", [32, 64])
def test_floats(bits: int) -> None:
    found = recording(wav(SOUND.astype(f"<f{bits // 8}").tobytes(), 3, bits), 30)
    assert np.abs(found.mono - SOUND).max() < 1e-7


def test_the_extensible_form() -> None:
    guid = b"\x00\x00\x00\x00\x10\x00\x80\x00\x00\xaa\x00\x38\x9b\x71"
    more = struct.pack("<HHI", 22, 24, 3) + struct.pack("<H", 1) + guid
    stereo = np.stack([SOUND, -SOUND], 1)
    found = recording(wav(whole(stereo.ravel(), 24), 0xFFFE, 24, 2, more=more), 30)
    assert found.samples.shape == (800, 2)
    assert np.abs(found.samples - stereo).max() < 1e-6


def test_channels_become_their_mean() -> None:
    eight = SOUND[:, None] * np.arange(8)
    found = recording(wav(eight.astype("<f4").tobytes(), 3, 32, 8), 30)
    assert np.allclose(found.mono, SOUND * 3.5, atol=1e-6)


def test_other_chunks_are_passed_by_and_a_file_written_as_it_was_recorded_is_read() -> None:
    file = wav(whole(SOUND, 16), 1, 16)
    noted = file[:12] + b"LIST" + struct.pack("<I", 3) + b"abc\0" + file[12:] + b"id3 \x04\0\0\0abcd"
    assert np.array_equal(recording(noted, 30).samples, recording(file, 30).samples)
    streamed = bytearray(file)
    streamed[40:44] = b"\xff\xff\xff\xff"
    assert np.array_equal(recording(bytes(streamed), 30).samples, recording(file, 30).samples)


def test_only_the_beginning_of_a_long_one_is_read() -> None:
    found = recording(wav(whole(SOUND, 16), 1, 16), 0.025)
    assert found.samples.shape == (200, 1)
    assert found.seconds == 0.1


GOOD = wav(whole(SOUND, 16), 1, 16)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "an empty file"),
        (b"hello, I am a text", "a text file"),
        (b"\xff\xfeh\0e\0l\0l\0o\0", "not a recording"),
        (b"\x89PNG\r\n\x1a\n....", "a PNG picture"),
        (GOOD[:12], "header is cut off"),
        (GOOD[:30], "header is cut off"),
        (GOOD[:40], "header is cut off"),
        (GOOD[:36] + b"xxxx" + GOOD[40:], "header is cut off"),
        (GOOD[:-10], "ends too early"),
        (GOOD[:44], "ends too early"),
        (wav(b"", 1, 16), "holds no samples"),
        (wav(b"x", 1, 16), "holds no samples"),
        (wav(whole(SOUND, 16), 1, 16, rate=0), "rate cannot be"),
        (wav(whole(SOUND, 16), 1, 16, rate=2**31 - 1), "rate cannot be"),
        (wav(whole(SOUND, 16), 1, 16, channels=0), "no channels"),
        (wav(np.full(9, np.nan, "<f4").tobytes(), 3, 32), "no numbers"),
        (wav(np.full(9, np.inf, "<f8").tobytes(), 3, 64), "no numbers"),
    ],
)
def test_what_is_no_recording_says_why(content: bytes, says: str) -> None:
    with pytest.raises(DataError, match=says):
        recording(content, 30)


@pytest.mark.parametrize("cut", range(0, 60, 3))
def test_a_file_cut_anywhere_is_an_error_of_ours(cut: int) -> None:
    with pytest.raises(DataError):
        recording(GOOD[:cut], 30)


@pytest.mark.parametrize("form", ["FLAC", "OGG", "MP3", "AIFF"])
def test_other_kinds_are_read_by_libsndfile(form: str) -> None:
    soundfile = pytest.importorskip("soundfile")
    file = BytesIO()
    tone = np.sin(np.arange(16_000) / 9) * 0.5
    soundfile.write(file, tone, 16_000, format=form)
    content = file.getvalue()
    assert is_recording(content[:12])
    found = recording(content, 30)
    assert found.rate == 16_000
    assert found.seconds == pytest.approx(1, abs=0.1)
    assert np.abs(found.mono[4000:12_000]).max() == pytest.approx(0.5, abs=0.05)
    assert len(recording(content, 0.25).samples) == 4000


def test_kinds_of_wav_that_are_not_ours_are_read_by_libsndfile() -> None:
    soundfile = pytest.importorskip("soundfile")
    file = BytesIO()
    soundfile.write(file, SOUND, 8000, format="WAV", subtype="ULAW")
    assert np.abs(recording(file.getvalue(), 30).mono - SOUND).max() < 0.05


@pytest.mark.parametrize("head", [b"fLaC", b"OggS", b"ID3\x03", b"\xff\xfb\x90\x00"])
def test_damaged_files_of_other_kinds_say_so(head: bytes) -> None:
    pytest.importorskip("soundfile")
    with pytest.raises(DataError):
        recording(head + bytes(200), 30)


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "soundfile", None)
    with pytest.raises(MissingExtraError, match=r"lamina\[sound\]"):
        recording(b"fLaC" + bytes(100), 30)


@pytest.mark.parametrize("samples", [SOUND, np.stack([SOUND, -SOUND, SOUND / 2], 1)])
def test_what_is_written_is_read_again(samples: np.ndarray) -> None:
    content = write_wav(samples, 8000)
    found = recording(content, 30)
    assert (found.rate, found.samples.shape) == (8000, samples.reshape(800, -1).shape)
    assert np.abs(found.samples - samples.reshape(800, -1)).max() < 1e-4
    with wave.open(BytesIO(content)) as file:
        assert (file.getnframes(), file.getsampwidth(), file.getframerate()) == (800, 2, 8000)
    if samples.ndim == 1:
        assert content == wav(whole(samples, 16), 1, 16)


def test_the_bytes_of_a_written_file() -> None:
    assert write_wav(np.array([[1.0, -1.0]]), 44_100).hex(" ") == (
        "52 49 46 46 28 00 00 00 57 41 56 45 66 6d 74 20 10 00 00 00 01 00 02 00 44 ac 00 00 10 b1 02 00 04 00 10 00 "
        "64 61 74 61 04 00 00 00 ff 7f 01 80"
    )


@pytest.mark.parametrize(
    ("samples", "rate", "says"),
    [
        (np.zeros(0), 8000, "holds no sound"),
        (np.zeros((2, 2, 2)), 8000, r"shape \(2, 2, 2\)"),
        (np.array([0.0, 1.01]), 8000, "beyond -1 to 1"),
        (np.array([0.0, np.nan]), 8000, "no numbers"),
        (np.zeros(9), 10, "rate cannot be"),
        (np.zeros((9, 65)), 8000, "cannot hold so much"),
    ],
)
def test_what_cannot_be_written_says_why(samples: np.ndarray, rate: int, says: str) -> None:
    with pytest.raises(DataError, match=says):
        write_wav(samples, rate)
