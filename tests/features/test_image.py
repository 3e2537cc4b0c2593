from __future__ import annotations

import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from pictures import npy, packed, photo

from lamina.codecs import picture
from lamina.codecs.content import INSIDE
from lamina.config import check
from lamina.errors import DataError, MissingExtraError
from lamina.features import glances
from lamina.features.base import Claim, Profile
from lamina.features.image import Image, ImageSettings


def fitted(cells: Any, **settings: Any) -> Image:
    feature = Image("photo", check(ImageSettings, settings))
    cells = cells if isinstance(cells, pl.Series) else pl.Series("photo", cells)
    return feature.fit(feature.read(cells))


def encoded(feature: Image, cells: Any) -> np.ndarray:
    cells = cells if isinstance(cells, pl.Series) else pl.Series("photo", cells)
    return feature.encode(feature.read(cells))["image"].values


def claim(values: pl.Series) -> Claim | None:
    return Image.recognise(Profile("a", values, len(values), values.len()))


# --- what is a picture --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "evidence"),
    [
        (pl.Series(["a/1.JPG", "b.png", None, "c.tiff"]), "100% of the cells are names of pictures"),
        (pl.Series(["scan.nii.gz", "x.dcm", *["x.png"] * 9, "x.txt"]), "92% of the cells are names of pictures"),
        (pl.Series([packed(photo(3, 3)), b"no", packed(photo(3, 3), "BMP")]), "2 of the first 3 cells begin as"),
        (pl.Series([packed(photo(3, 3), "WEBP"), packed(photo(3, 3), "TIFF"), None]), "2 of the first 2 cells"),
        (pl.Series(np.zeros((3, 4, 5), np.uint8)), "whole numbers from 0 to 255"),
        (pl.Series([{"bytes": packed(photo(2, 2)), "path": "1.png"}, None]), "1 of the first 1 cells"),
    ],
)  # fmt: skip
def test_recognised(values: pl.Series, evidence: str) -> None:
    found = claim(values)
    assert found is not None and found.strength == 0.9
    assert evidence in found.evidence


@pytest.mark.parametrize(
    "values",
    [
        pl.Series(["cat.png", "dog", "cow", "sheep"]),
        pl.Series(["https://example.org/1.png"] * 3),
        pl.Series(["png", "jpg"]),
        pl.Series([b"BMI,age", b"text", b""]),
        pl.Series(np.zeros((3, 4), np.uint8)),
        pl.Series(np.zeros((3, 4, 5))),
        pl.Series([{"a": 1}]),
        pl.Series([None, None], dtype=pl.String),
    ],
)
def test_not_recognised(values: pl.Series) -> None:
    assert claim(values) is None


# --- what is learned ----------------------------------------------------------------------------------------------


def test_small_pictures_of_one_size_stay_as_they_are() -> None:
    there = [photo(28, 20, 1, seed) for seed in range(5)]
    feature = fitted([packed(each) for each in there])
    (slot,) = feature.slots
    assert (slot.group, slot.shape, slot.length) == ("image", (28, 20, 1), 1)
    assert (encoded(feature, [packed(each) for each in there]) == np.stack(there)).all()
    assert feature.summary()["resized"] == 0
    assert slot.centre == pytest.approx([np.mean(there)])
    assert slot.scale == pytest.approx([np.std(there)])


@pytest.mark.parametrize(
    ("sizes", "side"),
    [
        ([(28, 28), (28, 29)], 32),
        ([(65, 65)], 64),
        ([(100, 90)], 96),
        ([(300, 400), (500, 20)], 128),
        ([(9, 9), (8, 9)], 32),
    ],
)
def test_other_pictures_become_squares_of_the_usual_side(sizes: list[tuple[int, int]], side: int) -> None:
    feature = fitted([packed(photo(*size)) for size in sizes])
    assert feature.slots[0].shape == (side, side, 3)
    assert feature.state.resized == len(sizes)
    assert feature.state.largest == list(max(sizes, key=lambda size: size[0] * size[1]))


def test_settings_overrule_what_is_found() -> None:
    cells = [packed(photo(40, 30)), packed(photo(30, 40))]
    shape = {
        (24, "squash", 1): (24, 24, 1),
        (48, "pad", 3): (48, 48, 3),
    }
    for (size, fit, channels), wanted in shape.items():
        feature = fitted(cells, size=size, fit=fit, channels=channels)
        assert feature.slots[0].shape == wanted == encoded(feature, cells).shape[1:]
    padded = encoded(fitted(cells, size=48, fit="pad"), cells)
    assert (padded[0, 0, 0] == np.round(fitted(cells, size=48, fit="pad").state.centre)).all(), "the mean colour"


def test_grey_pictures_stored_in_colours_are_grey() -> None:
    grey = np.repeat(photo(9, 9, 1), 3, axis=2)
    assert fitted([packed(grey), packed(grey, "JPEG")]).state.channels == 1
    assert fitted([packed(grey), packed(photo(9, 9))]).state.channels == 3
    assert (encoded(fitted([packed(grey)]), [packed(grey)])[0] == grey[..., :1]).all()


def test_white_of_16_bits_is_learned() -> None:
    twelve = [npy(np.full((4, 4), value, np.uint16)) for value in (0, 2047, 4095)]
    feature = fitted(twelve)
    assert feature.state.white == 4095
    assert encoded(feature, twelve)[:, 0, 0, 0].tolist() == [0, 127, 255]
    assert feature.state.centre == pytest.approx([2047.3333 / 4095 * 255], abs=0.1)
    # Where no training picture has 16 bits, white is that of the file.
    plain = fitted([packed(photo(4, 4))], channels=1)
    assert encoded(plain, [npy(np.full((4, 4), value, np.uint16)) for value in (0, 32_896, 65_535)])[
        :, 0, 0, 0
    ].tolist() == [0, 128, 255]


