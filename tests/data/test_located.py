from __future__ import annotations

import os
import zipfile
from io import BytesIO
from pathlib import Path

import polars as pl
import pytest
from PIL import Image as Pillow

from lamina.data.infer import infer
from lamina.data.located import locate
from lamina.data.read import read
from lamina.data.table import Table
from lamina.errors import DataError, UsageError
from lamina.features.category import Category
from lamina.features.clip import Clip
from lamina.features.image import Image


def picture(shade: int) -> bytes:
    file = BytesIO()
    Pillow.new("L", (2, 2), shade).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def table(tmp_path: Path) -> Table:
    """A table of four pictures, which lie nowhere yet."""
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "index.csv").write_text("photo,kind\n" + "".join(f"in/{n}.png,a\n" for n in range(4)))
    return read(tmp_path / "set" / "index.csv")


def fill(place: Path, count: int = 4) -> None:
    if place.suffix == ".zip":
        with zipfile.ZipFile(place, "w") as file:
            for number in range(count):
                file.writestr(f"in/{number}.png", picture(number))
        return
    (place / "in").mkdir(parents=True)
    for number in range(count):
        (place / "in" / f"{number}.png").write_bytes(picture(number))


def shades(table: Table) -> list[int]:
    feature = Image("photo")
    cells = feature.read(table.head(10)["photo"])
    return feature.fit(cells).encode(cells)["image"].values[:, 0, 0, 0].tolist()


@pytest.mark.parametrize("place", ["set", "set/photos.zip", "elsewhere"])
def test_files_beside_the_table_in_an_archive_and_where_the_program_runs(
    place: str, table: Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path / place)
    if place == "elsewhere":
        monkeypatch.chdir(tmp_path / place)
    locate(table, [Image("photo"), Category("kind")])
    assert list(table.prefixes) == ["photo"]
    assert shades(table) == [0, 1, 2, 3]
    locate(table, [Image("photo")])  # again, as by evaluate
    assert shades(table) == [0, 1, 2, 3]


@pytest.mark.parametrize("place", ["far", "far.zip"])
def test_files_where_a_person_says(place: str, table: Table, tmp_path: Path) -> None:
    fill(tmp_path / "set", 3)
    fill(tmp_path / place)
    locate(table, [Image("photo")], str(tmp_path / place))
    assert table.prefixes["photo"].startswith(str(tmp_path / place))
    assert shades(table) == [0, 1, 2, 3]


def test_the_place_with_most_of_the_files_is_taken(table: Table, tmp_path: Path) -> None:
    fill(tmp_path / "set", 1)
    fill(tmp_path / "set" / "b.zip", 4)
    fill(tmp_path / "set" / "c.zip", 3)
    locate(table, [Image("photo")])
    assert "b.zip" in table.prefixes["photo"]


def test_absolute_names_and_missing_cells(tmp_path: Path) -> None:
    fill(tmp_path)
    names = [None, "", f"  {tmp_path}/in/1.png", f"{tmp_path}/in/2.png"]
    table = read(pl.DataFrame({"photo": names}))
    locate(table, [Image("photo")])
    assert shades(table) == [1, 2]
    locate(read({"photo": [None, ""]}), [Image("photo")])
    locate(read({"photo": [b"bytes"]}), [Image("photo")])


def test_a_folder_of_frames_is_found_too(tmp_path: Path) -> None:
    fill(tmp_path / "set")
    (tmp_path / "set" / "index.csv").write_text("film\nin\n")
    table = read(tmp_path / "set" / "index.csv")
    locate(table, [Clip("film")])
    feature = Clip("film")
    cells = feature.read(table.head()["film"])
    assert feature.fit(cells).encode(cells)["clip"].lengths.tolist() == [4]


def test_what_is_not_there(table: Table, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"'photo' names are not there · got in/0.png, in/1.png and 2 more · say"):
        locate(table, [Image("photo")])
    with pytest.raises(UsageError, match="no such folder or zip file · got nowhere"):
        locate(table, [Image("photo")], "nowhere")


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "column", "prefix"),
    [("cifar10", "file", "cifar10.zip!/"), ("magnetic_tile", "image", "magnetic_tile.zip!/")],
)
def test_staged_sets(name: str, column: str, prefix: str, shared_data: Path) -> None:
    table = read(shared_data / name / "index.csv.gz")
    feature = infer(table, targets=["label"])[column].feature
    locate(table, [feature])
    assert table.prefixes[column] == os.path.join(shared_data.resolve(), name, prefix)
    cells = feature.read(table.head(3)[column])
    assert feature.fit(cells).encode(cells)["image"].lengths.tolist() == [1, 1, 1]
