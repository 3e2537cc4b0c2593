"""Tables: rows and typed columns, whatever they were read from, a piece at a time."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import polars as pl
import polars.selectors as cs
import pyarrow as pa

from lamina.errors import DataError, LaminaError, MissingColumnError, nearest, some
from lamina.files import digest

__all__ = ["FilePart", "FramePart", "LazyPart", "Part", "Table", "dtypes_of", "picks", "spread", "to_frame"]

CELLS = 2**22  # cells in a chunk: wide tables come in fewer rows
BYTES = 2**27  # bytes in a chunk: so do tables of long texts
PIECES = 64  # places that a sample is taken from


class Part(ABC):
    """One file or object that a table is made of.

    Attributes:
        name: for messages.
        dtypes: column -> type, in order.
        rows: how many there are, or None while that is not known.
        most: rows in a frame, at most, where a row is large.
        running: whether it is a file of running text, of which each row is a part.
        split: the column that says train, valid or test, where the source itself has one.
    """

    split: str | None = None
    most: int = 65_536
    running: bool = False
    name: str
    dtypes: dict[str, pl.DataType]
    rows: int | None = None

    @abstractmethod
    def frames(self, columns: list[str], rows: int) -> Iterator[pl.DataFrame]:
        """All rows of some columns, in order, in pieces as they come; about ``rows`` each where that can be chosen."""

    @abstractmethod
    def digest(self) -> str:
        """SHA-256 that is the same for the same content."""

    def sample(self, n: int, seed: int) -> pl.DataFrame:
        """About n rows from as many places as are cheap to reach; here the first n."""
        return pl.concat(_first(self.frames(list(self.dtypes), n), n), how="vertical")

    def check(self) -> None:  # noqa: B027 (what is in memory does not change underfoot)
        """Refuse a source that has changed since it was opened."""


class FilePart(Part):
    """Abstract: a file, which must stay as it is while it is in use."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = str(path)
        self._stamp = self._look()

    def _look(self) -> tuple[int, int] | None:
        try:
            status = self.path.stat()
        except FileNotFoundError:
            return None
        return status.st_size, status.st_mtime_ns

    def check(self) -> None:
        now = self._look()
        if now != self._stamp:
            raise DataError(
                f"{self.name} was {'changed' if now else 'removed'} while it was in use",
                do="start again when the file is finished",
            )

    def digest(self) -> str:
        return digest(self.path)


class FramePart(Part):
    """A frame in memory; its pieces are views."""

    def __init__(self, frame: pl.DataFrame, name: str) -> None:
        self.frame = frame
        self.name = name
        self.dtypes = dict(frame.schema)
        self.rows = len(frame)

    def frames(self, columns: list[str], rows: int) -> Iterator[pl.DataFrame]:
        yield self.frame.select(columns)

    def sample(self, n: int, seed: int) -> pl.DataFrame:
        return pl.concat([self.frame[rows] for rows in spread(len(self.frame), n, seed)])

    def digest(self) -> str:
        return _digest_cells(self.dtypes, self.frames(list(self.dtypes), 0))


class LazyPart(Part):
    """A lazy frame: each pass runs its query again, in batches."""

    def __init__(self, frame: pl.LazyFrame, name: str) -> None:
        self.frame = frame
        self.name = name
        self.dtypes = dict(frame.collect_schema())

    def frames(self, columns: list[str], rows: int) -> Iterator[pl.DataFrame]:
        return iter(self.frame.select(columns).collect_batches(chunk_size=rows, maintain_order=True))

    def sample(self, n: int, seed: int) -> pl.DataFrame:
        return self.frame.head(n).collect()

    def digest(self) -> str:
        return _digest_cells(self.dtypes, self.frames(list(self.dtypes), 65_536))


