"""Rows to look at: of encoded rows, and of a table as it comes."""

from __future__ import annotations

import base64
import json
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from lamina.codecs.ragged import Ragged
from lamina.data.infer import infer
from lamina.data.read import read
from lamina.features.base import Slot
from lamina.features.category import Category
from lamina.features.encoder import Encoder
from lamina.features.number import Number
from lamina.features.series import Series
from lamina.features.text import Text, TextSettings
from lamina.pipeline.samples import MOST, first_cells, pick, samples, shown
from lamina.report.thumbnail import film_strip, png, spectrogram, thumbnail

SLOT = Slot("c", "value", "image")


def pixels_of(uri: str) -> np.ndarray:
    """A PNG of ours, taken apart again by the format's own rules."""
    content = base64.b64decode(uri.removeprefix("data:image/png;base64,"))
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    place, chunks = 8, {}
    while place < len(content):
        length = int.from_bytes(content[place : place + 4])
        kind, inner = content[place + 4 : place + 8], content[place + 8 : place + 8 + length]
        assert zlib.crc32(kind + inner) == int.from_bytes(content[place + 8 + length : place + 12 + length])
        chunks[kind] = inner
        place += 12 + length
    width, height = (int.from_bytes(chunks[b"IHDR"][start : start + 4]) for start in (0, 4))
    channels = {0: 1, 2: 3}[chunks[b"IHDR"][9]]
    lines = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), np.uint8).reshape(height, 1 + width * channels)
    assert not lines[:, 0].any()
    return lines[:, 1:].reshape(height, width, channels)


# --- pictures


@pytest.mark.parametrize("channels", [1, 3])
def test_small_pictures_stay_as_they_are(channels: int) -> None:
    given = np.random.default_rng(0).integers(0, 256, (30, 20, channels)).astype(np.uint8)
    np.testing.assert_array_equal(pixels_of(thumbnail(given)), given)


def test_large_pictures_keep_their_form() -> None:
    assert pixels_of(thumbnail(np.zeros((400, 200, 3), np.uint8))).shape == (96, 48, 3)
    assert pixels_of(thumbnail(np.zeros((1, 5000, 3), np.uint8))).shape == (1, 96, 3)
    assert pixels_of(thumbnail(np.full((4, 4, 2), 7, np.uint8))).shape == (4, 4, 1)


def test_png_is_read_by_others() -> None:
    pillow = pytest.importorskip("PIL.Image")
    given = np.random.default_rng(0).integers(0, 256, (5, 7, 3)).astype(np.uint8)
    path = base64.b64decode(thumbnail(given).partition(",")[2])
    assert path == png(given)
    opened = pillow.open(BytesIO(path))
    np.testing.assert_array_equal(np.asarray(opened), given)


def test_spectrogram_has_low_bands_below() -> None:
    frames = np.zeros((50, 8))
    frames[:, 0] = np.linspace(0, 5, 50)
    drawn = pixels_of(spectrogram(frames))
    assert drawn.shape == (8, 50, 1) and drawn[-1, -1] == 255 and not drawn[0].any()
    assert pixels_of(spectrogram(np.zeros((5000, 300)))).shape == (96, 240, 1)


def test_film_is_a_strip() -> None:
    assert pixels_of(film_strip(np.zeros((9, 30, 40, 3), np.uint8))).shape == (30, 160, 3)
    assert pixels_of(film_strip(np.zeros((1, 300, 300, 1), np.uint8))).shape == (60, 60, 1)


# --- cells


def test_a_missing_cell() -> None:
    assert shown(Number("c"), SLOT, np.empty((0, 4, 4, 1), np.uint8)) == {"column": "c", "kind": "missing"}


def test_text_is_cut() -> None:
    feature = Text("t", TextSettings(min_count=1)).fit(pl.Series(["<b>long</b> " * 100]))
    cell = feature.encode(pl.Series(["<b>long</b> " * 100]))["tokens"].values
    look = shown(feature, feature.slots[0], cell)
    assert look["kind"] == "text" and len(look["text"]) == 200 and look["text"].endswith("…")


@pytest.mark.parametrize(("channels", "kind"), [(1, "lines"), (8, "lines"), (9, "spectrogram")])
def test_series_are_lines_unless_they_have_many_channels(channels: int, kind: str) -> None:
    cell = np.random.default_rng(0).normal(size=(500, channels)).astype(np.float32)
    look = shown(Series("s"), Slot("s", "value", "frames", shape=(channels,)), cell)
    assert look["kind"] == kind
    if kind == "lines":
        assert len(look["lines"]) == min(4, channels) and {len(line) for line in look["lines"]} == {120}
        assert all(0 <= y <= 1 for line in look["lines"] for y in line)
    json.dumps(look, allow_nan=False)


