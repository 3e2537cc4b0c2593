from __future__ import annotations

import random
import warnings
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pictures import npy, packed, photo
from PIL import Image

from lamina.codecs import picture
from lamina.codecs.picture import fitted, framed, is_picture, open_picture, pictures_in, pixels_of
from lamina.errors import DataError


def pixels(cell: Any, channels: int = 3, white: int = 255) -> np.ndarray:
    return pixels_of(open_picture(cell).image, channels, white)


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "PPM"])
@pytest.mark.parametrize("channels", [1, 3])
def test_lossless_files_come_back_as_they_were(kind: str, channels: int) -> None:
    there = photo(7, 5, channels)
    assert (pixels(packed(there, kind), channels) == there).all()
    assert is_picture(packed(there, kind)) or kind == "PPM"


@pytest.mark.parametrize(
    "how", [{}, {"progressive": True}, {"subsampling": 2, "quality": 40}, {"restart_marker_rows": 1}]
)
@pytest.mark.parametrize("channels", [1, 3])
def test_small_jpegs_are_what_pillow_makes_of_them(channels: int, how: dict[str, Any]) -> None:
    file = packed(photo(23, 31, channels), "JPEG", **how)
    assert picture._small_jpeg(file) is not None
    assert (pixels(file) == np.asarray(Image.open(picture.BytesIO(file)).convert("RGB"))).all()


