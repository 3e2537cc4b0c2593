from __future__ import annotations

import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from PIL import Image

from lamina.data.folder import ArraysPart, FolderPart, holds_files
from lamina.data.infer import infer
from lamina.data.read import read
from lamina.errors import DataError


def picture(shade: int = 0) -> bytes:
    file = BytesIO()
    Image.new("L", (4, 4), shade).save(file, "PNG")
    return file.getvalue()


def lay(place: Path, names: list[str], *, zipped: bool) -> Path:
    """Files of these names in a folder, or in a zip file."""
    content = {name: picture(number) if name.endswith(".png") else b"x" for number, name in enumerate(names)}
    place.parent.mkdir(parents=True, exist_ok=True)
    if zipped:
        with zipfile.ZipFile(place.with_suffix(".zip"), "w") as file:
            for name in names:
                file.writestr(name, content[name])
        return place.with_suffix(".zip")
    for name in names:
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(content[name])
    return place


def rows(path: Path) -> list[tuple[Any, ...]]:
    """The table's rows, their names without the place."""
    frame = read(path).head(100)
    names = frame.to_series(0).str.strip_prefix(f"{path.resolve()}").str.replace("^(/|!/)", "")
    return frame.with_columns(names).rows()


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize(
    ("names", "columns", "wanted"),
    [
        (["1.png", "2.png"], ["image"], [("1.png",), ("2.png",)]),
        (["cat/1.png", "dog/1.png"], ["image", "label"], [("cat/1.png", "cat"), ("dog/1.png", "dog")]),
        (["cat/old/1.png", "dog/1.png"], ["image", "label"], [("cat/old/1.png", "cat"), ("dog/1.png", "dog")]),
        (["cat/1.png", "2.png"], ["image", "label"], [("2.png", None), ("cat/1.png", "cat")]),
        (["all/cat/1.png", "all/dog/1.png"], ["image", "label"], [("all/cat/1.png", "cat"), ("all/dog/1.png", "dog")]),
        (["all/1.png", "all/2.png"], ["image", "label"], [("all/1.png", "all"), ("all/2.png", "all")]),
        (
            ["Train/cat/1.png", "val/dog/1.png", "test/cat/1.png"],
            ["image", "label", "split"],
            [("Train/cat/1.png", "cat", "Train"), ("test/cat/1.png", "cat", "test"), ("val/dog/1.png", "dog", "val")],
        ),
        (["train/1.png", "test/2.png"], ["image", "split"], [("test/2.png", "test"), ("train/1.png", "train")]),
        (["train/1.png", "cat/2.png"], ["image", "label"], [("cat/2.png", "cat"), ("train/1.png", "train")]),
        (["a/1.wav", "b/1.flac"], ["audio", "label"], [("a/1.wav", "a"), ("b/1.flac", "b")]),
        (
            ["cat/1.png", "cat/.DS_Store", "cat/Thumbs.db", "__MACOSX/cat/1.png", ".git/x.png", "dog/notes.txt"],
            ["image", "label"],
            [("cat/1.png", "cat"), ("dog/notes.txt", "dog")],
        ),
    ],
)
def test_folders_become_columns(
    names: list[str], columns: list[str], wanted: list[tuple[Any, ...]], zipped: bool, tmp_path: Path
) -> None:
    path = lay(tmp_path / "photos", names, zipped=zipped)
    assert read(path).names == columns
    assert rows(path) == wanted


@pytest.mark.parametrize("zipped", [False, True])
def test_the_names_are_found_and_the_types_seen(zipped: bool, tmp_path: Path) -> None:
    names = [f"{kind}/{number}.png" for kind in ("cat", "dog") for number in range(30)]
    table = read(lay(tmp_path / "photos", names, zipped=zipped))
    schema = infer(table, targets=["label"])
    assert {name: column.feature.kind for name, column in schema.items()} == {"image": "image", "label": "category"}
    feature = schema["image"].feature
    cells = feature.read(table.head(100)["image"])
    assert feature.fit(cells).encode(cells)["image"].lengths.tolist() == [1] * 60  # type: ignore[attr-defined]


def test_a_folder_with_tables_is_read_as_before(tmp_path: Path) -> None:
    lay(tmp_path, ["cat/1.png", "2.png"], zipped=False)
    (tmp_path / "index.csv").write_text("file,kind\ncat/1.png,cat\n")
    assert read(tmp_path).names == ["file", "kind"]


