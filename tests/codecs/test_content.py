from __future__ import annotations

import os
import zipfile
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from lamina.codecs import content
from lamina.codecs.content import INSIDE, file_bytes, in_archive, is_there, npy_array, what_it_is
from lamina.errors import DataError


def npy(array: np.ndarray) -> bytes:
    file = BytesIO()
    np.save(file, array)
    return file.getvalue()


def header(dtype: str, shape: tuple[int, ...]) -> bytes:
    file = BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": dtype, "fortran_order": False, "shape": shape})
    return file.getvalue()


@pytest.fixture
def archive(tmp_path: Path) -> str:
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("cats/1.txt", "one")
        file.writestr("2.txt", "two" * 1000)
    return f"{tmp_path / 'a.zip'}{INSIDE}"


def test_files_are_read_from_folders_and_archives(tmp_path: Path, archive: str) -> None:
    (tmp_path / "1.txt").write_text("here")
    assert file_bytes(str(tmp_path / "1.txt")) == b"here"
    assert file_bytes(f"{archive}cats/1.txt") == b"one"
    assert in_archive(archive.removesuffix(INSIDE)) == ["cats/1.txt", "2.txt"]


def test_a_file_is_read_whole_however_it_comes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, read = tmp_path / "1.bin", os.read
    wanted = bytes(range(256)) * 5
    path.write_bytes(wanted)
    monkeypatch.setattr(content.os, "read", lambda file, size: read(file, min(size, 100)))
    assert file_bytes(str(path)) == wanted, "by pieces"
    monkeypatch.undo()
    for size in (0, len(wanted) + 1):  # of a device, and of a file that was cut meanwhile
        monkeypatch.setattr(content.os, "fstat", lambda _, size=size: SimpleNamespace(st_size=size))
        assert file_bytes(str(path)) == wanted
    path.write_bytes(b"")
    monkeypatch.undo()
    assert file_bytes(str(path)) == b""


def test_an_archive_that_is_written_again_is_read_again(tmp_path: Path, archive: str) -> None:
    assert file_bytes(f"{archive}cats/1.txt") == b"one"
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
        file.writestr("cats/1.txt", "another")
    assert file_bytes(f"{archive}cats/1.txt") == b"another"


def test_is_there(tmp_path: Path, archive: str) -> None:
    there = [str(tmp_path), str(tmp_path / "a.zip"), f"{archive}2.txt", f"{archive}cats", f"{archive}cats/"]
    assert all(map(is_there, there))
    missing = [
        str(tmp_path / "b"),
        f"{archive}cat",
        f"{archive}cats/1",
        f"{tmp_path}/b.zip{INSIDE}1",
        f"{tmp_path}{INSIDE}1",
    ]
    assert not any(map(is_there, missing))


def test_what_cannot_be_read_has_a_reason(tmp_path: Path, archive: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x.png").mkdir()
    (tmp_path / "no.zip").write_bytes(b"PK\x03\x04 and no more")
    reasons = {
        str(tmp_path / "x.png"): "it is a folder, not a file",
        str(tmp_path / "y.png"): "there is no such file",
        f"{archive}y.png": "the archive has no such file",
        f"{tmp_path}/no.zip{INSIDE}1": "the file cannot be read",
        "\0.png": "no file can have such a name",
    }
    for name, reason in reasons.items():
        with pytest.raises(DataError, match=reason):
            file_bytes(name)
    monkeypatch.setattr(content, "LARGEST", 100)
    with pytest.raises(DataError, match="too large for a cell · got 3,000 bytes"):
        file_bytes(f"{archive}2.txt")  # before it is unpacked


def test_a_damaged_file_in_an_archive_has_a_reason(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("1.txt", "the content of this file")
    path.write_bytes(path.read_bytes().replace(b"the content", b"The content"))
    with pytest.raises(DataError, match=r"cannot be read · got Bad CRC-32"):
        file_bytes(f"{path}{INSIDE}1.txt")


@pytest.mark.parametrize(
    ("start", "kind"),
    [
        (b"", "an empty file"),
        (b"\x89PNG\r\n", "a PNG picture"),
        (b"RIFF....WAVE", "a WAV, AVI or WebP file"),
        (b"....ftypheic", "an MP4 film, or a HEIC or AVIF picture"),
        ("schön".encode(), "a text file"),
        (bytes(range(64)), "a binary file of an unknown kind"),
    ],
)
def test_what_it_is(start: bytes, kind: str) -> None:
    assert what_it_is(start) == kind


def test_npy_arrays_come_back() -> None:
    for array in (
        np.arange(6).reshape(2, 3),
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.zeros((0, 3)),
        np.array(5),
    ):
        back = npy_array(npy(array))
        assert back.dtype == array.dtype and (back == array).all() and back.shape == array.shape


def test_npy_files_that_are_not_to_be_trusted() -> None:
    with pytest.raises(DataError, match="holds Python objects"):
        npy_array(header("|O", (3,)) + bytes(100))
    with pytest.raises(DataError, match="is not whole"):
        npy_array(npy(np.zeros(9))[:-1])
    with pytest.raises(DataError, match="is not whole"):  # a header that asks for a petabyte
        npy_array(header("<f8", (2**40, 2**20)))
    for damaged in (b"", b"\x93NUMPY", b"\x93NUMPY\x09\x00rest", npy(np.zeros(9))[:20]):
        with pytest.raises(DataError, match="damaged, or of a later version"):
            npy_array(damaged)
