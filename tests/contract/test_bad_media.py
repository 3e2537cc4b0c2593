"""What people bring by mistake among good rows: each row is used, or set aside with its reason; none is lost or fatal.

One run for each kind of column learns from good rows with every bad one among them, and then predicts all of them.
"""

from __future__ import annotations

import json
import math
import re
import struct
import zlib
from collections.abc import Callable, Mapping, Sequence
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
import pytest
from PIL import Image
from polars.testing import assert_frame_equal

import lamina
from lamina.cli import main
from lamina.errors import DataError
from lamina.features.image import Image as Pictures
from lamina.files import read_json

GOOD = 40  # rows that are as they should be
QUICK: dict[str, Any] = {
    "budget": "2steps",
    "baselines": "none",
    "train__threads": 1,
    "train__tensorboard": False,
    "evaluate__resamples": 20,
    "augment__image": "none",
}
SMALLEST = {"image": "cnn", "clip": "cnn", "audio": "tcn", "series": "tcn", "text": "bag"}  # networks, to be quick
Items = np.ndarray  # of an encoded cell: (length, ...)


class Bad(NamedTuple):
    """A cell that is not as it should be, and what becomes of it.

    Attributes:
        cell: as it stands in the table.
        aside: why its row is set aside.
        used: what must hold of its items where it is used.
    """

    cell: Any
    aside: str | None = None
    used: Callable[[Items], bool] | None = None


class Tried(NamedTuple):
    """A run that has met all of them."""

    run: lamina.Run
    table: pl.DataFrame
    bad: Mapping[str, Bad]
    aside: dict[int, str]
    answers: pl.DataFrame

    def row(self, name: str) -> int:
        """The number of its row."""
        return GOOD + list(self.bad).index(name)

    def items(self, name: str) -> Items:
        """What its cell was turned into."""
        encoder = self.run.predictor.encoder
        (array,) = encoder.layout.wide_by_name
        return np.asarray(encoder.encode(encoder.read(self.table[self.row(name)]))[array].values)


def table_of(good: Sequence[Any], bad: Mapping[str, Bad], dtype: Any = None) -> pl.DataFrame:
    """A column ``given`` of good and bad cells, and a target."""
    cells = pl.Series("given", [*good, *(one.cell for one in bad.values())], dtype=dtype)
    return pl.DataFrame([cells, pl.Series("label", [("left", "right")[row % 2] for row in range(len(cells))])])


def tried(table: pl.DataFrame, bad: Mapping[str, Bad], kind: str, folder: Path, **settings: Any) -> Tried:
    """Train on a table and predict it."""
    features, model = {"given": {"kind": kind, **settings}}, SMALLEST[kind]
    run = lamina.train(table, "label", features=features, model=model, data__broken=0.9, out=folder / "run", **QUICK)
    aside = pl.read_parquet(run.path / "set_aside.parquet")
    reasons = dict(aside.select("row", "reason").iter_rows())
    return Tried(run, table, bad, reasons, run.predict(table, broken="null"))


def check_each(found: Tried, name: str) -> None:
    """A bad cell's row is used, and answered; or is set aside, with its reason, and its answer is null, with it too."""
    one, row = found.bad[name], found.row(name)
    answer = found.answers.row(row, named=True)
    why = answer.pop("broken")
    if one.aside is None:
        assert row not in found.aside and why is None
        assert one.used is not None and one.used(found.items(name)), found.items(name)
        assert answer.pop("label") in ("left", "right") and all(map(math.isfinite, answer.values()))
    else:
        assert re.search(one.aside, found.aside[row]), found.aside[row]
        assert why == found.aside[row] and why.startswith("given: ") and "\n" not in why
        assert set(answer.values()) == {None}


def check_account(found: Tried) -> None:
    """Rows read are those used and those set aside; every row has an answer, or a reason."""
    read = read_json(found.run.path / "run.json")
    expected = {found.row(name) for name, one in found.bad.items() if one.aside is not None}
    assert set(found.aside) == expected
    assert read["rows_read"] == len(found.table) == sum(read["rows"].values()) + len(expected)
    assert len(found.answers) == len(found.table)
    assert set(found.answers["broken"].is_not_null().arg_true()) == expected


