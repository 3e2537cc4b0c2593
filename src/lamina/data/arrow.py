"""Arrow IPC files and streams (also called Feather, version 2)."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.ipc

from lamina.data.table import PIECES, FilePart, dtypes_of, picks, spread, to_frame
from lamina.errors import DataError

__all__ = ["MAGIC", "ArrowPart"]

MAGIC = b"ARROW1"  # a file begins and ends so; a stream has no such mark


class ArrowPart(FilePart):
    """An Arrow IPC file or stream, memory-mapped, one record batch at a time.

    Args:
        path: the file.

    Raises:
        DataError: if it is damaged.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        with path.open("rb") as file:
            self._is_file = file.read(len(MAGIC)) == MAGIC
        try:
            with self._open() as reader:
                self.dtypes = dtypes_of(reader.schema, self.name)
        except (pa.ArrowException, OSError) as error:
            raise DataError(f"{path} is not a whole Arrow file", got=error, do="restore it from a copy") from error

    @contextlib.contextmanager
    def _open(self, columns: list[str] | None = None) -> Iterator[pa.RecordBatchReader | pa.ipc.RecordBatchFileReader]:
        fields = None if columns is None else sorted(list(self.dtypes).index(name) for name in columns)
        options = pa.ipc.IpcReadOptions(included_fields=fields)
        with pa.memory_map(str(self.path)) as source:
            opened = pa.ipc.open_file if self._is_file else pa.ipc.open_stream
            with opened(source, options=options) as reader:
                yield reader

    def frames(self, columns: list[str], rows: int) -> Iterator[pl.DataFrame]:
        with self._open(columns) as reader:
            batches = map(reader.get_batch, range(reader.num_record_batches)) if self._is_file else reader
            for batch in batches:
                for start in range(0, batch.num_rows, rows):
                    yield to_frame(batch.slice(start, rows))

    def sample(self, n: int, seed: int) -> pl.DataFrame:
        """Rows from up to 64 batches of a file, evenly spread; the first rows of a stream."""
        if not self._is_file:
            return super().sample(n, seed)
        frames = []
        with self._open() as reader:
            places = picks(reader.num_record_batches)
            for place in places:
                batch = to_frame(reader.get_batch(place))
                runs = spread(len(batch), max(1, n // len(places)), seed, pieces=max(1, PIECES // len(places)))
                frames += [batch[rows] for rows in runs]
        return pl.concat(frames) if frames else pl.DataFrame(schema=self.dtypes)
