"""Reading: whatever holds a table becomes a :class:`Table`."""

from __future__ import annotations

import glob
import os
import zipfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

from lamina.codecs.content import KINDS, in_archive
from lamina.data.arrow import MAGIC as ARROW_MAGIC
from lamina.data.arrow import ArrowPart
from lamina.data.csv import CsvPart
from lamina.data.folder import ArraysPart, FolderPart, holds_files, holds_only_arrays
from lamina.data.jsonlines import JsonLinesPart
from lamina.data.objects import to_part
from lamina.data.parquet import ParquetPart
from lamina.data.table import FramePart, Part, Table
from lamina.data.text import open_bytes, utf16_of
from lamina.data.textfile import SUFFIXES as RUNNING
from lamina.data.textfile import TextFilePart, is_running
from lamina.errors import DataError, UsageError, nearest, some

__all__ = ["SUFFIXES", "read", "read_arrays"]

TEXT = (".csv", ".tsv", ".tab", ".jsonl", ".ndjson")
# What counts as a table in a folder. A file that is named itself is known by its content, not by its suffix.
SUFFIXES = (
    *(suffix + packed for suffix in TEXT for packed in ("", ".gz", ".zst")),
    *(".parquet", ".pq", ".arrow", ".feather", ".ipc"),
)
FORMATS = (
    "CSV or TSV, JSON lines, running text (each also .gz or .zst), Parquet, Arrow IPC, NumPy .npz, a folder or zip of "
    "pictures"
)
ZIP = b"PK\x03\x04"


def read(source: Any, *, missing: Iterable[object] = ()) -> Table:
    """Open a table; its rows are read when they are asked for, a piece at a time.

    Args:
        source: a file of CSV or TSV (delimiter, quoting and encoding are found out) or JSON lines, plain, .gz or .zst,
            Parquet, or Arrow IPC; a file of running text (.txt, .md), whose parts are rows; a folder, a pattern
            (``data/*.csv``) or a list of such files, taken in the order of their names; a folder or a zip file of
            pictures or recordings, in class folders or not; a NumPy ``.npz`` archive of arrays such as ``train_images``
            and ``train_labels``; or a pandas, polars (also lazy) or Arrow table, a NumPy array (2-D or structured), a
            dict of columns, a list of dicts. The index of a pandas frame is not a column. A file's content decides what
            it is.
        missing: cells that mean "no value here" beside the usual ones (empty, ``NA``, ``?`` ...), such as ``-999``.

    Returns:
        A table. Cells of text files are text; other sources keep their types.

    Raises:
        DataError: if it cannot be read as a table; it says why, and in which row.
        UsageError: if ``source`` is an object of another kind.

    Example:
        >>> read({"a": [1, 2], "b": ["x", "y"]}).names
        ['a', 'b']
    """
    if isinstance(source, Table):
        return source
    if isinstance(missing, str):
        missing = [missing]
    if isinstance(source, (str, os.PathLike)):
        paths = _paths(os.fspath(source))
        return Table([_open(path) for path in paths], str(source), missing)
    if isinstance(source, (list, tuple)) and source and all(isinstance(item, (str, os.PathLike)) for item in source):
        paths = [path for item in source for path in _paths(os.fspath(item))]
        return Table([_open(path) for path in paths], some(paths, 3), missing)
    part = to_part(source)
    return Table([part], part.name, missing)


def read_arrays(X: Any, y: Any = None, names: Sequence[str] | None = None) -> Table:
    """A table from inputs and targets apart, as scikit-learn has them.

    Args:
        X: (rows, columns), or a frame, whose column names are kept; columns of an array are called x0, x1 ...
        y: (rows,), which becomes the column ``y``, or (rows, targets), which become y0, y1 ...; None for none.
        names: names for the columns of X.

    Raises:
        DataError: if the lengths differ, or a column of X has the name of a target.

    Example:
        >>> read_arrays([[1, 2], [3, 4]], [0, 1]).names
        ['x0', 'x1', 'y']
    """
    part = to_part(np.asarray(X) if isinstance(X, (list, tuple)) else X)
    if not isinstance(part, FramePart):
        raise UsageError("X must be in memory", got=f"a {part.name}", do="collect it first")
    inputs = part.frame
    if names is not None:
        if len(set(names)) != inputs.width:
            raise UsageError(
                "names must be one different name for each column of X",
                got=f"{len(set(names))} names",
                allowed=f"{inputs.width} names",
            )
        inputs = inputs.rename(dict(zip(inputs.columns, names, strict=True)))
    if y is None:
        return Table([FramePart(inputs, "X")], "X")
    targets = _targets(y)
    if len(targets) != len(inputs):
        raise DataError("X and y have different lengths", got=f"{len(inputs)} and {len(targets)} rows")
    taken = set(inputs.columns) & set(targets.columns)
    if taken:
        raise DataError(f"X has a column with the name of the target, {min(taken)!r}", do="rename it")
    return Table([FramePart(inputs.hstack(targets), "X, y")], "X, y")


