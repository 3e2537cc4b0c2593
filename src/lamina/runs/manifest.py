"""The manifest of a run folder: every file with its size and SHA-256."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lamina.errors import DamagedRunError, LaterVersionError, NotARunError, some
from lamina.files import digest, read_json, write_json

__all__ = ["FORMAT", "MANIFEST", "check_format", "verify", "write_manifest"]

MANIFEST = "manifest.json"
FORMAT = 1  # of the run folder; a reader refuses a larger one


def write_manifest(folder: Path) -> None:
    """List every file of a run; written last, so a folder with a manifest is complete."""
    files = {
        path.relative_to(folder).as_posix(): {"bytes": path.stat().st_size, "sha256": digest(path)}
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != MANIFEST
    }
    write_json(folder / MANIFEST, {"format": FORMAT, "files": files})


def verify(folder: Path) -> dict[str, Any]:
    """Compare every file of a run with its manifest.

    Returns:
        The manifest.

    Raises:
        NotARunError: if the folder is no complete run.
        LaterVersionError: if it was written by a later version.
        DamagedRunError: if a file was changed, added, lost, or made a link; it names the files.
    """
    if not folder.is_dir():
        raise NotARunError(f"{folder} is not a run", got="no such folder" if not folder.exists() else "a file")
    if not (folder / MANIFEST).is_file():
        raise NotARunError(
            f"{folder} is not a complete run",
            got="no manifest.json in it",
            do=f"lamina resume {folder}" if (folder / "run.json").exists() else "name a folder that lamina train made",
        )
    manifest = read_json(folder / MANIFEST)
    _check_form(manifest)
    listed, there = manifest["files"], {path.relative_to(folder).as_posix(): path for path in folder.rglob("*")}
    faults = [f"{name} is lost" for name in listed if name not in there]
    for name, path in there.items():
        if path.is_symlink():
            faults.append(f"{name} is a link")
        elif path.is_file() and name not in listed and name != MANIFEST:
            faults.append(f"{name} was added")
        elif name in listed and path.stat().st_size != listed[name]["bytes"]:
            faults.append(f"{name} has another size")
        elif name in listed and digest(path) != listed[name]["sha256"]:
            faults.append(f"{name} was changed")
    if faults:
        raise DamagedRunError(f"{folder} is not as it was written", got=some(faults), do="restore it from a copy")
    return manifest


def _check_form(manifest: Any) -> None:
    if not isinstance(manifest, dict) or not isinstance(manifest.get("files"), dict):
        raise NotARunError("manifest.json is not a run's manifest", got=type(manifest).__name__)
    check_format(manifest.get("format"))
    for name, entry in manifest["files"].items():
        if not isinstance(entry, dict) or not {"bytes", "sha256"} <= set(entry):
            raise NotARunError("manifest.json is not a run's manifest", got=f"no size and sum of {name}")


def check_format(found: Any) -> None:
    """Refuse a run folder of a form that this version does not know.

    Raises:
        LaterVersionError: with the number found.
    """
    if not isinstance(found, int) or found > FORMAT:
        raise LaterVersionError(
            "the run was written by a later version of Lamina",
            got=f"format {found}",
            allowed=f"up to {FORMAT}",
            do="pip install --upgrade lamina",
        )
