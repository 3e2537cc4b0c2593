"""Encoded rows on disk, memory-mapped: raw arrays beside one index.

store/train/index.json      array name -> dtype, shape, SHA-256
store/train/number.bin      (rows, slots) float32, C order, little-endian
store/train/words.bin       a ragged array's values, all rows joined,
store/train/words.ends.bin  and (rows,) int64, where each row ends
"""

from __future__ import annotations

import contextlib
import hashlib
import mmap
import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

import numpy as np

from lamina.codecs.ragged import Ragged
from lamina.errors import DamagedRunError, RunError
from lamina.features.base import WIDE
from lamina.files import digest, read_json, sync_folder, write_json

__all__ = ["Store", "StoreWriter"]

INDEX = "index.json"
LARGE = 64 * 2**20  # bytes of a store from which on its pages are let go of


class StoreWriter:
    """Writes a store piece by piece, in bounded memory. The index comes last: without it there is no store.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with StoreWriter(Path(folder) / "train") as writer:
        ...         writer.append({"number": np.zeros((2, 3), np.float32)})
        ...     Store(Path(folder) / "train").arrays["number"].shape
        (2, 3)
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._files: dict[str, BinaryIO] = {}
        self._hashes: dict[str, Any] = {}
        self._index: dict[str, dict[str, Any]] = {}
        self._total: dict[str, int] = {}

    def append(self, arrays: Mapping[str, np.ndarray | Ragged]) -> None:
        """Add rows: each array with as many rows as the others, and as wide as before."""
        for name, array in arrays.items():
            if isinstance(array, Ragged):
                before = self._total.get(name, 0)
                self._write(name, array.values, ragged=True)
                self._write(f"{name}.ends", array.ends.astype(np.int64) + before)
                self._total[name] = before + len(array.values)
            else:
                self._write(name, array)

    def _write(self, name: str, array: np.ndarray, ragged: bool = False) -> None:
        array = np.ascontiguousarray(array)
        if name not in self._files:
            self._files[name] = (self.folder / f"{name}.bin").open("wb")
            self._hashes[name] = hashlib.sha256()
            self._index[name] = {"dtype": array.dtype.str, "shape": [0, *array.shape[1:]], "ragged": ragged}
        entry = self._index[name]
        if [array.dtype.str, list(array.shape[1:])] != [entry["dtype"], entry["shape"][1:]]:
            raise RunError(f"array {name} changed its form", got=f"{array.dtype} {array.shape[1:]}", allowed=entry)
        entry["shape"][0] += len(array)
        content = array.data.cast("B") if array.size else b""
        self._files[name].write(content)
        self._hashes[name].update(content)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.ExitStack() as stack:
            for file in self._files.values():
                stack.callback(file.close)  # also those after the one whose last bytes a full disk refuses
            for name, file in self._files.items() if error is None else ():
                file.flush()
                os.fsync(file.fileno())
                self._index[name]["sha256"] = self._hashes[name].hexdigest()
        if error is None:
            write_json(self.folder / INDEX, self._index)
            sync_folder(self.folder)


class Store:
    """Encoded rows of one part, memory-mapped read-only.

    Attributes:
        arrays: name -> (rows, ...) array, or :class:`Ragged`.
        rows: how many rows there are.
        bytes: size of all arrays.

    Raises:
        RunError: if the folder is no store, or its files have other sizes than the index says.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        if not (folder / INDEX).is_file():
            raise RunError(f"{folder.name} is not a whole store", do="train again, from the same data")
        self.index = read_json(folder / INDEX)
        plain = {name: self._map(name) for name in self.index}
        self.arrays: dict[str, Any] = {
            name: Ragged(array, plain[f"{name}.ends"]) if self.index[name]["ragged"] else array
            for name, array in plain.items()
            if not name.endswith(".ends")
        }
        self.rows = len(next(iter(self.arrays.values()), ()))
        self.bytes = sum(array.nbytes for array in plain.values())

    @property
    def groups(self) -> frozenset[str]:
        """Groups of the wide slots among the arrays: ``image``, ``tokens``, ``frames``, ``clip``."""
        return frozenset(group for group in WIDE if any(name.startswith(group) for name in self.arrays))

    @property
    def is_wide(self) -> bool:
        """Whether a cell of any column, the targets among them, is a picture, a text, a sound or a series."""
        return bool(self.groups) or any(isinstance(array, Ragged) for array in self.arrays.values())

    def _map(self, name: str) -> np.ndarray:
        entry = self.index[name]
        path, shape, dtype = self.folder / f"{name}.bin", tuple(entry["shape"]), np.dtype(entry["dtype"])
        need = int(np.prod(shape)) * dtype.itemsize
        if not path.is_file() or path.stat().st_size != need:
            raise DamagedRunError(f"{path.name} of the store has another size than its index says", allowed=f"{need} B")
        if not need:
            return np.empty(shape, dtype)
        return np.memmap(path, dtype, "r", shape=shape)

    def forget(self) -> None:
        """Let go of the mapped pages of a large store: they stay in the file cache, and no longer count as this
        process's memory."""
        if self.bytes <= LARGE or not hasattr(mmap, "MADV_DONTNEED"):
            return
        for array in self.arrays.values():
            mapped = getattr(array.values if isinstance(array, Ragged) else array, "_mmap", None)
            if mapped is not None:
                mapped.madvise(mmap.MADV_DONTNEED)

    def verify(self) -> None:
        """Read every array and compare it with the index.

        Raises:
            DamagedRunError: if a byte differs.
        """
        for name, entry in self.index.items():
            if digest(self.folder / f"{name}.bin") != entry["sha256"]:
                raise DamagedRunError(f"{name}.bin of the store was changed", do="train again, from the same data")
