"""Folders and zip files of pictures, recordings or tunes, and NumPy archives, as tables."""

from __future__ import annotations

import hashlib
import os
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl

from lamina.codecs.content import INSIDE, in_archive, npy_array
from lamina.codecs.midi import ENDINGS as TUNES
from lamina.codecs.picture import ENDINGS
from lamina.data.split import part_codes
from lamina.data.table import FramePart
from lamina.errors import DataError, some
from lamina.files import digest

__all__ = ["SPLIT", "ArraysPart", "FolderPart", "holds_files", "holds_only_arrays"]

SPLIT = "split"  # the column that says train, valid or test, where folders or arrays are named so
RECORDINGS = ("wav", "flac", "ogg", "oga", "mp3", "aif", "aiff", "opus")
COLUMNS = {"image": ENDINGS, "audio": RECORDINGS, "piece": TUNES}
NOTES = ("thumbs.db", "desktop.ini", "icon\r")  # what systems leave in folders
NAMES = {"images": "image", "imgs": "image", "labels": "label", "y": "label", "targets": "label"}


class FolderPart(FramePart):
    """A folder, or a zip file, whose files are the rows.

    The column ``image`` (``audio`` where most are recordings, ``piece`` where most are tunes) has their whole names.
    Files that lie in folders have the first folder's name as their ``label``; where the first folders are called train,
    valid or test, that is the column ``split``, and the folders in them are the labels. A folder around all the others
    says nothing. Hidden files are left out; others that are no pictures are rows, so that they are set aside with the
    reason.

    Args:
        path: the folder or the zip file.

    Raises:
        DataError: if it holds no files, or is no whole zip file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        names = sorted(_names_in(path))
        if not names:
            raise DataError(f"{path} holds no files", do="give a folder of pictures, or of folders of pictures")
        start = f"{path.resolve()}{INSIDE if path.is_file() else os.sep}"
        columns = {_column_of(names): [start + name for name in names], **_folder_columns(names)}
        super().__init__(pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String)), str(path))
        self.split = SPLIT if SPLIT in columns else None

    def digest(self) -> str:
        if self.path.is_file():
            return digest(self.path)
        whole = hashlib.sha256()
        for name in sorted(_names_in(self.path)):
            whole.update(f"{name}\0{digest(self.path / name)}\0".encode())
        return whole.hexdigest()


class ArraysPart(FramePart):
    """A NumPy ``.npz`` archive of arrays with a row each: ``images`` and ``labels``, or ``x`` and ``y``.

    Where arrays are named ``train_images``, ``val_labels`` or ``x_test``, their rows follow each other and the column
    ``split`` says which is which; arrays without such a name are then left out. Python objects are never read.

    Args:
        path: the archive.

    Raises:
        DataError: if it is damaged, or its arrays have different lengths.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        parts: dict[str, dict[str, np.ndarray]] = {}
        for name, array in _arrays_in(path).items():
            part, column = _part_and_column(name, array)
            parts.setdefault(part, {})[column] = array
        if len(parts) > 1:
            parts.pop("", None)
        frames = [_frame(path, part, columns) for part, columns in parts.items()]
        super().__init__(pl.concat(frames, how="diagonal"), str(path))
        self.split = SPLIT if SPLIT in self.dtypes else None

    def digest(self) -> str:
        return digest(self.path)


def holds_files(path: Path) -> bool:
    """Whether any file in a folder or a zip file is named as pictures, recordings or tunes are."""
    endings = tuple(ending for known in COLUMNS.values() for ending in _dotted(known))
    return any(name.lower().endswith(endings) for name in _names_in(path))


def holds_only_arrays(path: Path) -> bool:
    """Whether a zip file is a NumPy archive."""
    names = in_archive(str(path))
    return bool(names) and all(name.endswith(".npy") and "/" not in name for name in names)


def _dotted(endings: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f".{ending}" for ending in endings)


