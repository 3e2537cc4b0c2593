"""Parquet files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet

from lamina.data.table import CELLS, FilePart, dtypes_of, picks, to_frame
from lamina.errors import DataError

__all__ = ["ParquetPart"]


class ParquetPart(FilePart):
    """A Parquet file, read a few pages at a time, whatever the size of its row groups.

    Args:
        path: the file.

    Raises:
        DataError: if it is damaged, or has no rows.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        try:
            with self._open() as file:
                self.dtypes = dtypes_of(file.schema_arrow, self.name)
                self.rows = file.metadata.num_rows
                self._groups = file.num_row_groups
        except (pa.ArrowException, OSError) as error:
            raise DataError(f"{path} is not a whole Parquet file", got=error, do="restore it from a copy") from error

    def _open(self) -> pyarrow.parquet.ParquetFile:
        # Buffered and not read ahead: otherwise a whole row group would stand in memory.
        return pyarrow.parquet.ParquetFile(self.path, pre_buffer=False, buffer_size=2**16)

    def frames(self, columns: list[str], rows: int) -> Iterator[pl.DataFrame]:
        with self._open() as file:
            for batch in file.iter_batches(batch_size=rows, columns=columns):
                yield to_frame(batch)

    def sample(self, n: int, seed: int) -> pl.DataFrame:
        """The first rows of up to 64 row groups, evenly spread."""
        names = list(self.dtypes)
        places = picks(self._groups)
        each = min(-(-n // len(places)), max(1, CELLS // len(names)))
        frames = []
        with self._open() as file:
            for place in places:
                batch = next(file.iter_batches(batch_size=each, row_groups=[place], columns=names), None)
                if batch is not None:
                    frames.append(to_frame(batch))
        return pl.concat(frames) if frames else pl.DataFrame(schema=self.dtypes)