def test_what_holds_no_pictures_is_refused_as_before(tmp_path: Path) -> None:
    lay(tmp_path / "texts", ["a/1.txt", "b.rst"], zipped=False)
    assert not holds_files(tmp_path / "texts")
    with pytest.raises(DataError, match=r"holds no tables · got a, b\.rst · allowed: .* pictures or recordings"):
        read(tmp_path / "texts")
    with pytest.raises(DataError, match=r"is not a table · got a ZIP archive"):
        read(lay(tmp_path / "more", ["a/1.txt"], zipped=True))
    workbook = lay(tmp_path / "book", ["[Content_Types].xml", "xl/media/1.png"], zipped=True)
    with pytest.raises(DataError, match=r"is not a table · got a ZIP archive \(an Excel workbook"):
        read(workbook)
    (tmp_path / "none.zip").write_bytes(b"PK\x03\x04 and no more")
    with pytest.raises(DataError, match="is not a table"):
        read(tmp_path / "none.zip")
    with pytest.raises(DataError, match="holds no files"):
        FolderPart(lay(tmp_path / "empty", [], zipped=True))


@pytest.mark.parametrize("zipped", [False, True])
def test_the_fingerprint_is_that_of_the_content(zipped: bool, tmp_path: Path) -> None:
    one, same, other = (
        read(lay(tmp_path / name / "photos", files, zipped=zipped)).fingerprint()
        for name, files in (("a", ["x/1.png"]), ("b", ["x/1.png"]), ("c", ["x/2.png"]))
    )
    assert other != one and (one == same or zipped)  # a zip file holds the time of its writing
    if not zipped:
        (tmp_path / "b" / "photos" / "x" / "1.png").write_bytes(picture(99))
        assert read(tmp_path / "b" / "photos").fingerprint() != one


# --- arrays -------------------------------------------------------------------------------------------------------


def test_arrays_of_parts(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    arrays = {
        "train_images": generator.integers(0, 256, (30, 5, 4), np.uint8),
        "train_labels": np.arange(30)[:, None] % 3,
        "val_images": generator.integers(0, 256, (6, 5, 4), np.uint8),
        "val_labels": np.arange(6)[:, None] % 3,
        "class_names": np.array(["a", "b", "c"]),
    }
    np.savez(tmp_path / "a.npz", **arrays)
    table = read(tmp_path / "a.npz")
    frame = table.head(100)
    assert table.dtypes == {"image": pl.Array(pl.UInt8, (5, 4)), "label": pl.Int64, "split": pl.String}
    assert (frame["image"].to_numpy()[30:] == arrays["val_images"]).all()
    assert frame["label"].to_list() == [*(place % 3 for place in range(30)), *(place % 3 for place in range(6))]
    assert frame["split"].to_list() == ["train"] * 30 + ["val"] * 6
    kinds = {name: column.feature.kind for name, column in infer(table, targets=["label"]).items()}
    assert kinds["image"] == "image" and kinds["label"] == "category"
    assert table.fingerprint() == read(tmp_path / "a.npz").fingerprint()


@pytest.mark.parametrize(
    ("arrays", "columns"),
    [
        ({"x_train": np.zeros((2, 3, 3)), "y_train": [1, 2], "x_test": np.zeros((1, 3, 3)), "y_test": [3]},
         ["image", "label", "split"]),
        ({"x": np.zeros((2, 3)), "y": ["a", "b"]}, ["x0", "x1", "x2", "label"]),
        ({"images": np.zeros((2, 3, 3, 3)), "age": [1.5, 2.5]}, ["image", "age"]),
        ({"train_images": np.zeros((2, 3, 3)), "train_labels": [1, 2], "test_images": np.zeros((1, 3, 3))},
         ["image", "label", "split"]),
    ],
)  # fmt: skip
def test_names_of_arrays(arrays: dict[str, Any], columns: list[str], tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "a.npz", **arrays)
    assert read(tmp_path / "a.npz").names == columns


def test_arrays_that_are_no_table(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, x=np.zeros(3), y=np.zeros(4))
    with pytest.raises(DataError, match=r"arrays of different lengths · got 3 of x, 4 of label"):
        read(path)
    header = BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|O", "fortran_order": False, "shape": (3,)})
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("x.npy", header.getvalue() + bytes(100))
    with pytest.raises(DataError, match="holds Python objects"):
        read(path)
    np.savez(path, x=np.array(5))
    with pytest.raises(DataError, match="holds no arrays of rows"):
        read(path)
    np.savez(path, x=np.zeros(1000))
    path.write_bytes(path.read_bytes().replace(bytes(64), bytes([1]) * 64))
    with pytest.raises(DataError, match="not a whole NumPy archive"):
        ArraysPart(path)


# --- the staged sets ----------------------------------------------------------------------------------------------


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "kinds", "count"),
    [
        ("orl_faces/orl_faces.zip", {"image": "image", "label": "category"}, 400),
        ("pneumoniamnist/pneumoniamnist.npz", {"image": "image", "label": "boolean", "split": "category"}, 3166),
        ("cifar10/cifar10.zip", {"image": "image", "label": "category", "split": "category"}, 20_000),
    ],
)
def test_staged_sets(name: str, kinds: dict[str, str], count: int, shared_data: Path) -> None:
    table = read(shared_data / name)
    assert table.rows == count
    assert {column: found.feature.kind for column, found in infer(table, targets=["label"]).items()} == kinds
