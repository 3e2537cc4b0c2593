from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from pictures import packed
from PIL import Image

from lamina.codecs import picture
from lamina.codecs.content import INSIDE
from lamina.config import check
from lamina.errors import DataError
from lamina.features.base import Profile
from lamina.features.clip import Clip, ClipSettings


def fitted(cells: Any, **settings: Any) -> Clip:
    feature = Clip("film", check(ClipSettings, settings))
    cells = cells if isinstance(cells, pl.Series) else pl.Series(cells)
    return feature.fit(feature.read(cells))


def shades(feature: Clip, cells: Any) -> list[list[int]]:
    """The first pixel of each picture of each film."""
    cells = cells if isinstance(cells, pl.Series) else pl.Series(cells)
    clips = feature.encode(feature.read(cells))["clip"]
    return [clips[row : row + 1].values[:, 0, 0, 0].tolist() for row in range(len(clips))]


def grey(shade: int, side: int = 6) -> np.ndarray:
    return np.full((side, side), shade, np.uint8)


@pytest.fixture
def films(tmp_path: Path) -> Path:
    """Three films of 12, 3 and no pictures, in folders and in a zip file."""
    for name, count in (("a", 12), ("b", 3), ("c", 0)):
        (tmp_path / name).mkdir()
        for place in range(count):
            (tmp_path / name / f"frame{place}.png").write_bytes(packed(grey(10 * place)))
    (tmp_path / "a" / "notes.txt").write_text("not a picture")
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as file:
        for path in sorted(tmp_path.glob("*/*")):
            file.write(path, path.relative_to(tmp_path))
    return tmp_path


def test_folders_of_pictures_in_the_order_of_their_numbers(films: Path) -> None:
    cells = [f"{films}/a", f"{films}/b/", None]
    feature = fitted(cells)
    (slot,) = feature.slots
    assert (slot.group, slot.shape, slot.length) == ("clip", (6, 6, 1), 12)
    assert shades(feature, cells) == [[10 * place for place in range(12)], [0, 10, 20], []]


def test_pictures_are_taken_evenly(films: Path) -> None:
    feature = fitted([f"{films}/a"], frames=4)
    assert shades(feature, [f"{films}/a", f"{films}/b"]) == [[0, 40, 70, 110], [0, 10, 20]]
    assert feature.slots[0].length == 4


def test_patterns_lists_and_archives(films: Path) -> None:
    feature = fitted([f"{films}/b"])
    zipped = f"{films}/all.zip{INSIDE}"
    assert shades(feature, [f"{films}/a/frame1*.png", f"{zipped}b", f"{zipped}a/frame?.png"]) == [
        [10, 100, 110], [0, 10, 20], [10 * place for place in range(10)],
    ]  # fmt: skip
    names = [[f"{films}/a/frame3.png", f"{zipped}a/frame1.png"], None]
    assert shades(feature, names) == [[30, 10], []]
    assert feature.there(f"{films}/a/*.png") and feature.there(f"{films}/a") and feature.there(f"{zipped}a")
    assert not feature.there(f"{films}/z/*.png") and not feature.there(f"{zipped}z")


def test_animated_files_and_arrays(tmp_path: Path) -> None:
    pictures = [Image.fromarray(grey(shade)) for shade in (0, 100, 200)]
    animated = packed(pictures[0], "TIFF", save_all=True, append_images=pictures[1:])
    (tmp_path / "1.tif").write_bytes(animated)
    feature = fitted([animated])
    assert shades(feature, [animated, None]) == [[0, 100, 200], []]
    assert shades(feature, [str(tmp_path / "1.tif")]) == [[0, 100, 200]]
    assert shades(feature, pl.Series(np.stack([[grey(7), grey(9)]]))) == [[7, 9]]
    assert fitted(pl.Series(np.zeros((2, 5, 6, 7, 3), np.uint8)), channels=3).slots[0].shape == (6, 7, 3)