def _targets(y: Any) -> pl.DataFrame:
    """Targets as a frame: the names of a frame are kept, others are made from y."""
    if hasattr(y, "columns"):
        part = to_part(y)
    else:
        cells = y if hasattr(y, "dtype") else np.asarray(y)
        if getattr(cells, "ndim", 1) == 2 and cells.shape[1] == 1:
            cells = cells[:, 0]
        if getattr(cells, "ndim", 1) == 2:
            part = to_part({f"y{place}": cells[:, place] for place in range(cells.shape[1])})
        else:
            part = to_part({"y": cells})
    assert isinstance(part, FramePart)
    return part.frame


def _paths(source: str) -> list[Path]:
    """The files that a path, a folder or a pattern stands for, by name."""
    if not source.strip():
        raise DataError("no such file", got="an empty name", do="give a path")
    if "://" in source:
        raise DataError("only files of this machine can be read", got=source, do="download it first")
    path = Path(source).expanduser()
    if path.is_dir():
        inside = sorted(file for file in path.iterdir() if _is_table_name(file))
        if not inside and holds_files(path):
            return [path]
        inside = inside or sorted(file for file in path.iterdir() if _is_table_name(file, RUNNING))
        if not inside:
            others = sorted(file.name for file in path.iterdir())
            raise DataError(
                f"the folder {path} holds no tables",
                got=some(others) or "an empty folder",
                allowed=", ".join(SUFFIXES),
                do="or give a folder of texts (.txt, .md), pictures or recordings",
            )
        return inside
    if path.is_file():
        return [path]
    if path.exists():
        raise DataError(f"{path} is not a file", do="write the table to a file, and give that")
    if glob.has_magic(source):
        found = sorted(Path(file) for file in glob.glob(str(path), recursive=True) if Path(file).is_file())
        if not found:
            raise DataError("no file has such a name", got=source, do="look at the pattern, and at the folder")
        return found
    raise _no_such_file(path)


def _is_table_name(file: Path, endings: tuple[str, ...] = SUFFIXES) -> bool:
    # Names that begin with . or _ are notes of other programs (.part-0.crc, _SUCCESS).
    return file.is_file() and file.name.lower().endswith(endings) and not file.name.startswith((".", "_"))


def _no_such_file(path: Path) -> DataError:
    folder = path.parent
    if not folder.is_dir():
        return DataError("no such file", got=path, do=f"there is no folder {folder} either")
    return DataError("no such file", got=path, do=nearest(path.name, [file.name for file in folder.iterdir()]))


def _open(path: Path) -> Part:
    """A file as what its content says it is; a folder as its files."""
    if path.is_dir():
        return FolderPart(path)
    try:
        with path.open("rb") as file:
            start = file.read(16)
        with open_bytes(path) as opened:
            inside = opened.read(4096)
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"{path} cannot be read", got=error, do="look at its permissions, or restore it") from error
    if not inside.strip():
        raise DataError(f"{path} is empty", do="give a file with a header and rows")
    part = _format(path, start, inside)
    try:
        return part(path)
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"{path} cannot be read", got=error, do="restore the file from a copy") from error


def _format(path: Path, start: bytes, inside: bytes) -> Callable[[Path], Part]:
    if start.startswith(b"PAR1"):
        return ParquetPart
    # A stream begins with a mark of four bytes and the length of the schema.
    if start.startswith((ARROW_MAGIC, b"\xff\xff\xff\xff")):
        return ArrowPart
    if inside.startswith((b"PAR1", ARROW_MAGIC)):
        raise DataError(f"{path} is a table compressed once more", do="unpack it: the format compresses by itself")
    if start.startswith(ZIP) and zipfile.is_zipfile(path):
        if holds_only_arrays(path):
            return ArraysPart
        if holds_files(path) and "[Content_Types].xml" not in in_archive(str(path)):
            return FolderPart
    kind = next((kind for magic, kind in KINDS.items() if inside.startswith(magic)), None)
    if kind is None and _is_binary(inside):
        kind = "a binary file"
    if kind:
        raise DataError(f"{path} is not a table", got=kind, allowed=FORMATS, do="save the table in one of these")
    names = [suffix.lower() for suffix in path.suffixes]
    first = inside.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    if first == b"{" and ".md" not in names:
        return JsonLinesPart
    if {".jsonl", ".ndjson", ".json"} & set(names):
        what = "one JSON array" if first == b"[" else "no JSON object in its first line"
        raise DataError(f"{path} is not JSON lines", got=what, allowed="one object a line", do="write it so")
    return TextFilePart if is_running(path, inside) else CsvPart


def _is_binary(inside: bytes) -> bool:
    """Whether more than one byte in twenty is a control character that no text has."""
    if utf16_of(inside):
        return False
    control = sum(byte < 32 and byte not in b"\t\n\r\f\x1a\x1b" for byte in inside)
    return control > max(4, 0.05 * len(inside))