def test_a_bounded_sample_teaches_the_same_in_any_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(glances, "SAMPLE", 10)
    cells = pl.Series([packed(photo(8, 8 + seed % 3, seed=seed)) for seed in range(40)] + [None])
    whole = fitted(cells)
    assert whole.state.sampled == 10 and whole.state.count == 40 and whole.state.missing == 1
    pieces = Image("photo")
    for first in range(0, 41, 7):
        pieces.partial_fit(pieces.read(cells[first : first + 7][::-1]))
    assert pieces.finish().state == whole.state


def test_the_sample_does_not_hang_on_where_the_files_lie(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(glances, "SAMPLE", 5)
    states = []
    for place in ("here", "there/and/deeper"):
        names = [tmp_path / place / "set" / f"class{seed % 2}" / f"{seed}.png" for seed in range(20)]
        for seed, name in enumerate(names):
            name.parent.mkdir(parents=True, exist_ok=True)
            name.write_bytes(packed(photo(8, 8, seed=seed)))
        states.append(fitted([str(name) for name in names]).state)
    assert states[0] == states[1]


def test_nothing_can_be_learned_from_what_is_broken() -> None:
    state = fitted([b"", b"text", packed(photo(5, 6)), None]).state
    assert (state.height, state.width, state.broken, state.sampled) == (5, 6, 2, 3)
    assert fitted([b"", b"text"]).state.height == 32
    assert fitted(pl.Series([None, None], dtype=pl.String)).state.count == 0


# --- cells --------------------------------------------------------------------------------------------------------


def test_all_kinds_of_cells(tmp_path: Path) -> None:
    there = photo(6, 5)
    path = tmp_path / "x" / "1.png"
    path.parent.mkdir()
    path.write_bytes(packed(there))
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
        file.writestr("in/1.png", packed(there))
    feature = fitted([packed(there)])
    for cells in (
        pl.Series([str(path), f" {tmp_path}/a.zip{INSIDE}in/1.png ", None, ""]),
        pl.Series([packed(there), npy(there), None, None]),
        pl.Series(np.stack([there] * 2)).append(pl.Series([None, None], dtype=pl.Array(pl.UInt8, (6, 5, 3)))),
        pl.Series([there.tolist(), there.tolist(), None, None]),
        pl.Series([{"bytes": packed(there), "path": None}, {"bytes": packed(there), "path": "a"}, None, None]),
        pl.Series([str(path), str(path), None, None], dtype=pl.Categorical),
    ):
        array = feature.encode(feature.read(cells))["image"]
        assert array.lengths.tolist() == [1, 1, 0, 0]
        assert (array.values == there).all()


def test_equal_pictures_have_equal_keys(tmp_path: Path) -> None:
    for name, there in (("1", photo(3, 3)), ("2", photo(3, 3)), ("3", photo(3, 3, seed=1))):
        (tmp_path / f"{name}.png").write_bytes(packed(there))
    names = [str(tmp_path / f"{name}.png") for name in "1234"]
    first, second, third, gone, missing = Image("a").key(pl.Series([*names, None])).to_list()
    assert first == second != third != gone and gone is not None and missing is None
    keys = Image("a").key(pl.Series(np.stack([photo(3, 3), photo(3, 3), photo(3, 3, seed=1)]))).to_list()
    assert keys[0] == keys[1] != keys[2]


def test_each_broken_cell_is_set_aside_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("not a picture")
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "good.png").write_bytes(packed(photo(4, 4)))
    names = [str(tmp_path / f"{name}.png") for name in ("text", "good", "folder", "gone")]
    feature = fitted(names)
    broken: dict[int, str] = {}
    array = feature.encode(feature.read(pl.Series([*names, None])), broken)["image"]
    assert array.lengths.tolist() == [0, 1, 0, 0, 0]
    assert list(broken) == [0, 2, 3]
    assert broken[0].startswith("photo: the file is no picture · got a text file")
    assert "it is a folder" in broken[2] and "no such file" in broken[3]
    with pytest.raises(DataError, match=r"column 'photo', row 1007 \(.*text.png\): the file is no picture"):
        feature.encode(feature.read(pl.Series(names)), first_row=1007)


def test_uneven_arrays_are_no_pictures() -> None:
    cells = pl.Series([[[1, 2], [3]], [[1, 2], [3, 4]]], dtype=pl.List(pl.List(pl.Int64)))
    feature = fitted(cells)
    broken: dict[int, str] = {}
    assert feature.encode(cells, broken)["image"].lengths.tolist() == [0, 1]
    assert "the array is no picture" in broken[0]


@pytest.mark.parametrize(
    "cells", [pl.Series([1, 2]), pl.Series([[1.5], [2.0]]), pl.Series([{"a": 1}]), pl.Series([["a"]])]
)
def test_columns_of_other_types_are_refused(cells: pl.Series) -> None:
    with pytest.raises(DataError, match=r"column 'photo' holds files, but came as .* row\(s\) 0"):
        Image("photo").read(pl.Series(cells))


def test_pictures_cannot_be_predicted_yet() -> None:
    with pytest.raises(DataError, match="cannot be predicted yet · got the kind image"):
        fitted([packed(photo(3, 3))]).decode(np.zeros(1))


def test_without_pillow_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    cells = [packed(photo(3, 3))]
    picture._pillow.cache_clear()
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    with pytest.raises(MissingExtraError, match=r"PIL is needed to read pictures .* pip install 'lamina\[image\]'"):
        fitted(cells)
    picture._pillow.cache_clear()
