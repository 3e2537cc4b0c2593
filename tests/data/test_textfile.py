"""Files of running text."""

from __future__ import annotations

import gzip
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lamina.data.read import read
from lamina.data.textfile import LARGEST, PARTS, TextFilePart, is_running
from lamina.errors import DataError

SONG = "a line of it\n" * 3 + "\n" + "größer, and – so on\n\n"


def lay(path: Path, text: str | bytes) -> Path:
    content = text.encode() if isinstance(text, str) else text
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def joined(path: Path) -> list[str]:
    return pl.concat(list(read(path).chunks()))["text"].to_list()


@pytest.mark.parametrize("name", ["song.txt", "song.md", "song.txt.gz", "SONG.TXT"])
def test_the_parts_joined_are_the_file(name: str, tmp_path: Path) -> None:
    path = lay(tmp_path / name, SONG * 500)
    table, parts = read(path), joined(path)
    assert table.names == ["file", "place", "text"] and table.rows == len(parts) > PARTS / 2
    assert "".join(parts) == SONG * 500
    assert all(part.endswith("\n") for part in parts)


def test_a_large_file_comes_in_parts_of_a_bounded_size_a_few_at_a_time(tmp_path: Path) -> None:
    path = lay(tmp_path / "long.txt", SONG * 250_000)
    frames = list(read(path).chunks())
    sizes = pl.concat(frames)["text"].str.len_bytes()
    assert sizes.head(len(sizes) - 1).min() > LARGEST / 2 and sizes.max() <= LARGEST  # type: ignore[operator]
    assert len(frames) > 1 and max(map(len, frames)) <= TextFilePart.most
    places = pl.concat(frames)["place"]
    assert places[0] == 0 and places.is_sorted() and places[-1] < 1


@given(st.text(alphabet=st.sampled_from("aé€😀 \n"), min_size=1, max_size=3000))
def test_nothing_is_lost_wherever_it_is_cut(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = lay(tmp_path_factory.mktemp("texts") / "any.txt", text)
    part = TextFilePart(path)
    assert "".join(pl.concat(part.frames(["text"], rows=3))["text"]) == text


def test_marks_of_utf8_are_no_text_and_other_encodings_are_refused(tmp_path: Path) -> None:
    assert joined(lay(tmp_path / "marked.txt", b"\xef\xbb\xbfwell\nthen\n")) == ["well\nthen\n"]
    path = lay(tmp_path / "latin.txt", "er geht\nund grüßt\n".encode("latin-1"))
    with pytest.raises(DataError, match=r"is not UTF-8 · got byte 0xfc at place 14 · save the file as UTF-8"):
        joined(path)


@pytest.mark.parametrize(
    ("name", "text", "wanted"),
    [
        ("a.txt", "First Citizen:\nBefore we proceed, hear me speak.\n\nAll:\nSpeak, speak.\n", True),
        ("a.txt", "age,sex\n3,m\n4,f\n5,m\n", False),
        ("a.txt", "1\t2\n3\t4\n", False),
        ("a.md", "| a | b |\n|---|---|\n| 1 | 2 |\n", True),
        ("a.csv", "only words\nmore of them\n", False),
        ("a.txt", "one line alone, with commas, in it", True),
    ],
)
def test_running_text_is_told_from_tables(name: str, text: str, wanted: bool, tmp_path: Path) -> None:
    assert is_running(Path(name), text.encode()) == wanted
    assert bool(read(lay(tmp_path / name, text)).running) == wanted


def test_a_folder_of_texts_is_one_table(tmp_path: Path) -> None:
    for name in ("b.txt", "a.md", "_note.txt"):
        lay(tmp_path / name, f"{name} says\nlittle\n")
    table = read(tmp_path)
    assert table.running == 2
    assert table.head(9).select("file", "text").rows() == [
        ("a.md", "a.md says\nlittle\n"),
        ("b.txt", "b.txt says\nlittle\n"),
    ]
    assert read(str(tmp_path / "*.txt")).running == 2
    (tmp_path / "table.csv").write_text("x,y\n1,2\n")
    assert read(tmp_path).running == 0, "tables in a folder come first, as before"
