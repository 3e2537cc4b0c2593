"""Delimited text: how it is written is found out, then it is read in blocks of whole rows, every cell as text.

bytes ─ decompress ─ to UTF-8 ─ cut where a row ends ─ parse (pyarrow) ─▶ frames of text columns

Cutting by our own hand, rather than by the parser, is what bounds memory with line breaks inside cells, and what lets
every fault be named with its row: all rows before it have gone through, so it is in the next one.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.csv as arrow_csv

from lamina.data.table import PIECES, FilePart, spread
from lamina.data.text import BLOCK, COMPRESSIONS, LONGEST, UTF16, Fault, decoded, to_utf8
from lamina.errors import DataError, some

__all__ = ["CsvPart", "Dialect", "detect"]

LOOK = 2**20  # bytes from which the dialect is found out
SAMPLE = 2**26  # bytes that a sample may cost
DELIMITERS = (",", ";", "\t", "|")
NONE = "\x1f"  # the delimiter of a file with one column: the unit separator, which no one types
NEWLINE = 10


@dataclasses.dataclass(frozen=True)
class Dialect:
    """How a text table is written.

    Attributes:
        delimiter: what stands between cells; :data:`NONE` in a file with one column.
        quote: what stands around cells that hold a delimiter, or None if quotes are plain characters.
    """

    delimiter: str
    quote: str | None


class _Ragged(Exception):
    """Rows of a block with more or fewer cells than there are columns: (row in the block, cells)."""

    def __init__(self, rows: list[tuple[int, int]]) -> None:
        super().__init__()
        self.rows = rows


class CsvPart(FilePart):
    """A CSV or TSV file, plain or compressed by gzip or zstd. An empty cell is null; ``""`` is an empty text.

    Args:
        path: the file. Delimiter, quoting and encoding are found out.

    Raises:
        DataError: if it is empty, has no rows, or its first row cannot be a header.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        try:
            look, whole = self._look_inside()
        except Fault as fault:
            raise DataError(f"{self.name}: {fault.what}", got="this in the header", do=fault.do) from None
        self.dialect = detect(look, whole)
        ends, broken = _row_ends(look, self.dialect, final=whole)
        if not len(ends):
            what = broken.what if broken else "the first row does not end"
            raise DataError(f"{self.name}: {what}", got="this in the header", do="mend the header")
        header = look[: int(ends[0])]
        names = _names(header, self.dialect, self.name)
        if whole and not look[len(header) :].strip(b"\r\n"):
            raise DataError(f"{self.name} has a header but no rows", got=f"columns {some(names)}", do="add rows")
        self.dtypes = {name: pl.String() for name in names}
        self._header = header

    def _look_inside(self) -> tuple[bytes, bool]:
        """The first rows, and whether that is all."""
        blocks = (block for block in decoded(self.path, LOOK) if block)
        look = next(blocks, b"").lstrip(b"\r\n")
        if not look.strip():
            raise DataError(f"{self.name} is empty", do="give a file with a header and rows")
        if b"\0" in look.partition(b"\n")[0]:
            raise _no_nul()
        try:
            return look, next(blocks, None) is None
        except Fault:
            return look, False  # it is in the rows, and will be named when they are read

    def frames(self, columns: list[str], rows: int) -> Iterator[pl.DataFrame]:
        parse = _Parser(self.dialect, list(self.dtypes), columns)
        row, line = 0, 1 + self._header.count(b"\n")
        body = b""
        try:
            for body in self._bodies():
                frame = parse(body)
                yield frame
                row += len(frame)
                line += body.count(b"\n")
        except Fault as fault:
            place = f"row {row} (counted from 0), line {line}"
            raise DataError(f"{self.name}: {fault.what}", got=f"this in {place}", do=fault.do) from None
        except _Ragged as ragged:
            raise self._ragged(ragged.rows, body, row, line) from None

    def _bodies(self) -> Iterator[bytes]:
        """Blocks of whole rows, without the header, and then the fault if there is one."""
        rest, header = b"", len(self._header)
        for more in itertools.chain(decoded(self.path, BLOCK), (None,)):
            block = rest + (more or b"")
            if header:
                block = block.lstrip(b"\r\n")  # of the first block: blank lines above the header
            nul = block.find(b"\0")
            ends, fault = _row_ends(block if nul < 0 else block[:nul], self.dialect, final=more is None and nul < 0)
            end = int(ends[-1]) if len(ends) else 0
            if end > header:
                yield block[header:end]
            if nul >= 0:
                raise _no_nul()
            if fault:
                raise fault
            if len(block) - end > LONGEST:
                raise _unclosed()
            rest, header = block[end:], max(0, header - end)

    def _ragged(self, rows: list[tuple[int, int]], body: bytes, row: int, line: int) -> DataError:
        starts = _row_starts(body, self.dialect)
        lines = [line + body[: int(starts[number])].count(b"\n") for number, _ in rows[:5]]
        places = [
            f"{cells} cell(s) in row {row + number} (line {at})"
            for (number, cells), at in zip(rows, lines, strict=False)
        ]
        width = len(self.dtypes)
        delimiter = {"\t": "tab", NONE: "line break"}.get(self.dialect.delimiter, self.dialect.delimiter)
        return DataError(
            f"{self.name}: rows have more or fewer cells than the header",
            got=", ".join(places) + f", in {len(rows)} row(s), counted from 0" * (len(rows) > 5),
            allowed=f"{width} cell(s)",
            do=f"mend these rows; a cell that holds the delimiter ({delimiter}) stands in double quotes",
        )

    def sample(self, n: int, seed: int) -> pl.DataFrame:
        size = self.path.stat().st_size
        with self.path.open("rb") as file:
            start = file.read(4)
            if size > SAMPLE and not start.startswith((*COMPRESSIONS, *UTF16)):
                return self._windows(file, size, n, seed)
        frames, cost = [], 0.0
        for frame in self.frames(list(self.dtypes), n):
            frames.append(frame)
            cost += frame.estimated_size()
            if cost > SAMPLE:
                break
        together = pl.concat(frames)
        return pl.concat([together[rows] for rows in spread(len(together), n, seed)])

    def _windows(self, file: BinaryIO, size: int, n: int, seed: int) -> pl.DataFrame:
        """Rows at evenly spread places of a plain file. A window in which rows do not come out whole is passed over."""
        parse = _Parser(self.dialect, list(self.dtypes), list(self.dtypes))
        frames = [next(self.frames(list(self.dtypes), n)).head(n // PIECES)]
        for window in spread(size, PIECES * LOOK, seed)[1:]:
            file.seek(window.start)
            frames.append(self._window(file.read(LOOK), parse).head(n // PIECES))
        return pl.concat(frames)

    def _window(self, text: bytes, parse: _Parser) -> pl.DataFrame:
        """The whole rows of a piece of the file, or none if they do not come out with the header's cells."""
        text = to_utf8(text)
        for _ in range(4):
            # The first line is cut, or is the inside of a quoted cell; that shows in the rows, and the next may do.
            text = text.partition(b"\n")[2]
            ends, fault = _row_ends(text, self.dialect, final=False)
            if fault or not len(ends) or b"\0" in text:
                continue
            try:
                return parse(text[: int(ends[-1])])
            except _Ragged:
                continue
        return pl.DataFrame(schema=self.dtypes)


class _Parser:
    """Whole rows as bytes -> a frame of text columns."""

    def __init__(self, dialect: Dialect, names: list[str], columns: Sequence[str]) -> None:
        self._columns = columns
        self._ragged: list[tuple[int, int]] = []
        self._parsing = arrow_csv.ParseOptions(
            delimiter=dialect.delimiter,
            quote_char=dialect.quote or False,
            newlines_in_values=True,
            # In a file with one column an empty line is an empty cell.
            ignore_empty_lines=len(names) > 1,
            invalid_row_handler=self._note,
        )
        self._names = names
        self._converting = arrow_csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.large_string()),
            include_columns=list(columns),
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
            null_values=[""],
            check_utf8=False,  # it is: it was checked or made on the way
        )

    def _note(self, row: arrow_csv.InvalidRow) -> str:
        self._ragged.append((row.number - 1, row.actual_columns))
        return "skip"

    def __call__(self, rows: bytes) -> pl.DataFrame:
        if len(self._names) > 1 and not rows.strip(b"\r\n"):
            return pl.DataFrame(schema=dict.fromkeys(self._columns, pl.String))
        self._ragged.clear()
        # One block and one thread: only so are the numbers of invalid rows known.
        reading = arrow_csv.ReadOptions(column_names=self._names, use_threads=False, block_size=len(rows) + 1)
        table = arrow_csv.read_csv(pa.BufferReader(rows), reading, self._parsing, self._converting)
        if self._ragged:
            raise _Ragged(list(self._ragged))
        frame = pl.from_arrow(table)
        assert isinstance(frame, pl.DataFrame)
        return frame


def detect(look: bytes, whole: bool = True) -> Dialect:
    """Find out delimiter and quoting from the first rows, as UTF-8.

    The delimiter is the one by which most rows have as many cells as the header, and among those the one that gives
    most cells. Single quotes are taken for quotes only where they make rows come out even that otherwise do not, and
    in tab-separated text quotes are plain characters where they do not pair.

    Args:
        look: the beginning of the file.
        whole: whether that is all of it; otherwise its last row is left out, which may be cut.

    Example:
        >>> detect(b"a;b\\n1,5;2\\n")
        Dialect(delimiter=';', quote='"')
    """
    best, score = Dialect(NONE, '"'), (0.0, 0)
    for delimiter in DELIMITERS:
        dialect = Dialect(delimiter, '"')
        counts = _cells(look, dialect, whole)
        if counts is None:
            dialect = Dialect(delimiter, None if delimiter == "\t" else '"')
            counts = _cells(look, Dialect(delimiter, None), whole)
        assert counts is not None
        even = _evenness(counts)
        if even < 1 and b"'" in look:
            single = _cells(look, Dialect(delimiter, "'"), whole)
            if single is not None and _evenness(single) > even:
                dialect, counts, even = Dialect(delimiter, "'"), single, _evenness(single)
        if even and (even, int(counts[0])) > score:
            best, score = dialect, (even, int(counts[0]))
    return best


def _evenness(counts: np.ndarray) -> float:
    """The share of rows with as many cells as the header, if it has several; counts is (rows,)."""
    rows = counts[1:]
    if counts[0] > 1:
        return float((rows == counts[0]).mean()) if len(rows) else 1.0
    # A header of one cell above rows that agree on more is a fault to be shown, not a file with one column.
    common = np.bincount(rows).argmax() if len(rows) > 1 else 1
    return 1e-3 if common > 1 and (rows == common).mean() > 0.9 else 0.0


def _cells(look: bytes, dialect: Dialect, whole: bool = True) -> np.ndarray | None:
    """How many cells each row has, (rows,), blank rows left out; None if quotes do not pair."""
    ends, fault = _row_ends(look, dialect, final=whole)
    if fault:
        return None
    if not len(ends):
        ends = np.array([len(look)])
    toggles, _ = _toggles(look, dialect)
    array = np.frombuffer(look, np.uint8)[: ends[-1]]
    places = np.flatnonzero(array == ord(dialect.delimiter))
    places = places[np.searchsorted(toggles, places) % 2 == 0]
    counts = np.bincount(np.searchsorted(ends, places, side="right"), minlength=len(ends)) + 1
    starts = np.r_[0, ends[:-1]]
    filled = [bool(look[start:end].strip(b"\r\n")) for start, end in zip(starts, ends, strict=True)]
    return counts[np.array(filled)]


def _toggles(block: bytes, dialect: Dialect) -> tuple[np.ndarray, bool]:
    """Where quoting begins or ends, (quotes,), and whether the quoting breaks after the last of them.

    A doubled quote ends quoting and begins it again. A quote in the middle of an unquoted cell is a plain character.
    """
    if not dialect.quote or dialect.quote.encode() not in block:
        return np.empty(0, np.int64), False
    array = np.frombuffer(block, np.uint8)
    quotes = np.flatnonzero(array == ord(dialect.quote))
    edge = np.zeros(256, bool)
    edge[[NEWLINE, 13, ord(dialect.delimiter)]] = True
    opens = edge[np.where(quotes > 0, array[quotes - 1], NEWLINE)]
    closes = edge[np.where(quotes < len(array) - 1, array[np.minimum(quotes + 1, len(array) - 1)], NEWLINE)]
    doubled = np.diff(quotes, prepend=-2) == 1  # follows another
    right = np.where(np.arange(len(quotes)) % 2 == 0, opens | doubled, closes | np.r_[doubled[1:], False])
    if right.all():
        return quotes, False
    return _toggles_one_by_one(quotes, opens, closes, doubled)


def _toggles_one_by_one(
    quotes: np.ndarray, opens: np.ndarray, closes: np.ndarray, doubled: np.ndarray
) -> tuple[np.ndarray, bool]:
    """As :func:`_toggles`, for blocks with quotes that are plain characters or broken."""
    kept: list[int] = []
    inside, skip = False, False
    for place, quote in enumerate(quotes.tolist()):
        if skip:
            kept.append(quote)
            skip = False
        elif not inside:
            if opens[place]:
                kept.append(quote)
                inside = True
        elif place + 1 < len(quotes) and doubled[place + 1]:
            kept.append(quote)
            skip = True
        elif closes[place]:
            kept.append(quote)
            inside = False
        else:
            return np.array(kept, np.int64), True
    return np.array(kept, np.int64), False


def _row_ends(block: bytes, dialect: Dialect, final: bool) -> tuple[np.ndarray, Fault | None]:
    """Where rows end, (rows,), each just after its line break; and the fault that follows, if one does."""
    toggles, broken = _toggles(block, dialect)
    array = np.frombuffer(block, np.uint8)
    ends = np.flatnonzero(array == NEWLINE) + 1
    if len(toggles):
        ends = ends[np.searchsorted(toggles, ends) % 2 == 0]
    if broken:
        # Quoting is still on after the last toggle, so no row ends between it and the fault.
        return ends[ends <= toggles[-1]], _unclosed()
    if final and len(toggles) % 2:
        return ends, _unclosed()
    if final and block and (not len(ends) or ends[-1] < len(block)):
        ends = np.append(ends, len(block))
    return ends, None


def _row_starts(rows: bytes, dialect: Dialect) -> np.ndarray:
    """Where each row that is not blank starts."""
    ends, _ = _row_ends(rows, dialect, final=True)
    starts = np.r_[0, ends[:-1]]
    if dialect.delimiter == NONE:
        return np.asarray(starts)
    return np.array([start for start, end in zip(starts, ends, strict=True) if rows[start:end].strip(b"\r\n")])


def _names(header: bytes, dialect: Dialect, source: str) -> list[str]:
    """Column names from the first row; a column without one is called by its place."""
    count = (_cells(header, dialect) if dialect.delimiter != NONE else np.ones(1, np.int64))[0]  # type: ignore[index]
    places = [str(place) for place in range(count)]
    cells = [(cell or "").strip() for cell in _Parser(dialect, places, places)(header).row(0)]
    if _is_data(cells):
        raise DataError(
            f"{source} has no header: its first row holds numbers",
            got=some(cells),
            do="write the columns' names into the first row",
        )
    for place, name in enumerate(cells):
        if name and name in cells[:place]:
            raise DataError(
                f"{source}: two columns have one name",
                got=f"{name!r} as columns {cells.index(name) + 1} and {place + 1}",
                do="rename one of them in the header",
            )
    for place, name in enumerate(cells):
        fresh = f"column_{place + 1}"
        while not name and fresh in cells:
            fresh += "_"
        cells[place] = name or fresh
    return cells


def _is_data(cells: list[str]) -> bool:
    """Whether a first row is numbers, quoted or not, other than ones that count upwards (years, places)."""
    try:
        numbers = [float(cell.strip("'")) for cell in cells]
    except ValueError:
        return False
    return any(not number.is_integer() for number in numbers) or numbers != sorted(set(numbers))


def _no_nul() -> Fault:
    return Fault("the text holds a NUL byte", "check that the file is text, and remove it")


def _unclosed() -> Fault:
    return Fault("a quote is broken", "close it; a quote inside a quoted cell is written twice")