def _names_in(path: Path) -> Iterator[str]:
    """The files in a folder or a zip file, by their names in it, but for hidden ones."""
    if path.is_file():
        names: Iterator[str] = (name for name in in_archive(str(path)) if not name.endswith("/"))
    else:
        names = (
            Path(folder, file).relative_to(path).as_posix()
            for folder, _, files in os.walk(path)
            for file in files
        )  # fmt: skip
    for name in names:
        steps = name.split("/")
        if not any(step.startswith((".", "__MACOSX")) for step in steps) and steps[-1].lower() not in NOTES:
            yield name


def _column_of(names: list[str]) -> str:
    counts = {
        column: sum(name.lower().endswith(_dotted(endings)) for name in names) for column, endings in COLUMNS.items()
    }
    return max(counts, key=counts.__getitem__)


def _folder_columns(names: list[str]) -> dict[str, list[str | None]]:
    """What the folders say of each file: ``label`` and ``split``, as far as there are such folders."""
    folders = [tuple(name.split("/")[:-1]) for name in names]
    while all(len(steps) > 1 for steps in folders) and len({steps[0] for steps in folders}) == 1:
        folders = [steps[1:] for steps in folders]  # one around all the others
    first = Counter(steps[0] for steps in folders if steps)
    columns: dict[str, list[str | None]] = {}
    if first and all(map(_is_part, first)):
        columns[SPLIT] = [steps[0] if steps else None for steps in folders]
        folders = [steps[1:] for steps in folders]
    if any(folders):
        columns = {"label": [steps[0] if steps else None for steps in folders], **columns}
    return columns


def _is_part(name: str) -> bool:
    """Whether a name is one of those for train, valid or test."""
    try:
        part_codes(pl.Series([name]))
    except DataError:
        return False
    return True


def _arrays_in(path: Path) -> dict[str, np.ndarray]:
    try:
        with zipfile.ZipFile(path) as archive:
            arrays = {name.removesuffix(".npy"): npy_array(archive.read(name)) for name in archive.namelist()}
    except (OSError, zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise DataError(f"{path} is not a whole NumPy archive", got=error, do="restore it from a copy") from error
    except DataError as error:
        raise DataError(f"{path} cannot be read: {error}") from None
    rows = {name: array for name, array in arrays.items() if array.ndim}
    if not rows:
        raise DataError(f"{path} holds no arrays of rows", got=some(arrays) or "an empty archive")
    return rows


def _part_and_column(name: str, array: np.ndarray) -> tuple[str, str]:
    """The part that an array's name says, or "", and the column: ``train_images`` and ``x_train`` are alike."""
    words = name.split("_")
    part = ""
    for place in (0, -1):
        if len(words) > 1 and _is_part(words[place]):
            part = words.pop(place)
            break
    column = "_".join(words)
    plain = NAMES.get(column.lower(), column)
    return part, "image" if plain.lower() == "x" and array.ndim >= 3 else plain


def _frame(path: Path, part: str, columns: dict[str, np.ndarray]) -> pl.DataFrame:
    lengths = {name: len(array) for name, array in columns.items()}
    if len(set(lengths.values())) > 1:
        raise DataError(
            f"{path} has arrays of different lengths",
            got=", ".join(f"{length} of {name}" for name, length in lengths.items()),
            allowed="one row of each for each example",
        )
    series = [each for name, array in columns.items() for each in _series(name, array)]
    if part:
        series.append(pl.Series(SPLIT, [part] * len(series[0])))
    return pl.DataFrame(series)


def _series(name: str, array: np.ndarray) -> Iterator[pl.Series]:
    """An array as a column; one of several numbers a row as several columns, as x0, x1 ..."""
    array = array.astype(str) if array.dtype.kind == "S" else array
    if array.ndim == 2 and array.shape[1] != 1:
        yield from (pl.Series(f"{name}{place}", array[:, place]) for place in range(array.shape[1]))
    else:
        yield pl.Series(name, array[:, 0] if array.ndim == 2 else array)
