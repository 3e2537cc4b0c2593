"""Writing so that a file is there whole or not at all, and reading JSON that is only JSON."""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lamina.errors import RunError

__all__ = ["atomic", "digest", "parse_json", "read_json", "sync_folder", "write_bytes", "write_json", "write_text"]


@contextlib.contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Give a temporary path beside ``path``; on leaving without error it takes that name, durably.

    The temporary file is flushed to the disk, renamed over the target, and the folder is flushed, in this order, so a
    reader sees the old file or the new one, also after a loss of power. On an error the temporary file goes away.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with atomic(Path(folder) / "a.txt") as temporary:
        ...         _ = temporary.write_text("whole")
        ...     (Path(folder) / "a.txt").read_text()
        'whole'
    """
    path = Path(path)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        umask = os.umask(0)
        os.umask(umask)
        with open(temporary, "rb+") as file:
            os.fchmod(file.fileno(), 0o666 & ~umask)  # mkstemp's 0600 would hide runs from a group that shares them
            os.fsync(file.fileno())
        os.replace(temporary, path)
        sync_folder(path.parent)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def sync_folder(folder: Path) -> None:
    """Make renames and removals in a folder durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_bytes(path: Path, content: bytes) -> None:
    """Write bytes atomically and durably."""
    with atomic(path) as temporary:
        temporary.write_bytes(content)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text atomically and durably."""
    write_bytes(path, text.encode())


def write_json(path: Path, value: Any) -> None:
    """Write a value as JSON, atomically and durably. NaN and infinities are refused: they are not JSON."""
    write_text(path, json.dumps(value, indent=1, allow_nan=False, ensure_ascii=False) + "\n")


def read_json(path: Path) -> Any:
    """Read strict JSON: no NaN, no number too large for a float, no key twice.

    Raises:
        RunError: if the file is not such JSON.
    """
    try:
        return parse_json(path.read_bytes())
    except ValueError as error:
        raise RunError(f"{path.name} is not valid JSON", got=str(error), do="restore the file from a copy") from None


def parse_json(content: bytes) -> Any:
    """Strict JSON from bytes, as :func:`read_json` reads it.

    Raises:
        ValueError: if it is not such JSON.

    Example:
        >>> parse_json(b'{"a": [1, null]}')
        {'a': [1, None]}
    """

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        keys = [key for key, _ in pairs]
        if len(set(keys)) != len(keys):
            raise ValueError(f"a key stands twice: {max(keys, key=keys.count)}")
        return dict(pairs)

    def no_constant(text: str) -> None:
        raise ValueError(f"{text} is not JSON")

    def finite(text: str) -> float:
        if math.isinf(value := float(text)):
            raise ValueError(f"{text} is too large for a number")
        return value

    try:
        return json.loads(content, object_pairs_hook=unique, parse_constant=no_constant, parse_float=finite)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def digest(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
