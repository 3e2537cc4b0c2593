"""JSON lines: one object a row."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pyarrow as pa

from lamina.data.table import FilePart
from lamina.data.text import BLOCK, LONGEST, open_bytes
from lamina.errors import DataError, some

__all__ = ["JsonLinesPart"]

BOM = b"\xef\xbb\xbf"


class JsonLinesPart(FilePart):
    """A file of JSON lines, plain or compressed by gzip or zstd. A key that an object does not have is a missing cell.

    The file is read through once on opening, since any line may bring a new column or widen a type: whole numbers and
    fractions become fractions, and numbers and words become words.

    Args:
        path: the file.

    Raises:
        DataError: if a line is not a JSON object (it names the row), or there is none.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        schema, count = pl.DataFrame(), 0
        for block in self._blocks():
            frame = self._parse(block, count, None)
            count += len(frame)
            try:
                schema = pl.concat([schema, frame.clear()], how="diagonal_relaxed")
            except pl.exceptions.PolarsError as error:
                raise DataError(
                    f"{path}: a column holds values of different kinds",
                    got=f"{error}, by row {count} (counted from 0)",
                    do="write values of one kind under one key",
                ) from error
        if not count or not schema.width:
            raise DataError(f"{path} has no rows", do="give a file with an object a line")
        self.dtypes = dict(schema.schema)
        self.rows = count

    def frames(self, columns: list[str], rows: int) -> Iterator[pl.DataFrame]:
        schema = {name: self.dtypes[name] for name in columns}
        row = 0
        for block in self._blocks():
            frame = self._parse(block, row, schema)
            row += len(frame)
            yield frame

    def _blocks(self) -> Iterator[bytes]:
        """Whole lines, blank ones taken out."""
        rest = b""
        with open_bytes(self.path) as file:
            first = True
            while more := file.read(BLOCK):
                together = rest + (more.removeprefix(BOM) if first else more)
                first = False
                end = together.rfind(b"\n") + 1
                rest = together[end:]
                if len(rest) > LONGEST:
                    raise DataError(f"{self.name}: a line is longer than 64 MiB", do="write one object a line")
                if together[:end].strip():
                    yield together[:end]
        if rest.strip():
            yield rest

    def _parse(self, block: bytes, row: int, schema: dict[str, pl.DataType] | None) -> pl.DataFrame:
        try:
            return pl.read_ndjson(io.BytesIO(block), schema=schema, infer_schema_length=None)
        except (pl.exceptions.PolarsError, pa.ArrowException) as error:
            raise self._explain(block, row) or DataError(
                f"{self.name}: a column holds values of different kinds",
                got=f"{error}, after row {row} (counted from 0)",
                do="write values of one kind under one key",
            ) from error

    def _explain(self, block: bytes, row: int) -> DataError | None:
        """Find the first line that is not an object."""
        for line in block.splitlines():
            if not line.strip():
                continue
            try:
                value = json.loads(line, parse_constant=_refuse)
                fault = None if isinstance(value, dict) else f"a {type(value).__name__}"
            except ValueError as error:
                fault = str(error)
            if fault:
                return DataError(
                    f"{self.name}: a line is not a JSON object",
                    got=f"{fault} in row {row} (counted from 0): {some([line[:60].decode(errors='replace')])}",
                    do="write one object a line",
                )
            row += 1
        return None


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")
