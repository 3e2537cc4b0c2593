"""A bundle that was changed, cut or made up is refused before anything of it is used."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from lamina.errors import BundleError, LaterVersionError, RunError
from lamina.exporting.bundle import manifest_of
from lamina.runtime.archive import FORMAT, MANIFEST, read_archive, write_archive
from lamina.runtime.bundle import load

MEMBERS = {"a.json": b"[1]", "deep/b.bin": bytes(range(256)), "empty": b""}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A small archive, as bundles are written."""
    write_archive(tmp_path / "a.lamina", MEMBERS, manifest_of(MEMBERS))
    return tmp_path / "a.lamina"


def rewritten(path: Path, change: Callable[[dict[str, bytes]], None], packed: int = zipfile.ZIP_STORED) -> Path:
    """The archive with its members changed, by somebody who knows nothing of manifests."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    with zipfile.ZipFile(path, "w", packed) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def test_members_come_back_and_the_bytes_are_always_the_same(file: Path, tmp_path: Path) -> None:
    members = read_archive(file)
    assert {name: members[name] for name in MEMBERS} == MEMBERS and set(members) == {*MEMBERS, MANIFEST}
    write_archive(tmp_path / "b.lamina", MEMBERS, manifest_of(MEMBERS))
    assert (tmp_path / "b.lamina").read_bytes() == file.read_bytes()
    with zipfile.ZipFile(file) as archive:
        assert {one.compress_type for one in archive.infolist()} == {zipfile.ZIP_STORED}
        assert archive.namelist()[-1] == MANIFEST


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda members: members.update({"a.json": b"[2]"}), "a.json was changed"),
        (lambda members: members.update({"a.json": b"[1] "}), "a.json has another size"),
        (lambda members: members.pop("empty"), "empty is lost"),
        (lambda members: members.update(more=b"x"), "more was added"),
        (lambda members: members.pop(MANIFEST), "no manifest.json in it"),
        (lambda members: members.update({MANIFEST: b"{"}), "manifest.json is not valid JSON"),
        (lambda members: members.update({MANIFEST: b"[]"}), "without sizes and sums"),
        (lambda members: members.update({MANIFEST: b'{"files": {"a": 1}}'}), "without sizes and sums"),
        (lambda members: members.update({"../a": b""}), "leads out of the bundle"),
        (lambda members: members.update({"/a": b""}), "leads out of the bundle"),
        (lambda members: members.update({"c:\\a": b""}), "leads out of the bundle"),
    ],
)
def test_what_is_not_as_it_was_written_is_refused(
    file: Path, change: Callable[[dict[str, bytes]], None], said: str
) -> None:
    with pytest.raises(BundleError) as caught:
        read_archive(rewritten(file, change))
    assert said in str(caught.value) and isinstance(caught.value, RunError)


def test_a_later_format_is_refused(file: Path) -> None:
    def later(members: dict[str, bytes]) -> None:
        members[MANIFEST] = json.dumps({"format": FORMAT + 1, "files": {}}).encode()

    with pytest.raises(LaterVersionError, match=f"got format {FORMAT + 1}"):
        read_archive(rewritten(file, later))


def test_packed_members_are_refused_before_they_are_unpacked(file: Path) -> None:
    def bomb(members: dict[str, bytes]) -> None:
        members["a.json"] = bytes(10**6)

    with pytest.raises(BundleError, match=r"is packed"):
        read_archive(rewritten(file, bomb, zipfile.ZIP_DEFLATED))


def test_a_name_that_stands_twice_is_refused(file: Path) -> None:
    with zipfile.ZipFile(file, "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr("a.json", b"[2]")
    with pytest.raises(BundleError, match=r"a\.json stands twice"):
        read_archive(file)


@pytest.mark.parametrize("cut", [0, 1, 30, 200, -1, -5, -60])
def test_a_file_that_was_cut_is_refused(file: Path, cut: int) -> None:
    whole = file.read_bytes()
    file.write_bytes(whole[:cut])
    with pytest.raises(BundleError):
        read_archive(file)


def test_every_byte_counts(file: Path) -> None:
    """Whichever byte of a member is changed, it is noticed; a byte between members may mean nothing."""
    whole = file.read_bytes()
    at = whole.index(MEMBERS["deep/b.bin"])
    for place in range(at, at + 256, 17):
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(BundleError):
            read_archive(file)


def test_what_is_no_bundle_is_said(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="no such file"):
        load(tmp_path / "nowhere.lamina")
    with pytest.raises(BundleError, match="a folder"):
        load(tmp_path)
    (tmp_path / "a.txt").write_text("hello")
    with pytest.raises(BundleError, match="is not a bundle"):
        load(tmp_path / "a.txt")
