"""Writing a table that comes in pieces: CSV, JSON lines or Parquet, by the file's name."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import BinaryIO

import polars as pl
import pyarrow.parquet as pq

from lamina.errors import UsageError
from lamina.files import atomic

__all__ = ["write", "write_csv"]


def write(frames: Iterable[pl.DataFrame], path: Path) -> int:
    """Write a table durably, whole or not at all, in bounded memory.

    Args:
        frames: pieces with the same columns, at least one.
        path: .csv, .jsonl, .ndjson or .parquet.

    Returns:
        How many rows were written.

    Raises:
        UsageError: if the name says no such format, or its folder is not there; before the first piece is asked for.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     rows = write([pl.DataFrame({"a": [1]}), pl.DataFrame({"a": [2]})], Path(folder) / "a.csv")
        ...     rows, (Path(folder) / "a.csv").read_text()
        (2, 'a\\n1\\n2\\n')
    """
    form = FORMATS.get(path.suffix.lower())
    if form is None:
        raise UsageError(
            f"{path} says no format by its name", got=path.suffix or "no suffix", allowed=", ".join(FORMATS)
        )
    if not path.parent.is_dir():
        raise UsageError(f"there is no folder {path.parent}", got=str(path), do="make it, or name another")
    with atomic(path) as temporary, temporary.open("wb") as file:
        return form(frames, file)


def write_csv(frames: Iterable[pl.DataFrame], file: BinaryIO) -> int:
    """Write pieces as one CSV to an open file, as they come; lists, which CSV has none of, with blanks between their
    items. Returns how many rows."""
    rows = 0
    for place, frame in enumerate(frames):
        lists = [name for name, of in frame.schema.items() if isinstance(of, pl.List) and not of.inner.is_nested()]
        flat = frame.with_columns(pl.col(lists).cast(pl.List(pl.String)).list.join(" "))
        flat.write_csv(file, include_header=place == 0)
        rows += len(frame)
    return rows


def _write_json_lines(frames: Iterable[pl.DataFrame], file: BinaryIO) -> int:
    rows = 0
    for frame in frames:
        frame.write_ndjson(file)
        rows += len(frame)
    return rows


def _write_parquet(frames: Iterable[pl.DataFrame], file: BinaryIO) -> int:
    rows = 0
    with contextlib.ExitStack() as stack:
        writer: pq.ParquetWriter | None = None
        for frame in frames:
            table = frame.to_arrow()
            if writer is None:
                writer = stack.enter_context(pq.ParquetWriter(file, table.schema))
            writer.write_table(table.cast(writer.schema))
            rows += len(frame)
    return rows


FORMATS: dict[str, Callable[[Iterable[pl.DataFrame], BinaryIO], int]] = {
    ".csv": write_csv,
    ".parquet": _write_parquet,
    ".jsonl": _write_json_lines,
    ".ndjson": _write_json_lines,
}
