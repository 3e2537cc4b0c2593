"""Sounds: names, archives, bytes and arrays to standardised frames; odd and broken ones with a reason each."""

from __future__ import annotations

import json
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from lamina.codecs.mel import log_mel
from lamina.config import check
from lamina.errors import DataError, SettingError
from lamina.features import FEATURES
from lamina.features.audio import Audio, AudioSettings
from lamina.features.base import Profile
from lamina.features.media import Broken


def wav(samples: np.ndarray, rate: int = 8000) -> bytes:
    """Samples (n,) or (n, channels) as a WAV file of 16 bits."""
    channels = 1 if samples.ndim == 1 else samples.shape[1]
    data = np.round(samples.clip(-1, 1) * 32_767).astype("<i2").tobytes()
    form = struct.pack("<HHIIHH", 1, channels, rate, rate * 2 * channels, 2 * channels, 16)
    chunks = b"fmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


def noise(count: int, seed: int = 0, rate: int = 8000) -> bytes:
    """A recording of noise."""
    return wav(np.random.default_rng(seed).normal(size=count) * 0.1, rate)


def fitted(cells: list[Any], **settings: Any) -> Audio:
    """A feature that has learned from these cells."""
    feature = Audio("sound", check(AudioSettings, settings))
    return feature.fit(feature.read(pl.Series(cells, dtype=pl.Binary)))


def encoded(feature: Audio, cells: list[Any]) -> tuple[Any, Broken]:
    """Rows of frames, and what is wrong with cells that have none."""
    broken: Broken = {}
    return feature.encode(feature.read(pl.Series(cells, dtype=pl.Binary)), broken)["frames"], broken


def test_it_has_its_name() -> None:
    assert FEATURES["audio"] is Audio


def test_frames_are_the_standardised_log_power_of_mel_bands() -> None:
    cells = [noise(4000, 1), noise(8000, 2), None]
    feature = fitted(cells)
    rows, broken = encoded(feature, cells)
    assert not broken
    assert rows.lengths.tolist() == [51, 101, 0]
    assert rows.values.dtype == np.float32
    assert np.allclose(rows.values.mean(0), 0, atol=1e-5)
    assert np.allclose(rows.values.std(0), 1, atol=1e-5)
    samples = np.frombuffer(cells[0][44:], "<i2") / 32_768  # type: ignore[index]
    raw = log_mel(samples, 8000, 200, 80, 64)
    state = feature.state
    assert np.allclose(rows[0:1].values, (raw - state.mean) / state.deviation, atol=1e-5)
    (slot,) = feature.slots
    assert (slot.group, slot.shape, slot.length) == ("frames", (64,), 101)


def test_files_archives_and_bytes_are_the_same_sound(tmp_path: Path) -> None:
    sounds = [noise(2000, seed) for seed in range(3)]
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        for place, content in enumerate(sounds):
            (tmp_path / f"{place}.wav").write_bytes(content)
            archive.writestr(f"inside/{place}.wav", content)
    feature = fitted(sounds)
    wanted, _ = encoded(feature, sounds)
    for names in (
        [f"{tmp_path}/{place}.wav" for place in range(3)],
        [f"{tmp_path}/all.zip!/inside/{place}.wav" for place in range(3)],
    ):
        found = feature.encode(feature.read(pl.Series(names)))["frames"]
        assert np.array_equal(found.values, wanted.values)
        keys = feature.key(pl.Series(names))
        assert keys.equals(feature.key(pl.Series(sounds)).alias(keys.name))
    records = pl.Series([{"bytes": content, "path": "x.wav"} for content in sounds])
    assert np.array_equal(feature.encode(feature.read(records))["frames"].values, wanted.values)


