"""A bundle as a file: members as they are, and a manifest of them that is written last."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from lamina.errors import BundleError, LaterVersionError, some
from lamina.files import atomic, parse_json

__all__ = ["FORMAT", "MANIFEST", "read_archive", "write_archive"]

FORMAT = 1  # of bundles; a reader refuses a larger one
MANIFEST = "manifest.json"
_DATE = (1980, 1, 1, 0, 0, 0)  # of every member, so that the same run gives the same bytes
_LARGEST_MANIFEST = 2**24


def write_archive(path: Path, members: Mapping[str, bytes], manifest: bytes) -> None:
    """Write members as they are and the manifest after them; the file is there whole or not at all."""
    with atomic(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:
        for name, content in {**members, MANIFEST: manifest}.items():
            archive.writestr(zipfile.ZipInfo(name, _DATE), content)


def read_archive(path: Path) -> dict[str, bytes]:
    """All members of a bundle, each compared with the manifest; nothing is unpacked to the disk, and no code is run.

    Raises:
        BundleError: if the file is no bundle, or not as it was written; it names the members.
        LaterVersionError: if it was written by a later version.
    """
    if not path.is_file():
        raise BundleError(f"{path} is not a bundle", got="no such file" if not path.exists() else "a folder",
                          do="make one: lamina export RUN")  # fmt: skip
    try:
        with zipfile.ZipFile(path) as archive:
            _check_members(path, archive)
            members = {one.filename: archive.read(one) for one in archive.infolist()}
    except (zipfile.BadZipFile, NotImplementedError, EOFError, UnicodeDecodeError) as error:
        raise BundleError(f"{path} is not a bundle", got=str(error), do="restore it from a copy") from None
    listed = _manifest(path, members)
    there = {name for name in members if name != MANIFEST}
    faults = [f"{name} is lost" for name in listed if name not in there]
    faults += [f"{name} was added" for name in sorted(there - set(listed))]
    for name in sorted(there & set(listed)):
        if len(members[name]) != listed[name]["bytes"]:
            faults.append(f"{name} has another size")
        elif hashlib.sha256(members[name]).hexdigest() != listed[name]["sha256"]:
            faults.append(f"{name} was changed")
    if faults:
        raise BundleError(f"{path} is not as it was written", got=some(faults), do="restore it from a copy")
    return members


def _check_members(path: Path, archive: zipfile.ZipFile) -> None:
    """Refuse what no bundle has, before any of it is read: names that lead elsewhere, names twice, what is packed."""
    members = archive.infolist()
    names = [one.filename for one in members]
    faults = [f"{name} stands twice" for name in sorted({name for name in names if names.count(name) > 1})]
    for one in members:
        place = PurePosixPath(one.filename)
        if place.is_absolute() or ".." in place.parts or any(sign in one.filename for sign in "\\:\0"):
            faults.append(f"{one.filename!r} leads out of the bundle")
        elif one.compress_type != zipfile.ZIP_STORED or one.file_size != one.compress_size or one.flag_bits & 1:
            faults.append(f"{one.filename} is packed")
    if sum(one.file_size for one in members) > path.stat().st_size:
        faults.append("members lie over each other")
    if faults:
        raise BundleError(f"{path} is not a bundle", got=some(faults), do="make one: lamina export RUN")


def _manifest(path: Path, members: Mapping[str, bytes]) -> dict[str, Any]:
    """Member -> size and SHA-256."""
    if len(members.get(MANIFEST, b"")) > _LARGEST_MANIFEST or MANIFEST not in members:
        raise BundleError(f"{path} is not a bundle", got=f"no {MANIFEST} in it", do="make one: lamina export RUN")
    try:
        manifest = parse_json(members[MANIFEST])
    except ValueError as error:
        raise BundleError(f"{path}: {MANIFEST} is not valid JSON", got=str(error)) from None
    listed = manifest.get("files") if isinstance(manifest, dict) else None
    if not isinstance(listed, dict) or not all(
        isinstance(entry, dict) and {"bytes", "sha256"} <= set(entry) for entry in listed.values()
    ):
        raise BundleError(f"{path} is not a bundle", got=f"a {MANIFEST} without sizes and sums")
    found = manifest.get("format")
    if not isinstance(found, int) or found > FORMAT:
        raise LaterVersionError(
            "the bundle was written by a later version of Lamina",
            got=f"format {found}",
            allowed=f"up to {FORMAT}",
            do="pip install --upgrade lamina",
        )
    return listed