def test_flat_and_broken_series_are_drawn() -> None:
    cell = np.array([[1.0, np.nan], [1.0, 2.0]], np.float32)
    look = shown(Series("s"), Slot("s", "value", "frames", shape=(2,)), cell)
    assert look["lines"][0] == [0.5, 0.5]
    json.dumps(look, allow_nan=False)


# --- judged rows


def test_pick_takes_the_worst_and_others() -> None:
    losses = np.random.default_rng(0).random(500)
    picked = pick(losses, seed=1)
    assert len(picked) == len(set(picked.tolist())) == MOST
    assert picked[: MOST // 2].tolist() == np.argsort(-losses)[: MOST // 2].tolist()
    np.testing.assert_array_equal(picked, pick(losses, seed=1))
    assert picked.tolist() != pick(losses, seed=2).tolist()
    assert sorted(pick(np.zeros(5), seed=0).tolist()) == [0, 1, 2, 3, 4]
    assert len(pick(np.zeros(0), seed=0)) == 0


def test_samples_of_judged_rows() -> None:
    text = Text("t", TextSettings(min_count=1)).fit(pl.Series(["good film", "bad film"]))
    target = Category("y", is_target=True).fit(pl.Series(["no", "yes", "no"]))
    encoder = Encoder([text], [target])
    arrays = {
        "tokens000": text.encode(pl.Series(["good film", "bad film", None]))["tokens"],
        "row": np.array([7, 8, 9]),
    }
    frame = pl.DataFrame({"y": ["no", "no"], "y_probability_no": [0.9, 0.6], "y_probability_yes": [0.1, 0.4]})
    price = pl.DataFrame({"p": [1.23456, 2.0], "p_low": [1.0, 1.5], "p_high": [2.0, 3.0]})
    said = [(pl.Series("y", ["yes", "no"]), frame), (pl.Series("p", [1.5, 2.5]), price)]
    found = samples(encoder, arrays, np.array([2, 1]), said, np.array([0.1, 2.0]), seed=0)
    assert [one["row"] for one in found] == [8, 9]
    assert found[0]["targets"] == {
        "y": {"truth": "no", "answer": "no", "sure": "probability 0.60"},
        "p": {"truth": "2.5", "answer": "2", "sure": "1.5 to 3"},
    }
    assert found[0]["cells"][0]["text"] == "bad film" and found[1]["cells"][0]["kind"] == "missing"


def test_plain_tables_give_no_samples() -> None:
    encoder = Encoder([Number("x").fit(pl.Series([1.0, 2.0]))], [])
    assert samples(encoder, {}, np.arange(2), [], np.zeros(2), seed=0) == []


def test_wide_rows_of_a_ragged_store_are_taken_by_place() -> None:
    series = Series("s").fit(Series("s").read(pl.Series([[1.0, 2.0], [3.0]])))
    arrays = {"frames000": Ragged.of([np.full((k, 1), k, np.float32) for k in (1, 2, 3)]), "row": np.arange(3)}
    frame = pl.DataFrame({"y": [0.0, 0.0]})
    found = samples(
        Encoder([series], []), arrays, np.array([2, 0]), [(pl.Series("y", [0.0, 0.0]), frame)], np.ones(2), 0
    )
    assert [one["cells"][0]["size"] for one in found] == ["3 steps", "1 steps"]


# --- a table as it comes


def test_first_cells_say_what_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"RIFF but not really")
    table = read({"s": [str(tmp_path / "a.wav")] * 3, "t": ["some words here", "others there too", "x y z"]})
    schema = infer(table, overrides={"t": "text", "s": "audio"})
    sound, text = first_cells(table, schema, pictures=True)
    assert len(sound["broken"]) == 3 and "s" in sound["broken"][0]
    assert sound["players"][0]["name"] == "a.wav" and sound["players"][0]["sound"].startswith("data:audio/wav;base64,")
    assert [look["text"] for look in text["cells"]] == ["some words here", "others there too", "x y z"]
    assert text["summary"] and text["broken"] == []


def test_first_cells_of_files_that_are_not_there() -> None:
    table = read({"s": ["no/such.wav"]})
    (sound,) = first_cells(table, infer(table, overrides={"s": "audio"}))
    assert sound["summary"] == {} and "--files" in sound["broken"][0]


def test_large_recordings_get_no_player(tmp_path: Path) -> None:
    (tmp_path / "long.wav").write_bytes(b"RIFF" + bytes(400_000))
    (tmp_path / "odd.wav").write_bytes(b"what is this")
    table = read({"s": [str(tmp_path / name) for name in ("long.wav", "odd.wav")]})
    (sound,) = first_cells(table, infer(table, overrides={"s": "audio"}), pictures=True)
    assert [one.get("sound") for one in sound["players"]] == [None, None]
    assert "400,004 bytes" in sound["players"][0]["why"] and "not a file" in sound["players"][1]["why"]


def test_plain_tables_have_nothing_to_look_at() -> None:
    table = read({"a": [1.5, 2.5, 9.0]})
    assert first_cells(table, infer(table)) == []