def test_the_rate_is_the_most_frequent_and_others_are_brought_to_it() -> None:
    tone = [np.sin(2 * np.pi * 440 * np.arange(rate) / rate) * 0.5 for rate in (8000, 8000, 11_025, 44_100)]
    cells = [wav(samples, len(samples)) for samples in tone]
    feature = fitted(cells)
    assert feature.state.rate == 8000
    assert feature.state.rates == [8000, 11_025, 44_100]
    rows, _ = encoded(feature, cells)
    assert rows.lengths.tolist() == [101] * 4
    middle = [rows[place : place + 1].values[20:80] * feature.state.deviation for place in range(4)]
    loud = (middle[0] + feature.state.mean).mean(0) > -4  # bands in which the tone is heard
    for other in middle[2:]:
        assert np.abs(other - middle[0])[:, loud].max() < 0.05
    assert fitted([noise(4000, 1, 44_100)]).state.rate == 16_000, "speech needs no more"
    assert fitted([noise(4000, 1)], rate=12_000).state.rate == 12_000


def test_settings_say_the_form() -> None:
    feature = fitted([noise(8000)], bands=20, window=50, hop=20, longest=0.5)
    assert feature.slots[0].shape == (20,)
    rows, broken = encoded(feature, [noise(8000), noise(80)])
    assert not broken
    assert rows.lengths.tolist() == [26, 1]
    assert feature.summary()["cut"] == "1 of 1 looked at"
    with pytest.raises(SettingError, match="rate"):
        check(AudioSettings, {"rate": 100})
    assert check(AudioSettings, {"rate": "auto"}).rate == "auto"


def test_odd_sounds_have_frames() -> None:
    odd = [np.zeros(4000), np.array([0.5]), np.ones((4000, 8)) * 0.1, np.full(4000, 1.0)]
    feature = fitted([noise(4000)])
    rows, broken = encoded(feature, [wav(samples) for samples in odd])
    assert not broken
    assert rows.lengths.tolist() == [51, 1, 51, 51]
    assert np.isfinite(rows.values).all()


def test_silence_alone_can_be_learned_from() -> None:
    feature = fitted([wav(np.zeros(4000))] * 3)
    assert not encoded(feature, [wav(np.zeros(4000))])[0].values.any()
    assert feature.summary()["silent"] == "3 of 3 looked at"


def test_what_is_no_sound_is_set_aside_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "text.wav").write_text("hello, this is a text")
    (tmp_path / "folder.wav").mkdir()
    good = noise(4000)
    cells = [good, b"", b"hello", good[:20], wav(np.zeros(0)), wav(np.zeros(9), rate=0), None]
    feature = fitted(cells)
    rows, broken = encoded(feature, cells)
    assert sorted(broken) == [1, 2, 3, 4, 5]
    assert all(reason.startswith("sound: ") and "\n" not in reason for reason in broken.values())
    assert rows.lengths.tolist() == [51, 0, 0, 0, 0, 0, 0]
    assert feature.state.broken == 5
    names = pl.Series([f"{tmp_path}/{name}.wav" for name in ("text", "folder", "nowhere")])
    reasons: Broken = {}
    feature.encode(names, reasons)
    for reason, says in zip(reasons.values(), ("a text file", "a folder", "no such file"), strict=True):
        assert says in reason
    with pytest.raises(DataError, match="'sound', row 71"):
        feature.encode(names, first_row=71)


def test_nothing_but_broken_files_can_still_be_encoded() -> None:
    feature = fitted([b"x", None])
    rows, broken = encoded(feature, [b"x", None, noise(800)])
    assert list(broken) == [0]
    assert rows.lengths.tolist() == [0, 0, 11]
    assert np.isfinite(rows.values).all()


def test_arrays_need_a_rate() -> None:
    samples = (np.sin(np.arange(4000) / 5) * 0.5).tolist()
    feature = Audio("sound", AudioSettings(rate=8000))
    cells = feature.read(pl.Series([samples, [round(value * 32_768) for value in samples]], dtype=pl.List(pl.Float64)))
    assert feature.fit(cells).encode(cells)["frames"].lengths.tolist() == [51, 51]
    whole = pl.Series([[round(value * 32_768) for value in samples]], dtype=pl.List(pl.Int16))
    difference = feature.encode(whole)["frames"].values - feature.encode(cells[:1])["frames"].values
    assert np.abs(difference)[5:-5].mean() < 0.2
    with pytest.raises(DataError, match="how many samples a second"):
        Audio("sound").fit(cells).encode(cells)
    with pytest.raises(DataError, match="no sound"):
        feature.encode(pl.Series([[]], dtype=pl.List(pl.Float64)))
    with pytest.raises(DataError, match="far above 1"):
        feature.encode(pl.Series([[float("nan")]]))


