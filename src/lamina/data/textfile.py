"""Files of running text: a row for each of their parts, cut where a paragraph ends, so that joined they are the file.

bytes ─ decompress ─ cut behind a paragraph, a line, or a blank ─ UTF-8 ─▶ rows of file, place and text
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl

from lamina.data.csv import NONE, detect
from lamina.data.table import FilePart
from lamina.data.text import BLOCK, open_bytes
from lamina.errors import DataError

__all__ = ["FILE", "PLACE", "SUFFIXES", "TEXT", "TextFilePart", "is_running"]

SUFFIXES = tuple(suffix + packed for suffix in (".txt", ".text", ".md") for packed in ("", ".gz", ".zst"))
FILE, PLACE, TEXT = "file", "place", "text"  # the columns
LARGEST = 65_536  # bytes of a part: it is read by itself, so that of a smaller one more is torn from what it follows
SMALLEST = 512
PARTS = 128  # of a file that is smaller: the shares that teach and judge are made of whole parts
BREAKS = (b"\n\n", b"\n\r\n", b"\n", b" ")  # behind which a file is cut, the first of them that there is
LOOK = 2**16  # bytes that tell running text from a table
EVEN = 0.9  # share of rows with as many cells as the first, from which on a text is a table


class TextFilePart(FilePart):
    """A file of running text in UTF-8, plain or compressed by gzip or zstd.

    Each row is a part of it: the name of the ``file``, the ``place`` where the part begins as a share of the file, and
    its ``text``. The file is read through once on opening.

    Args:
        path: the file.

    Raises:
        DataError: if it is empty, or not UTF-8; it says where.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder) / "song.txt"
        ...     _ = path.write_text("a line\\n" * 200)
        ...     rows = pl.concat(TextFilePart(path).frames(["text"], rows=9))
        >>> len(rows), "".join(rows["text"]) == "a line\\n" * 200
        (3, True)
    """

    most = BLOCK // LARGEST
    running = True

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.dtypes = {FILE: pl.String(), PLACE: pl.Float64(), TEXT: pl.String()}
        self._bytes = 0
        with open_bytes(path) as file:
            while block := file.read(BLOCK):
                self._bytes += len(block)
        self._largest = min(LARGEST, max(SMALLEST, self._bytes // PARTS))
        self.rows = sum(1 for _ in self._pieces())
        if not self.rows:
            raise DataError(f"{path} is empty", do="give a file with text")

    def frames(self, columns: list[str], rows: int) -> Iterator[pl.DataFrame]:
        most = max(1, min(rows, self.most))
        texts: list[str] = []
        starts: list[int] = []
        for start, piece in self._pieces():
            texts.append(self._decoded(piece, start) if TEXT in columns else "")
            starts.append(start)
            if len(texts) == most:
                yield self._frame(texts, starts).select(columns)
                texts, starts = [], []
        if texts:
            yield self._frame(texts, starts).select(columns)

    def sample(self, n: int, seed: int) -> pl.DataFrame:
        return super().sample(min(n, self.most), seed)

    def _frame(self, texts: list[str], starts: list[int]) -> pl.DataFrame:
        places = np.array(starts) / self._bytes
        return pl.DataFrame({FILE: [self.path.name] * len(texts), PLACE: places, TEXT: texts}, schema=self.dtypes)

    def _pieces(self) -> Iterator[tuple[int, bytes]]:
        """(where it begins, bytes) of each part."""
        rest, start = b"", 0
        with open_bytes(self.path) as file:
            while more := file.read(BLOCK):
                rest = rest + more if start or rest else more.removeprefix(codecs.BOM_UTF8)
                place = 0
                while len(rest) - place > self._largest:
                    end = place + _end(rest[place : place + self._largest])
                    yield start + place, rest[place:end]
                    place = end
                start, rest = start + place, rest[place:]
        if rest:
            yield start, rest

    def _decoded(self, piece: bytes, start: int) -> str:
        try:
            return piece.decode()
        except UnicodeDecodeError as error:
            raise DataError(
                f"{self.name} is not UTF-8", got=f"byte {piece[error.start]:#04x} at place {start + error.start:,}",
                do="save the file as UTF-8",
            ) from None  # fmt: skip


def is_running(path: Path, inside: bytes) -> bool:
    """Whether a file is running text rather than a table, by its name and how it begins.

    Args:
        path: by whose name a file is text, or a table.
        inside: its first bytes, decompressed.

    Example:
        >>> is_running(Path("a.txt"), b"Well, then.\\nGo on, he said, and left.\\nShe did not.\\n")
        True
        >>> is_running(Path("a.txt"), b"age,sex\\n3,m\\n4,f\\n"), is_running(Path("a.csv"), b"one\\ntwo\\n")
        (False, False)
    """
    name = path.name.lower()
    if not name.endswith(SUFFIXES):
        return False
    return ".md" in name or not _is_even(inside[:LOOK])


def _is_even(inside: bytes) -> bool:
    """Whether nearly all lines have as many cells as the first, and several."""
    whole = inside[: inside.rfind(b"\n") + 1] or inside  # its last line may be cut
    delimiter = detect(whole).delimiter.encode()
    lines = [line for line in whole.splitlines() if line.strip()]
    if delimiter == NONE.encode() or len(lines) < 2:
        return False
    counts = np.array([line.count(delimiter) for line in lines])
    return bool(counts[0]) and float((counts == counts[0]).mean()) >= EVEN


def _end(piece: bytes) -> int:
    """Where a part ends that may be as long as this: behind the last break in its second half, else before the last
    character, which may be torn."""
    for mark in BREAKS:
        found = piece.rfind(mark, len(piece) // 2)
        if found >= 0:
            return found + len(mark)
    end = len(piece) - 1
    while end > 0 and piece[end] & 0xC0 == 0x80:  # a later byte of a character
        end -= 1
    return end or len(piece)