def test_what_is_no_film_is_set_aside(films: Path) -> None:
    (films / "b" / "frame1.png").write_text("not a picture")
    cells = [f"{films}/a", f"{films}/b", f"{films}/c", f"{films}/d", f"{films}/a/notes.txt", f"{films}/x*"]
    broken: dict[int, str] = {}
    clips = fitted(cells).encode(pl.Series(cells), broken)["clip"]
    assert clips.lengths.tolist() == [12, 0, 0, 0, 0, 0]
    reasons = [
        "no picture · got a text",
        "there are no pictures",
        "no such file",
        "no picture · got a text",
        "no pictures",
    ]
    assert list(broken) == [1, 2, 3, 4, 5]
    assert all(reason in found for reason, found in zip(reasons, broken.values(), strict=True)), broken
    with pytest.raises(DataError, match="the file is empty"):
        fitted([f"{films}/a"]).load(b"")


def test_equal_films_have_equal_keys(films: Path) -> None:
    cells = pl.Series([f"{films}/b", f"{films}/all.zip{INSIDE}b", f"{films}/a", f"{films}/c", None])
    one, same, other, none, missing = Clip("film").key(cells).to_list()
    assert one == same != other and none is not None and missing is None


@pytest.mark.parametrize(
    ("values", "evidence"),
    [
        (pl.Series(["a.mp4", "b.MOV", None]), "100% of the cells are names of films"),
        (pl.Series([["a.png", "b.png"], None, ["c.jpg"]]), "100% of the names in lists are of pictures"),
        (pl.Series(np.zeros((2, 3, 4, 5, 3), np.uint8)), "whole numbers from 0 to 255"),
        (pl.Series(["a.png"]), None),
        (pl.Series([["a", "b"]]), None),
        (pl.Series([[]], dtype=pl.List(pl.String)), None),
        (pl.Series(np.zeros((2, 3, 4, 3), np.uint8)), None),
    ],
)
def test_recognised(values: pl.Series, evidence: str | None) -> None:
    claim = Clip.recognise(Profile("a", values, len(values), len(values)))
    assert claim is None if evidence is None else claim is not None and evidence in claim.evidence


def film(av: Any, path: Path, *shades: int, sound: bool = False) -> Path:
    """A film file with a picture of each shade, 32 x 32; or with sound alone."""
    with av.open(str(path), "w") as file:
        if sound:
            stream = file.add_stream("aac", rate=16_000, layout="mono")
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            frame.sample_rate = 16_000
            file.mux(stream.encode(frame))
        else:
            stream = file.add_stream("mpeg4", rate=10)
            stream.width = stream.height = 32
            for shade in shades:
                frame = av.VideoFrame.from_ndarray(np.full((32, 32, 3), shade, np.uint8), format="rgb24")
                file.mux(stream.encode(frame))
        file.mux(stream.encode())
    return path


@pytest.mark.parametrize("ending", ["mp4", "avi", "mkv", "mov"])
def test_film_files(ending: str, tmp_path: Path) -> None:
    av = pytest.importorskip("av", reason="the extra video is not installed")
    path = film(av, tmp_path / f"1.{ending}", 0, 60, 120, 180, 240)
    feature = fitted([str(path)], frames=3)
    assert np.abs(np.array(shades(feature, [str(path)])) - [[0, 120, 240]]).max() < 12
    assert shades(feature, [path.read_bytes()]) == shades(feature, [str(path)])
    one = film(av, tmp_path / f"2.{ending}", 120)
    assert len(feature.load(str(one))) == 1
    with pytest.raises(DataError, match=r"the film (cannot be read|has no pictures)") as error:
        feature.load(path.read_bytes()[:200])
    assert "Errno" not in str(error.value)


def test_what_is_no_film_file_has_a_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    av = pytest.importorskip("av", reason="the extra video is not installed")
    path = film(av, tmp_path / "1.mp4", 0, 60)
    feature = fitted([str(path)])
    with pytest.raises(DataError, match="the film has no pictures · got sound alone"):
        feature.load(str(film(av, tmp_path / "2.mp4", sound=True)))
    for name, content, reason in (
        ("3.mp4", b"", "the file is empty"),
        ("4.mp4", b"name,age", "the film cannot be read · got a text file: "),
        ("5.mp4", path.read_bytes()[:500], "the film cannot be read"),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DataError, match=reason):
            feature.load(str(tmp_path / name))
    monkeypatch.setattr(picture, "PIXELS", 1000)
    with pytest.raises(DataError, match="too large · got 1,024 pixels"):
        feature.load(str(path))