def test_the_sample_does_not_depend_on_pieces_or_on_where_the_files_lie(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lamina.features.audio.SAMPLE", 5)
    cells = pl.Series([noise(300 + 10 * seed, seed) for seed in range(30)])
    whole = Audio("sound").fit(cells).to_json()
    pieces = Audio("sound")
    for start in range(0, 30, 7):
        pieces.partial_fit(cells[start : start + 7])
    assert pieces.finish().to_json() == whole
    assert whole["state"]["sampled"] == 5
    assert whole["state"]["count"] == 30


def test_a_sample_of_names_is_drawn_by_their_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lamina.features.audio.SAMPLE", 2)
    states = []
    for folder in ("here", "there"):
        (tmp_path / folder / "x" / "y").mkdir(parents=True)
        names = [str(tmp_path / folder / "x" / "y" / f"{seed}.wav") for seed in range(8)]
        for seed, name in enumerate(names):
            Path(name).write_bytes(noise(400 + seed, seed))
        states.append(Audio("sound").fit(pl.Series(names)).state)
    assert states[0] == states[1]


@pytest.mark.parametrize(
    ("cells", "is_sound"),
    [
        (pl.Series(["a/b.wav", "c.FLAC", None]), True),
        (pl.Series(["a.ogg", "b.mp3", "c.opus"]), True),
        (pl.Series([noise(9), b"fLaC" + bytes(9), None]), True),
        (pl.Series([{"bytes": noise(9), "path": None}]), True),
        (pl.Series(["https://x.org/a.wav"] * 3), False),
        (pl.Series(["a.png", "b.wav", "c.txt"]), False),
        (pl.Series([b"\x89PNG\r\n\x1a\n", b"text"]), False),
        (pl.Series(["a wave", "wav", ""]), False),
        (pl.Series([[0.5, 0.25]]), False),
        (pl.Series([None, None], dtype=pl.String), False),
        (pl.Series([None, None], dtype=pl.Binary), False),
    ],
)
def test_recognised_by_endings_and_beginnings(cells: pl.Series, is_sound: bool) -> None:
    claim = Audio.recognise(Profile("c", cells, len(cells), len(cells)))
    assert (claim is not None) == is_sound
    assert claim is None or claim.strength == 0.9


def test_it_goes_through_json_and_says_what_it_learned() -> None:
    feature = fitted([noise(4000, 1), noise(8000, 2)])
    again = Audio.from_json(json.loads(json.dumps(feature.to_json())))
    assert again.summary() == feature.summary()
    assert feature.summary()["seconds"] == {"shortest": 0.5, "middle": 0.75, "longest": 1.0}
    with pytest.raises(DataError, match="cannot be predicted"):
        feature.decode(np.zeros(1))


@pytest.mark.data
def test_spoken_digits(shared_data: Path) -> None:
    folder = shared_data / "fsdd"
    index = pl.read_csv(folder / "index.csv.gz").filter(pl.col("split") == "train")
    names = (f"{folder}/recordings.zip!/" + index["file"]).gather_every(9)
    feature = Audio("file")
    cells = feature.read(names)
    rows = feature.fit(cells).encode(cells)["frames"]
    assert feature.state.rate == 8000
    assert feature.state.broken == 0
    assert (rows.lengths == 1 + index["samples"].gather_every(9).to_numpy() // 80).all()
    assert abs(rows.values.mean()) < 0.01
    assert abs(rows.values.std() - 1) < 0.01