def check_refused(found: Tried, kind: str, folder: Path) -> None:
    """Above one row in a hundred, training is refused in one line; and so are predictions, unless nulls will do."""
    count = len(found.aside)
    features = {"given": {"kind": kind}}
    with pytest.raises(DataError, match=rf"{count} of {len(found.table)} rows have a file") as error:
        lamina.train(found.table, "label", features=features, out=folder / "refused", **QUICK)
    said, first = str(error.value), min(found.aside)
    assert "\n" not in said and "mend the files, or say --set data.broken" in said and len(said) < 2000
    assert f"got first row {first} ({found.table['given'][first]}), row " in said
    assert not (folder / "refused").exists()
    with pytest.raises(DataError, match=rf"{count} of {len(found.table)} rows have a file") as error:
        found.run.predict(found.table)
    said = str(error.value)
    assert "\n" not in said and f"and {count - 5} more" in said and "--broken null" in said and len(said) < 2000
    assert f"got row {first} ({found.table['given'][first]}), row " in said


# --- pictures --------------------------------------------------------------------------------------------------------


def packed(picture: Any, kind: str = "PNG", **how: Any) -> bytes:
    """A picture, Pillow's or an array, as the bytes of a file."""
    file = BytesIO()
    (Image.fromarray(picture) if isinstance(picture, np.ndarray) else picture).save(file, kind, **how)
    return file.getvalue()


def side(left: bool, shade: int = 200) -> np.ndarray:
    """A picture in colours that is lighter on one side, (12, 12, 3) uint8."""
    pixels = np.full((12, 12, 3), (20, 40, 60), np.uint8)
    pixels[:, : 6 if left else None] = shade
    return pixels


def sized(width: int, height: int) -> bytes:
    """A PNG file that says so of itself."""
    file = bytearray(packed(side(True)))
    file[16:24] = struct.pack(">II", width, height)
    file[29:33] = struct.pack(">I", zlib.crc32(file[12:29]))
    return bytes(file)


def turned() -> bytes:
    """A picture of a camera that was held upright: 12 wide and 8 high in the file, 8 wide and 12 high for people."""
    exif = Image.Exif()
    exif[0x0112] = 6
    return packed(side(True)[:8], "JPEG", exif=exif.tobytes())


def animated(kind: str) -> bytes:
    """Two pictures, of which the first is the good one."""
    later = [Image.fromarray(255 - side(True))]
    return packed(Image.fromarray(side(True)), kind, save_all=True, append_images=later, lossless=True)


def is_left(items: Items) -> bool:
    """One picture of the form of the others, lighter on the left."""
    return items.shape == (1, 12, 12, 3) and bool(items[0, :, :5].mean() > items[0, :, 7:].mean() + 20)


def is_picture(items: Items) -> bool:
    return items.shape == (1, 12, 12, 3) and items.dtype == np.uint8