def test_webp_and_gif_and_npy() -> None:
    there = photo(8, 6)
    assert (pixels(packed(there, "WEBP", lossless=True)) == there).all()
    assert (pixels(npy(there)) == there).all()
    assert (pixels(npy(there[..., :1]), 1) == there[..., :1]).all()
    frames = [Image.fromarray(np.full((4, 4), shade, np.uint8)) for shade in (10, 200)]
    file = packed(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert pixels(file, 1).ravel().tolist() == [10] * 16, "the first picture of an animated file"
    assert [int(pixels_of(each.image, 1, 255)[0, 0, 0]) for each in pictures_in(file, range)] == [10, 200]


def test_palettes_cmyk_and_single_bits() -> None:
    there = Image.fromarray(photo(9, 9))
    assert np.abs(pixels(packed(there.quantize(64))).astype(int) - np.asarray(there)).mean() < 8
    cmyk = Image.merge("CMYK", [Image.new("L", (4, 4), value) for value in (0, 255, 255, 0)])
    assert pixels(packed(cmyk, "TIFF"))[0, 0].tolist() == [255, 0, 0]
    assert pixels(packed(Image.new("1", (3, 2), 1)), 1).ravel().tolist() == [255] * 6


def test_what_is_transparent_is_white() -> None:
    clear = np.zeros((2, 2, 4), np.uint8)
    clear[0, 0] = 10, 20, 30, 255
    wanted = [[[10, 20, 30], [255] * 3], [[255] * 3] * 2]
    assert pixels(packed(clear)).tolist() == wanted
    assert pixels(clear).tolist() == wanted
    palette = Image.new("P", (1, 1), 0)
    palette.putpalette([9, 9, 9])
    assert pixels(packed(palette, transparency=0)).tolist() == [[[255] * 3]]


@pytest.mark.parametrize("turn", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_pictures_are_turned_upright(kind: str, turn: int) -> None:
    held = {
        1: lambda x: x, 2: np.fliplr, 3: lambda x: np.rot90(x, 2), 4: np.flipud, 5: lambda x: np.swapaxes(x, 0, 1),
        6: lambda x: np.rot90(x, 1), 7: lambda x: np.rot90(np.swapaxes(x, 0, 1), 2), 8: lambda x: np.rot90(x, -1),
    }  # fmt: skip
    there = photo(16, 24, 1)[..., 0]
    tag = Image.Exif()
    tag[0x0112] = turn
    found = open_picture(packed(np.ascontiguousarray(held[turn](there)), kind, exif=tag.tobytes()))
    assert (found.height, found.width) == (16, 24)
    assert np.abs(pixels_of(found.image, 1, 255)[..., 0].astype(int) - there).max() <= 12


def test_16_bits_are_scaled_by_what_white_is() -> None:
    grey = np.array([[0, 1000, 4095]], np.uint16)
    for cell in (packed(grey, "PNG"), packed(grey, "TIFF"), npy(grey), grey):
        assert pixels(cell, 1, 4095).ravel().tolist() == [0, 62, 255]
        assert pixels(cell, 1, 65_535).ravel().tolist() == [0, 4, 16]
        assert pixels(cell, 3, 1023).shape == (1, 3, 3)  # brighter than any picture that was learned from
    colours = np.array([[[0, 257, 65_535]]], np.uint16)
    assert pixels(npy(colours)).tolist() == [[[0, 1, 255]]]


def test_a_large_jpeg_is_decoded_near_the_size_that_is_needed() -> None:
    file = packed(photo(900, 1200), "JPEG")
    found = open_picture(file, 64)
    assert (found.height, found.width) == (900, 1200)
    assert 128 <= min(found.image.size) < 300
    assert open_picture(file, 64, grey=True).image.mode == "L"
    near, whole = (np.asarray(fitted(open_picture(file, size).image, 64, 64, "squash"), int) for size in (64, None))
    assert np.abs(near - whole).mean() < 1


def test_forms() -> None:
    wide = np.zeros((10, 30, 1), np.uint8)
    wide[:, 10:20] = 255
    image = open_picture(wide).image
    assert fitted(image, 10, 30, "crop") is image
    assert (np.asarray(fitted(image, 10, 10, "crop")) == 255).all(), "the middle"
    squashed = np.asarray(fitted(image, 10, 10, "squash"))
    assert squashed[:, :3].max() < 60 and squashed[:, 4:6].min() > 200
    padded = fitted(image, 12, 12, "pad")
    assert padded.size == (12, 4)
    frame = framed(np.asarray(padded)[..., None], 12, 12, [7.0])
    assert frame.shape == (12, 12, 1) and (frame[:4] == 7).all() and (frame[8:] == 7).all()
    assert fitted(Image.new("L", (1, 5000)), 32, 32, "pad").size == (1, 32)
    assert fitted(Image.new("RGB", (1, 1), "red"), 32, 32, "crop").getpixel((31, 31)) == (255, 0, 0)


BROKEN = {
    "empty": (b"", "the file is empty"),
    "text": (b"name,age\n1,2\n", "the file is no picture · got a text file · allowed: png, jpeg"),
    "sound": (b"RIFF\x24\0\0\0WAVEfmt ", "no picture · got a WAV, AVI or WebP file"),
    "document": (b"%PDF-1.4", "no picture · got a PDF document"),
    "drawing": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "no picture · got an SVG drawing"),
    "half a jpeg": (packed(photo(60, 60), "JPEG")[:700], "the picture is damaged · got image file is truncated"),
    "half a png": (packed(photo(60, 60))[:300], "the picture is damaged"),
    "a jpeg's start": (b"\xff\xd8\xff\xe0", "the picture is damaged"),
    "a png's start": (b"\x89PNG\r\n\x1a\n", "the picture is damaged"),
    "objects": (npy(np.array([1, 2], np.uint8)).replace(b"'|u1'", b"'|O' "), "holds Python objects"),
    "shares": (npy(np.array([[0.0, 0.5]])), r"not whole numbers from 0 up · got 0 to 0.5 .* such as by 255"),
    "not numbers": (npy(np.array([[0.0, np.nan]])), "not whole numbers"),
    "below": (npy(np.array([[-1, 5]])), "got -1 to 5 · allowed: 0 to 255"),
    "words": (npy(np.array([["a"]])), "the array is no picture · got <U1 of shape"),
    "no pixels": (npy(np.zeros((0, 4), np.uint8)), "the picture has no pixels"),
    "2 channels": (npy(np.zeros((8, 8, 2), np.uint8)), "got shape 8 x 8 x 2 · allowed: height x width, or"),
    "5 channels": (npy(np.zeros((8, 8, 5), np.uint8)), "got shape 8 x 8 x 5"),
    "8 channels": (npy(np.zeros((8, 8, 8), np.uint8)), "got shape 8 x 8 x 8"),
    "channels first": (npy(np.zeros((3, 8, 8), np.uint8)), "move the channels to the end"),
    "a line": (npy(np.zeros(8, np.uint8)), "got shape 8 · allowed: height x width"),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_no_picture_has_a_reason(name: str) -> None:
    content, reason = BROKEN[name]
    with pytest.raises(DataError, match=reason) as error:
        open_picture(content)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("kind", ["PNG", "BMP", "GIF"])
def test_a_giant_is_refused_before_it_is_decoded(kind: str) -> None:
    file = bytearray(packed(np.zeros((1, 1), np.uint8), kind))
    at, order = {"PNG": (16, "big"), "BMP": (18, "little"), "GIF": (6, "little")}[kind]
    size = 2 if kind == "GIF" else 4
    for side in range(2):
        file[at + side * size : at + (side + 1) * size] = (60_000).to_bytes(size, order)  # type: ignore[arg-type]
    with pytest.raises(DataError, match=r"damaged|too large"):
        open_picture(bytes(file))


def test_pillow_does_not_warn_beside_our_words() -> None:
    file = bytearray(packed(np.zeros((1, 1), np.uint8)))
    file[16:24] = (10_000).to_bytes(4, "big") * 2
    file[29:33] = zlib.crc32(file[12:29]).to_bytes(4, "big")
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        picture._pillow.cache_clear()
        with pytest.raises(DataError, match=r"too large · got 100,000,000 pixels · allowed: 89,478,485"):
            open_picture(bytes(file))
    assert not said


def test_pictures_above_the_limit_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picture, "PIXELS", 100)
    for cell in (packed(photo(11, 10)), np.zeros((11, 10), np.uint8)):
        with pytest.raises(DataError, match=r"the picture is too large · got 110 pixels · allowed: 100"):
            open_picture(cell)
    open_picture(packed(photo(10, 10)))


@given(st.sampled_from(["PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF", "PPM", "npy"]), st.integers(0, 10**6))
def test_damaged_files_never_end_but_in_a_picture_or_a_reason(kind: str, seed: int) -> None:
    chance = random.Random(seed)
    whole = npy(photo(9, 11)) if kind == "npy" else packed(photo(9, 11), kind)
    file = bytearray(whole[: chance.randrange(1, len(whole) + 1)])
    for _ in range(chance.randrange(8)):
        file[chance.randrange(len(file))] = chance.randrange(256)
    try:
        found = open_picture(bytes(file))
    except DataError as error:
        assert "\n" not in str(error)
    else:
        assert found.image.mode in ("L", "RGB", "F")


def test_names(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(packed(photo(3, 4), "JPEG"))
    assert open_picture(str(path)).width == 4, "the content says what it is, not the name"
    (tmp_path / "x.png").mkdir()
    with pytest.raises(DataError, match="it is a folder"):
        open_picture(str(tmp_path / "x.png"))
    with pytest.raises(DataError, match="there is no such file"):
        open_picture(str(tmp_path / "y.png"))