class Table:
    """Rows and typed columns from one or more parts, never loaded whole.

    Args:
        parts: files or frames with the same columns; their rows follow each other.
        source: where they come from, for people.
        missing: cells that mean "no value here", beside those that every feature knows; they become null.

    Attributes:
        prefixes: column -> what comes before its cells, names of files that are not absolute.

    Raises:
        DataError: if a part has other columns than the first, or types that do not go together; it names the part.

    Example:
        >>> table = Table([FramePart(pl.DataFrame({"a": [1, 2, 3]}), "DataFrame")], "DataFrame")
        >>> table.rows, [len(chunk) for chunk in table.chunks(rows=2)]
        (3, [2, 1])
    """

    def __init__(self, parts: Sequence[Part], source: str, missing: Iterable[object] = ()) -> None:
        self.source = source
        self._parts = list(parts)
        self._missing = [str(word) for word in missing]
        self.prefixes: dict[str, str] = {}
        self.dtypes: dict[str, pl.DataType] = _common_dtypes(self._parts)

    @property
    def names(self) -> list[str]:
        """The columns, in order."""
        return list(self.dtypes)

    @property
    def folder(self) -> Path | None:
        """The folder that the first file lies in; None for objects in memory."""
        first = self._parts[0]
        return first.path.parent if isinstance(first, FilePart) else None

    @property
    def split(self) -> str | None:
        """The column that says train, valid or test, where the source itself has one: folders named so."""
        found = {part.split for part in self._parts}
        return found.pop() if len(found) == 1 else None

    @property
    def running(self) -> int:
        """Of how many files of running text it is made; 0 where it holds anything else."""
        return len(self._parts) if all(part.running for part in self._parts) else 0

    @property
    def rows(self) -> int:
        """How many rows there are. Text files are read through once to know; the answer is remembered."""
        for part in self._parts:
            if part.rows is None:
                for _ in self._frames(part, self.names[:1], 65_536):
                    pass
        return sum(part.rows or 0 for part in self._parts)

    @property
    def known_rows(self) -> int | None:
        """How many rows there are, if that is known without reading them."""
        known = [part.rows for part in self._parts]
        return None if None in known else sum(rows or 0 for rows in known)

    def chunks(self, columns: Sequence[str] | None = None, rows: int = 65_536) -> Iterator[pl.DataFrame]:
        """All rows, always in the same order, in frames of ``rows`` rows; only the last is shorter.

        Memory is bounded whatever the table's size: tables of more than 64 columns, or with long texts, come in
        shorter frames.

        Args:
            columns: those to read, in this order; all if None.
            rows: rows in a frame, at most.

        Raises:
            MissingColumnError: if a column is not there.
            DataError: if a file is damaged, or has changed since it was opened; it names the row.
        """
        names = self.names if columns is None else list(columns)
        self._require(names)
        rows = max(1, min(rows, CELLS // max(1, len(names)), *(part.most for part in self._parts)))
        return _even((frame for part in self._parts for frame in self._frames(part, names, rows)), rows)

    def head(self, n: int = 10) -> pl.DataFrame:
        """The first n rows."""
        first = list(_first(self.chunks(rows=max(1, n)), n))
        return pl.concat(first) if first else pl.DataFrame(schema=self.dtypes)

    def sample(self, n: int, seed: int = 0) -> pl.DataFrame:
        """About n rows that stand for the table, the first ones always among them; all rows of a small table.

        Frames, Arrow files and plain CSV are read at 64 evenly spread places, Parquet at the start of as many row
        groups. The others cannot be entered in the middle: of compressed CSV it is rows spread over the first 64 MiB,
        of JSON lines, Arrow streams and lazy frames the first n. A folder is sampled in up to 64 of its files.
        """
        picked = [self._parts[place] for place in picks(len(self._parts))]
        each = max(1, n // len(picked))
        frames = []
        for part in picked:
            with _careful(part):
                frames.append(self._finish(part.sample(each, seed), self.names))
        return pl.concat(frames)

    def fingerprint(self) -> str:
        """SHA-256 of the content, in bounded memory: equal for the same cells in the same order.

        For files it is made from their bytes, so the same table in another format has another fingerprint; for objects
        in memory from names, types and cells, however they are laid out.
        """
        whole = hashlib.sha256()
        for part in self._parts:
            with _careful(part):
                whole.update(part.digest().encode())
        whole.update("\0".join(self._missing).encode())
        return whole.hexdigest()

    def _frames(self, part: Part, columns: list[str], rows: int) -> Iterator[pl.DataFrame]:
        """A part's pieces as the table's types; its rows are known at the end."""
        count = 0
        with _careful(part):
            for frame in part.frames(columns, rows):
                count += len(frame)
                yield self._finish(frame, columns)
        part.rows = count

    def _finish(self, frame: pl.DataFrame, columns: list[str]) -> pl.DataFrame:
        wanted = {name: self.dtypes[name] for name in columns}
        frame = frame.select(columns)
        if dict(frame.schema) != wanted:
            frame = frame.cast(wanted)  # type: ignore[arg-type]
        for name, prefix in self.prefixes.items():
            if prefix and name in columns:
                cells = pl.col(name).str.strip_chars()
                relative = cells.str.contains("^[^/]").fill_null(False)
                frame = frame.with_columns(pl.when(relative).then(pl.lit(prefix) + cells).otherwise(cells).alias(name))
        if not self._missing:
            return frame
        numbers = [float(word) for word in self._missing if _is_number(word)]
        text, number = cs.string(), cs.numeric()
        return frame.with_columns(
            pl.when(~text.str.strip_chars().is_in(self._missing)).then(text),
            pl.when(~number.cast(pl.Float64).is_in(numbers)).then(number),
        )

    def _require(self, columns: Iterable[str]) -> None:
        for name in columns:
            if name not in self.dtypes:
                raise MissingColumnError(
                    "no such column", got=repr(name), allowed=some(self.names, 20), do=nearest(name, self.names)
                )

    def __repr__(self) -> str:
        return f"Table({self.source!r}, {len(self.dtypes)} columns)"


@contextlib.contextmanager
def _careful(part: Part) -> Iterator[None]:
    """Refuse a part that changes while it is read; say the faults of the reading libraries in our words."""
    part.check()
    try:
        yield
    except LaminaError:
        part.check()  # a file that was changed underfoot is the better explanation
        raise
    except (pa.ArrowException, pl.exceptions.PolarsError, OSError, EOFError) as error:
        part.check()
        raise DataError(f"{part.name} cannot be read", got=error, do="restore the file from a copy") from error
    part.check()


def dtypes_of(schema: pa.Schema, source: str) -> dict[str, pl.DataType]:
    """The columns of an Arrow schema as polars types.

    Raises:
        DataError: if two columns have one name, or a column is of a type that polars does not know.
    """
    names = schema.names
    for place, name in enumerate(names):
        if schema.get_field_index(name) < 0:
            raise DataError(
                f"{source}: two columns have one name",
                got=f"{name!r} as columns {names.index(name) + 1} and {names.index(name, place + 1) + 1}",
                do="rename one of them",
            )
    if not names:
        raise DataError(f"{source} has no columns", do="give a table with columns and rows")
    dtypes = {}
    for field in schema:
        if isinstance(field.type, pa.BaseExtensionType):
            raise DataError(
                f"{source}: column {field.name!r} is of a type that cannot be read", got=field.type, do="leave it out"
            )
        try:
            dtypes[field.name] = to_frame(pa.schema([field]).empty_table()).dtypes[0]
        except (pa.ArrowException, pl.exceptions.PolarsError) as error:
            raise DataError(
                f"{source}: column {field.name!r} is of a type that cannot be read", got=field.type, do="leave it out"
            ) from error
    return dtypes


def to_frame(batch: pa.RecordBatch | pa.Table) -> pl.DataFrame:
    """An Arrow batch as a frame, without copying where the types allow it."""
    frame = pl.from_arrow(batch)
    assert isinstance(frame, pl.DataFrame)
    return frame


def spread(total: int, n: int, seed: int, pieces: int = PIECES) -> list[slice]:
    """Up to n of ``total`` places as evenly spread runs; the first run starts at 0, the others move a little with seed.

    Example:
        >>> spread(100, 4, seed=0, pieces=2)[0]
        slice(0, 2, None)
    """
    if total <= n:
        return [slice(0, total)]
    pieces = min(pieces, n)
    size = n // pieces
    edges = np.arange(pieces + 1) * total // pieces
    generator = np.random.default_rng(seed)
    starts = [int(generator.integers(low, high - size + 1)) for low, high in itertools.pairwise(edges)]
    return [slice(start, start + size) for start in (0, *starts[1:])]


def picks(total: int) -> list[int]:
    """Up to :data:`PIECES` of ``total`` places, evenly spread, the first and the last among them."""
    return np.unique(np.linspace(0, total - 1, PIECES).round().astype(int)).tolist() if total else []


def _common_dtypes(parts: Sequence[Part]) -> dict[str, pl.DataType]:
    """The columns of the first part, each with a type that holds the cells of all parts."""
    first = parts[0]
    common = dict(first.dtypes)
    for part in parts[1:]:
        if set(part.dtypes) != set(common):
            lost, more = set(common) - set(part.dtypes), set(part.dtypes) - set(common)
            differences = [f"without {some(sorted(lost))}"] * bool(lost) + [f"with {some(sorted(more))}"] * bool(more)
            raise DataError(
                f"{part.name} has other columns than {first.name}",
                got=f"one {' and '.join(differences)}",
                do="read only files with the same columns together",
            )
        for name, dtype in common.items():
            both = _common_dtype(dtype, part.dtypes[name])
            if both is None:
                raise DataError(
                    f"column {name!r} of {part.name} has another type than in {first.name}",
                    got=f"{part.dtypes[name]} and {dtype}",
                    do="write both files with one type",
                )
            common[name] = both
    return common


def _common_dtype(one: pl.DataType, other: pl.DataType) -> pl.DataType | None:
    if one == other or other == pl.Null:
        return one
    if one == pl.Null:
        return other
    if one.is_numeric() and other.is_numeric():
        empty = [pl.DataFrame(schema={"a": dtype}) for dtype in (one, other)]
        return pl.concat(empty, how="vertical_relaxed").schema["a"]
    names = (pl.String, pl.Categorical, pl.Enum)
    return pl.String() if one in names and other in names else None


def _even(frames: Iterable[pl.DataFrame], rows: int) -> Iterator[pl.DataFrame]:
    """The same rows in frames of ``rows`` rows, or of :data:`BYTES` where that is reached before."""
    held: list[pl.DataFrame] = []
    count, size = 0, 0.0
    for frame in frames:
        row_bytes = frame.estimated_size() / max(1, len(frame))
        while len(frame):
            piece = frame.head(min(rows - count, 1 + int((BYTES - size) / max(1.0, row_bytes))))
            frame = frame.slice(len(piece))
            held.append(piece)
            count += len(piece)
            size += row_bytes * len(piece)
            if count == rows or size > BYTES:
                yield pl.concat(held) if len(held) > 1 else piece
                held, count, size = [], 0, 0.0
    if held:
        yield pl.concat(held)


def _first(frames: Iterable[pl.DataFrame], n: int) -> Iterator[pl.DataFrame]:
    """The first n rows, and no more of the frames than that needs."""
    for frame in frames:
        yield frame.head(n)
        n -= len(frame)
        if n <= 0:
            return


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _digest_cells(dtypes: Mapping[str, pl.DataType], frames: Iterable[pl.DataFrame]) -> str:
    """SHA-256 of names, types and cells; a hash runs along each column, so that pieces may be cut anywhere."""
    hashes = {name: hashlib.sha256() for name in dtypes}
    for frame in frames:
        for start in range(0, len(frame), 65_536):
            for column in frame[start : start + 65_536]:
                _hash_cells(hashes[column.name], column)
    whole = hashlib.sha256()
    for name, dtype in dtypes.items():
        whole.update(f"{name}\0{dtype}\0{hashes[name].hexdigest()}\0".encode())
    return whole.hexdigest()


def _hash_cells(hasher: hashlib._Hash, cells: pl.Series) -> None:
    """Feed cells to a hash: for each whether it is there, its length if it has one, and its value."""
    if cells.dtype in (pl.Categorical, pl.Enum):
        cells = cells.cast(pl.String)
    hasher.update(cells.is_not_null().to_numpy().tobytes())
    if cells.dtype in (pl.String, pl.Binary):
        lengths = cells.str.len_bytes() if cells.dtype == pl.String else cells.bin.size()
        hasher.update(lengths.fill_null(0).cast(pl.Int64).to_numpy().tobytes())
        joined = [cell.encode() if isinstance(cell, str) else cell for cell in cells.drop_nulls()]
        hasher.update(b"".join(joined))
    elif isinstance(cells.dtype, (pl.List, pl.Array)):
        lists = cells.cast(pl.List(cells.dtype.inner))
        hasher.update(lists.list.len().fill_null(0).cast(pl.Int64).to_numpy().tobytes())
        filled = lists.filter(lists.list.len().fill_null(0) > 0)
        _hash_cells(hasher, filled.explode())
    elif isinstance(cells.dtype, pl.Struct):
        for field in cells.struct.fields:
            _hash_cells(hasher, cells.struct.field(field))
    elif cells.dtype.is_decimal() or cells.dtype in (pl.Int128, pl.UInt128):
        _hash_cells(hasher, cells.cast(pl.String))  # numpy has no such numbers
    elif cells.dtype != pl.Null:
        physical = cells.to_physical()
        hasher.update(physical.fill_null(False if physical.dtype == pl.Boolean else 0).to_numpy().tobytes())
