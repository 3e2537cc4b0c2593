"""Mel bands against scipy and published formulas; resampling against exact tones and scipy."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.signal

from lamina.codecs import mel
from lamina.codecs.mel import frame_sizes, log_mel, mel_filters, resampled


def slaney_filters(rate: int, size: int, bands: int) -> np.ndarray:
    """The filter bank as Slaney's Auditory Toolbox and librosa's documentation have it, one filter after the other."""

    def to_mel(hertz: float) -> float:
        return hertz / (200 / 3) if hertz < 1000 else 15 + np.log(hertz / 1000) / (np.log(6.4) / 27)

    def to_hertz(value: float) -> float:
        return 200 / 3 * value if value < 15 else 1000 * np.exp(np.log(6.4) / 27 * (value - 15))

    top = to_mel(rate / 2)
    corners = [to_hertz(top * place / (bands + 1)) for place in range(bands + 2)]
    bank = np.zeros((size // 2 + 1, bands))
    for band in range(bands):
        low, middle, high = corners[band : band + 3]
        for place in range(size // 2 + 1):
            hertz = place * rate / size
            height = (hertz - low) / (middle - low) if hertz <= middle else (high - hertz) / (high - middle)
            bank[place, band] = max(0.0, height) * 2 / (high - low)
    return bank


@pytest.mark.parametrize(("rate", "size", "bands"), [(8000, 256, 64), (16_000, 512, 80), (44_100, 2048, 128)])
def test_filters_are_slaneys(rate: int, size: int, bands: int) -> None:
    assert np.allclose(mel_filters(rate, size, bands), slaney_filters(rate, size, bands), atol=1e-12)


@pytest.mark.parametrize("rate", [8000, 16_000, 44_100])
def test_log_mel_is_that_of_scipy_and_slaneys_filters(rate: int) -> None:
    samples = np.random.default_rng(0).normal(size=rate) * 0.1
    samples[: rate // 4] = 0  # silence, then noise
    length, hop = frame_sizes(rate, 25, 10)
    found = log_mel(samples, rate, length, hop, 64)
    size = 1 << (length - 1).bit_length()
    _, _, spectrum = scipy.signal.stft(
        samples, window="hann", nperseg=length, noverlap=length - hop, nfft=size, boundary="zeros", padded=False
    )
    power = np.abs(spectrum * scipy.signal.get_window("hann", length).sum()) ** 2
    wanted = np.log(np.maximum(power.T @ slaney_filters(rate, size, 64), 1e-10))
    assert found.shape == (1 + rate // hop, 64)
    assert np.allclose(found[: len(wanted)], wanted, atol=1e-4)
    assert (found[0] == np.log(1e-10)).all()


def test_log_mel_is_that_of_transformers() -> None:
    audio = pytest.importorskip("transformers.audio_utils")
    samples = np.random.default_rng(1).normal(size=16_000) * 0.1
    bank = audio.mel_filter_bank(257, 64, 0.0, 8000.0, 16_000, norm="slaney", mel_scale="slaney")
    wanted = audio.spectrogram(
        samples, np.hanning(401)[:-1], 400, 160, fft_length=512, power=2.0, pad_mode="constant", mel_filters=bank,
        mel_floor=1e-10, log_mel="log", dtype=np.float64,
    )  # fmt: skip
    assert np.allclose(log_mel(samples, 16_000, 400, 160, 64), wanted.T, atol=1e-4)


@pytest.mark.parametrize("bands", [8, 64, 256])
@pytest.mark.parametrize("rate", [4000, 8000, 48_000])
def test_every_band_hears_something(rate: int, bands: int) -> None:
    length, hop = frame_sizes(rate, 25, 10)
    noise = np.random.default_rng(0).normal(size=rate)
    assert (log_mel(noise, rate, length, hop, bands).mean(0) > np.log(1e-9)).all()


@pytest.mark.parametrize("count", [1, 2, 79, 80, 81, 1000])
def test_short_sounds_have_frames_too(count: int) -> None:
    found = log_mel(np.ones(count), 8000, 200, 80, 64)
    assert found.shape == (1 + count // 80, 64)
    assert np.isfinite(found).all()


def test_a_frame_has_its_middle_at_its_own_moment() -> None:
    click = np.zeros(8000)
    click[800] = 1.0  # 0.1 s: frame 10 of 10 ms
    power = log_mel(click, 8000, 200, 80, 16).sum(1)
    assert power.argmax() == 10
    assert np.isclose(power[9], power[11])


def test_sizes_of_frames() -> None:
    assert frame_sizes(8000, 25, 10) == (200, 80)
    assert frame_sizes(44_100, 25, 10) == (1102, 441)
    assert frame_sizes(1000, 1, 1) == (32, 4)  # however short it is asked for


RATES = [(44_100, 16_000), (48_000, 16_000), (8000, 16_000), (22_050, 16_000), (11_025, 8000), (1000, 48_000)]


@pytest.mark.parametrize(("rate", "wanted"), RATES)
def test_tones_keep_their_strength_and_phase(rate: int, wanted: int) -> None:
    lower = min(rate, wanted) / 2
    for share in (0.05, 0.5, 0.9):
        found = resampled(np.sin(2 * np.pi * share * lower * np.arange(rate) / rate), rate, wanted)
        exact = np.sin(2 * np.pi * share * lower * np.arange(wanted) / wanted)
        inner = slice(wanted // 4, -wanted // 4)
        assert len(found) == wanted
        assert np.abs(found[inner] - exact[inner]).max() < 1e-4


@pytest.mark.parametrize(("rate", "wanted"), [(44_100, 16_000), (48_000, 8000), (96_000, 44_100)])
def test_tones_that_do_not_fit_are_gone(rate: int, wanted: int) -> None:
    for share in (1.0, 1.1, 1.9):
        tone = np.sin(2 * np.pi * share * wanted / 2 * np.arange(rate) / rate + 0.3)
        found = resampled(tone, rate, wanted)[wanted // 4 : -wanted // 4]
        assert np.abs(found).max() < 10 ** (-90 / 20)


def test_resampling_agrees_with_scipy() -> None:
    samples = scipy.signal.lfilter(*scipy.signal.butter(6, 0.2), np.random.default_rng(0).normal(size=44_100))
    found, other = resampled(samples, 44_100, 16_000), scipy.signal.resample_poly(samples, 160, 441)
    assert found.shape == other.shape
    assert np.abs(found - other)[500:-500].max() < 0.02 * samples.std()  # its filter is shorter


@pytest.mark.parametrize("count", [0, 1, 2, 441, 4410])
def test_lengths_of_resampled_sounds(count: int) -> None:
    assert len(resampled(np.ones(count), 44_100, 16_000)) == -(-count * 160 // 441)
    same = np.ones(count)
    assert resampled(same, 8000, 8000) is same


def test_odd_rates_need_little_memory() -> None:
    found = resampled(np.ones(44_101), 44_101, 16_000)
    assert len(found) == 16_000
    assert np.allclose(found[500:-500], 1, atol=1e-4)
    assert mel._phases(44_101, 16_000)[3].size < 10**6