PICTURES: dict[str, tuple[str, bytes | None, str | Callable[[Items], bool]]] = {
    "half a jpeg": ("a.jpg", packed(side(True), "JPEG")[:300], "the picture is damaged"),
    "an empty file": ("b.jpg", b"", "the file is empty"),
    "a giant by its header": ("c.png", sized(20_000, 20_000), "the picture is too large · got 400,000,000 pixels"),
    "a large one by its header": ("w.png", sized(10_000, 10_000), "the picture is too large · got 100,000,000 pixels"),
    "no pixels by its header": ("d.png", sized(0, 0), "the picture is damaged"),
    "a jpeg named png": ("e.png", packed(side(True), "JPEG"), is_left),
    "a text named png": ("f.png", b"name,age\n1,2\n", "the file is no picture · got a text file"),
    "a web page named jpg": ("g.jpg", b"<!DOCTYPE html>", "the file is no picture · got a web page"),
    "a drawing": ("h.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "the file is no picture · got an SVG"),
    "no such file": ("i.png", None, "there is no such file"),
    "a recording": ("j.png", b"RIFF\x24\0\0\0WAVEfmt ", "the file is no picture · got a WAV"),
    "16 bits": ("k.png", packed(Image.fromarray(side(True)[..., 0].astype(np.uint16) * 257)), is_left),
    "a palette": ("l.gif", packed(Image.fromarray(side(True)).convert("P"), "GIF"), is_left),
    "ink": ("m.jpg", packed(Image.fromarray(side(True)).convert("CMYK"), "JPEG"), is_left),
    "bits": ("n.png", packed(Image.fromarray(side(True)).convert("1")), is_left),
    "see-through": ("o.png", packed(np.dstack([side(True), side(True)[..., 0]])), is_picture),
    "one pixel": ("p.png", packed(side(True)[:1, :1]), is_picture),
    "a line of pixels": ("q.png", packed(np.zeros((1, 3000, 3), np.uint8)), is_picture),
    "an animated gif": ("r.gif", animated("GIF"), is_left),
    "an animated webp": ("s.webp", animated("WEBP"), is_left),
    "a camera held upright": ("t.jpg", turned(), lambda items: bool(items[0, :5].mean() > items[0, 7:].mean() + 20)),
    "two channels in an array": ("u.npy", None, "got shape 8 x 8 x 2"),
    "shares in an array": ("v.npy", None, "not whole numbers from 0 up"),
    "a name of Chinese": ("猫 1.png", packed(side(True)), is_left),
}  # fmt: skip


NAMES = {
    "a folder": Bad(str(Path(__file__).parent), "it is a folder"),
    "blanks": Bad("  ", used=lambda items: not len(items)),
    "missing": Bad(None, used=lambda items: not len(items)),
    "a place in the web": Bad("https://example.org/a.png", "there is no such file · got https://example.org/a.png"),
    "NUL in a name": Bad("/a\0b.png", "no file can have such a name"),
    "a megabyte as a name": Bad("/" + "a" * 1_000_000, "the file cannot be read · got file name too long$"),
}


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Tried:
    folder = tmp_path_factory.mktemp("pictures")
    good = [folder / f"good{row}.png" for row in range(GOOD)]
    for row, path in enumerate(good):
        path.write_bytes(packed(side(row % 2 == 0, 120 + row)))
    bad = dict(NAMES)
    for name, (file, content, what) in PICTURES.items():
        if content is not None:
            (folder / file).write_bytes(content)
        bad[name] = Bad(str(folder / file), *((what, None) if isinstance(what, str) else (None, what)))
    np.save(folder / "u.npy", np.zeros((8, 8, 2), np.uint8))
    np.save(folder / "v.npy", np.linspace(0, 1, 64).reshape(8, 8))
    return tried(table_of([str(path) for path in good], bad), bad, "image", folder, size=12)


@pytest.mark.parametrize("name", [*NAMES, *PICTURES])
def test_a_picture(name: str, pictures: Tried) -> None:
    check_each(pictures, name)


def test_pictures_are_accounted_for_and_refused(pictures: Tried, tmp_path: Path) -> None:
    check_account(pictures)
    check_refused(pictures, "image", tmp_path)


def test_predictions_at_the_command_line(pictures: Tried, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Every row in its place whichever way they are written, and how many are empty is said."""
    count, rows = len(pictures.aside), len(pictures.table)
    data, out = tmp_path / "rows.parquet", tmp_path / "out.csv"
    pictures.table.select("given").write_parquet(data)
    assert main(["predict", str(pictures.run.path), str(data), "--out", str(out)]) == 1
    said = capfd.readouterr().err
    assert said.startswith(f"lamina: {count} of {rows} rows have a file that") and said.count("\n") == 1
    assert not out.exists()
    words = ["predict", str(pictures.run.path), str(data), "--broken", "null"]
    assert main([*words, "--out", str(out)]) == 0
    said = capfd.readouterr().err
    assert said.startswith(f"{rows} rows predicted: ") and f"\n{count} rows have a file that cannot be decoded" in said
    written = pl.read_csv(out)
    assert written["broken"].to_list() == pictures.answers["broken"].to_list()
    assert main(words) == 0 and capfd.readouterr().out == out.read_text()
    assert main([*words, "--json"]) == 0
    document = json.loads(capfd.readouterr().out)
    assert (document["rows"], document["broken"]) == (rows, count)
    assert [row["label"] for row in document["predictions"]] == pictures.answers["label"].to_list()


def test_the_command_line_is_told_where_files_lie(
    pictures: Tried, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    pl.DataFrame({"given": ["good0.png", "good1.png"]}).write_csv(tmp_path / "rows.csv")
    words = ["predict", str(pictures.run.path), str(tmp_path / "rows.csv")]
    assert main(words) == 1 and "say where they lie: --files FOLDER_OR_ZIP" in capfd.readouterr().err
    assert main([*words, "--files", str(pictures.run.path.parent)]) == 0
    assert pl.read_csv(StringIO(capfd.readouterr().out))["label"].to_list() == pictures.answers["label"][:2].to_list()


@pytest.mark.parametrize(("ending", "module"), [("dcm", "pydicom"), ("nii", "nibabel"), ("nii.gz", "nibabel")])
def test_a_medical_picture(ending: str, module: str, tmp_path: Path) -> None:
    pytest.importorskip(module, reason="the extra medical is not installed")
    feature = Pictures("given")
    path = tmp_path / f"a.{ending}"
    for content in (b"", b"text", bytes(2000), b"\x1f\x8b" + bytes(50)):
        path.write_bytes(content)
        broken: dict[int, str] = {}
        feature.fit(pl.Series([None], dtype=pl.String)).encode(pl.Series([str(path)]), broken)
        assert re.match(r"given: the (file is empty|DICOM file|NIfTI file)", broken[0]) and "\n" not in broken[0]


# --- sounds ----------------------------------------------------------------------------------------------------------


def wav(samples: np.ndarray, bits: int = 16, *, channels: int = 1, rate: int = 8000, code: int = 1) -> bytes:
    """Samples from -1 to 1 as the bytes of a WAV file; of code 3 as floats."""
    if code == 3:
        data = samples.astype(f"<f{bits // 8}").tobytes()
    else:
        whole = np.round(samples * (2 ** (bits - 1) - 1)).astype("<i4")
        data = whole.view(np.uint8).reshape(-1, 4)[:, : bits // 8].tobytes()
    width = bits // 8 * channels
    form = struct.pack("<HHIIHH", code, channels, rate, rate * width % 2**32, width, bits)
    chunks = b"fmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


TONE = np.sin(np.arange(1600) * 0.6) * 0.5


def frames(count: int) -> Callable[[Items], bool]:
    """Whether there are so many frames of 64 bands, of finite numbers."""
    return lambda items: items.shape == (count, 64) and bool(np.isfinite(items).all())


SOUNDS: dict[str, tuple[str, bytes | None, str | Callable[[Items], bool]]] = {
    "silence": ("a.wav", wav(np.zeros(800)), frames(11)),
    "one sample": ("b.wav", wav(TONE[1:2]), frames(1)),
    "no samples": ("c.wav", wav(TONE[:0]), "the recording holds no samples"),
    "8 channels": ("d.wav", wav(np.repeat(TONE, 8), channels=8), frames(21)),
    "an empty file": ("e.wav", b"", "it is not a recording · got an empty file"),
    "half a recording": ("f.wav", wav(TONE)[:900], "the recording ends too early"),
    "a header alone": ("g.wav", wav(TONE)[:30], "the recording's header is cut off"),
    "a text named wav": ("h.wav", b"name,age\n1,2\n", "it is not a recording · got a text file"),
    "a picture named wav": ("i.wav", packed(side(True)), "it is not a recording · got a PNG picture"),
    "no rate": ("j.wav", wav(TONE, rate=0), "the recording's rate cannot be · got 0 samples a second"),
    "a rate beyond all": ("k.wav", wav(TONE, rate=4_000_000_000), "the recording's rate cannot be"),
    "no channels": ("l.wav", wav(TONE, channels=0), "the recording has no channels"),
    "24 bits": ("m.wav", wav(TONE, 24), frames(21)),
    "floats": ("n.wav", wav(TONE, 32, code=3), frames(21)),
    "floats that are no numbers": ("o.wav", wav(TONE * np.nan, 32, code=3), "samples that are no numbers"),
    "floats beyond all": ("p.wav", wav(TONE * 1e300, 64, code=3), "or far above 1"),
    "another rate": ("q.wav", wav(np.tile(TONE, 4), rate=44_100), frames(15)),
    "no such file": ("r.wav", None, "there is no such file"),
    "a wav named mp3": ("s.mp3", wav(TONE), frames(21)),
}


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> Tried:
    folder = tmp_path_factory.mktemp("sounds")
    good = [folder / f"good{row}.wav" for row in range(GOOD)]
    for row, path in enumerate(good):
        path.write_bytes(wav(TONE * (0.5 + row / 100) if row % 2 else np.sign(TONE) * (0.5 + row / 100)))
    bad = {"a folder": Bad(str(folder), "it is a folder")}
    for name, (file, content, what) in SOUNDS.items():
        if content is not None:
            (folder / file).write_bytes(content)
        bad[name] = Bad(str(folder / file), *((what, None) if isinstance(what, str) else (None, what)))
    return tried(table_of([str(path) for path in good], bad), bad, "audio", folder)


@pytest.mark.parametrize("name", ["a folder", *SOUNDS])
def test_a_sound(name: str, sounds: Tried) -> None:
    check_each(sounds, name)


def test_sounds_are_accounted_for_and_refused(sounds: Tried, tmp_path: Path) -> None:
    check_account(sounds)
    check_refused(sounds, "audio", tmp_path)
    summary = read_json(sounds.run.path / "schema.json")["given"]["summary"]
    assert re.fullmatch(r"\d+ of \d+ looked at", summary["cannot be decoded"])


# --- films -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Tried:
    folder = tmp_path_factory.mktemp("films")

    def film(name: str, **files: np.ndarray | bytes) -> str:
        (folder / name).mkdir()
        for file, content in files.items():
            path = folder / name / file.replace("_", ".")
            path.write_bytes(content if isinstance(content, bytes) else packed(content))
        return str(folder / name)

    left, right = side(True), side(False)
    good = [film(f"good{row}", a_png=side(row % 2 == 0, 150 + row), b_png=left) for row in range(GOOD)]
    (folder / "a.gif").write_bytes(animated("GIF"))
    (folder / "half.gif").write_bytes(animated("GIF")[:60])
    (folder / "a.txt").write_text("not a film")
    bad = {
        "no pictures": Bad(film("none"), "there are no pictures"),
        "one picture": Bad(film("one", a_png=left), used=lambda items: items.shape == (1, 12, 12, 3)),
        "sizes": Bad(film("sizes", a_png=left, b_png=left[:5, :7]), used=lambda items: items.shape == (2, 12, 12, 3)),
        "notes beside": Bad(film("notes", a_png=left, b_txt=b"taken in May"), used=lambda items: len(items) == 1),
        "notes alone": Bad(film("words", b_txt=b"taken in May"), "there are no pictures"),
        "a broken picture": Bad(
            film("broken", a_png=right, b_png=packed(left)[:60]), r"b\.png: the picture is damaged"
        ),
        "an animated gif": Bad(str(folder / "a.gif"), used=lambda items: items.shape == (2, 12, 12, 3)),
        "half a gif": Bad(str(folder / "half.gif"), "the picture is damaged"),
        "a text": Bad(str(folder / "a.txt"), "the file is no picture · got a text file"),
        "no such folder": Bad(str(folder / "nowhere"), "there is no such file"),
        "a pattern of nothing": Bad(str(folder / "good1" / "*.jpg"), "there are no pictures"),
        "blanks": Bad(" ", used=lambda items: not len(items)),
    }
    return tried(table_of(good, bad), bad, "clip", folder, size=12)


FILMS = (
    "no pictures", "one picture", "sizes", "notes beside", "notes alone", "a broken picture", "an animated gif",
    "half a gif", "a text", "no such folder", "a pattern of nothing", "blanks",
)  # fmt: skip


@pytest.mark.parametrize("name", FILMS)
def test_a_film(name: str, films: Tried) -> None:
    check_each(films, name)


def test_films_are_accounted_for_and_refused(films: Tried, tmp_path: Path) -> None:
    assert tuple(films.bad) == FILMS
    check_account(films)
    check_refused(films, "clip", tmp_path)


def test_film_files_are_a_column_like_any_other(tmp_path: Path) -> None:
    """By their names alone, in any wrapping; the bad ones among them are set aside."""
    av = pytest.importorskip("av", reason="the extra video is not installed")
    names = []
    for row in range(20):
        names.append(f"{row}.{('mp4', 'avi')[row % 2]}")
        with av.open(str(tmp_path / names[-1]), "w") as file:
            stream = file.add_stream("mpeg4", rate=10)
            stream.width = stream.height = 16
            for place in range(3):
                pixels = np.full((16, 16, 3), 10 * row + 5 * place, np.uint8)
                file.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
            file.mux(stream.encode())
    bad = {"half.mp4": (tmp_path / "0.mp4").read_bytes()[:600], "empty.avi": b"", "text.mov": b"name,age\n"}
    for name, content in bad.items():
        (tmp_path / name).write_bytes(content)
    table = pl.DataFrame({"film": [*names, *bad], "label": ["dark"] * 10 + ["light"] * 10 + ["dark"] * 3})
    table.write_csv(tmp_path / "films.csv")
    quick = QUICK | {"model": "cnn", "data__broken": 0.5}
    run = lamina.train(tmp_path / "films.csv", "label", inputs=["film"], out=tmp_path / "run", **quick)
    aside = pl.read_parquet(run.path / "set_aside.parquet")
    assert aside["row"].to_list() == [20, 21, 22] and aside["reason"].str.starts_with("film: the fil").all()
    (slot,) = run.predictor.encoder.layout.wide
    assert (slot.group, slot.shape, slot.length) == ("clip", (16, 16, 1), 3)
    answers = run.predict(tmp_path / "films.csv", broken="null")
    assert answers["broken"].is_not_null().arg_true().to_list() == [20, 21, 22]


# --- texts and series: no files, so that nothing of them is broken ---------------------------------------------------


def tokens(least: int, most: int) -> Callable[[Items], bool]:
    """Whether there are so many."""
    return lambda items: least <= len(items) <= most


TEXTS = {
    "emoji": Bad("👩‍👩‍👧‍👦🇩🇪🙂" * 3, used=tokens(1, 60)),
    "a megabyte of words": Bad("word " * 200_000, used=tokens(512, 512)),
    "a megabyte without a blank": Bad("a" * 1_000_000, used=tokens(512, 512)),
    "empty": Bad("", used=tokens(0, 0)),
    "blanks": Bad(" \t\n\u00a0 ", used=tokens(0, 0)),
    "missing": Bad(None, used=tokens(0, 0)),
    "NUL": Bad("a\0b\0", used=tokens(1, 4)),
    "right to left": Bad("\u202eשלום עולם", used=tokens(2, 4)),
    "no characters": Bad("\ufffe\uffff\U0010ffff", used=tokens(1, 3)),
    "accents without end": Bad("a" + "\u0301" * 5000, used=tokens(1, 512)),
    "line ends": Bad("one\r\ntwo\rthree\u2028four", used=tokens(4, 4)),
}
STEPS = {
    "empty": Bad([], used=tokens(0, 0)),
    "missing": Bad(None, used=tokens(0, 0)),
    "nothing but gaps": Bad([None, None, None], used=tokens(3, 3)),
    "not a number": Bad([1.0, math.nan, 3.0], used=lambda items: len(items) == 3 and bool(np.isfinite(items).all())),
    "one step": Bad([2.0], used=tokens(1, 1)),
    "far off": Bad([1e37, -1e37, 0.0], used=lambda items: bool(np.isfinite(items).all())),
    "ever the same": Bad([5.0] * 9, used=tokens(9, 9)),
    "long": Bad([0.5] * 20_000, used=tokens(64, 64)),
    "tiny": Bad([5e-324, -5e-324], used=tokens(2, 2)),
}


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Tried:
    good = [f"the {'left' if row % 2 else 'right'} one of {row}" for row in range(GOOD)]
    return tried(table_of(good, TEXTS), TEXTS, "text", tmp_path_factory.mktemp("texts"))


@pytest.fixture(scope="module")
def series(tmp_path_factory: pytest.TempPathFactory) -> Tried:
    draw = np.random.default_rng(0)
    good = [(draw.normal(size=8) + row % 2).tolist() for row in range(GOOD)]
    table = table_of(good, STEPS, pl.List(pl.Float64))
    return tried(table, STEPS, "series", tmp_path_factory.mktemp("series"), longest=64)


@pytest.mark.parametrize("name", TEXTS)
def test_a_text(name: str, texts: Tried) -> None:
    check_each(texts, name)


@pytest.mark.parametrize("name", STEPS)
def test_a_series(name: str, series: Tried) -> None:
    check_each(series, name)


def test_texts_and_series_are_accounted_for(texts: Tried, series: Tried) -> None:
    check_account(texts)
    check_account(series)


def test_texts_in_a_csv_are_the_same(texts: Tried, tmp_path: Path) -> None:
    """A megabyte in a cell, line ends within one, and the others; but for NUL, which no CSV may hold."""
    kept = [row for row in range(len(texts.table)) if row != texts.row("NUL")]
    texts.table[kept].select("given").write_csv(tmp_path / "texts.csv")
    assert_frame_equal(texts.run.predict(tmp_path / "texts.csv", broken="null"), texts.answers[kept], rel_tol=1e-4)


@pytest.mark.parametrize("number", [math.inf, -math.inf, 1e308])
def test_a_series_beyond_all_is_refused_with_its_row(number: float, series: Tried, tmp_path: Path) -> None:
    """As a column of numbers with such a cell is: most likely it stands for something else."""
    cells = [*series.table["given"].to_list()[:GOOD], [1.0, number]]
    table = table_of(cells, {}, pl.List(pl.Float64))
    for act in (lambda: lamina.train(table, "label", out=tmp_path / "run", **QUICK), lambda: series.run.predict(table)):
        with pytest.raises(DataError, match=rf"'given' holds series with infinite numbers.*row\(s\) {GOOD}") as error:
            act()
        assert "\n" not in str(error.value)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("cell", "said"),
    [(b"caf\xe9", "mixes encodings"), (b"a\0b", "NUL byte"), (b"\xff\xfe\xfd", "mixes encodings")],
    ids=["latin-1", "NUL", "no UTF-8"],
)
def test_a_text_in_a_csv_that_cannot_be_read(cell: bytes, said: str, texts: Tried, tmp_path: Path) -> None:
    rows = [f"über {row} words of it,{('left', 'right')[row % 2]}\n".encode() for row in range(GOOD)]
    path = tmp_path / "texts.csv"
    path.write_bytes(b"".join([b"given,label\n", *rows, cell + b" and more,left\n"]))
    for act in (lambda: lamina.train(path, "label", out=tmp_path / "run", **QUICK), lambda: texts.run.predict(path)):
        with pytest.raises(DataError, match=f"{said}.*row {GOOD}|row {GOOD}.*{said}") as error:
            act()
        assert "\n" not in str(error.value)
    assert not (tmp_path / "run").exists()
