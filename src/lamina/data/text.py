"""Bytes of text files: decompressed, and brought to UTF-8 with the encoding found out, a block at a time."""

from __future__ import annotations

import codecs
import itertools
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

__all__ = [
    "BLOCK",
    "COMPRESSIONS",
    "LONGEST",
    "UTF16",
    "Fault",
    "decoded",
    "is_utf8",
    "open_bytes",
    "to_utf8",
    "utf16_of",
]

BLOCK = 2**23  # bytes read at once
LONGEST = 2**26  # bytes in a row or line: a longer one is no row of a table
COMPRESSIONS = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}
UTF16 = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}


class Fault(Exception):
    """Something wrong with a text, in the line that comes next."""

    def __init__(self, what: str, do: str) -> None:
        super().__init__(what)
        self.what, self.do = what, do


def open_bytes(path: Path) -> pa.NativeFile:
    """A file's bytes, decompressed if it is gzip or zstd."""
    with path.open("rb") as file:
        start = file.read(4)
    raw = pa.OSFile(str(path))
    for magic, compression in COMPRESSIONS.items():
        if start.startswith(magic):
            return pa.CompressedInputStream(raw, compression)
    return raw


def decoded(path: Path, size: int) -> Iterator[bytes]:
    """A text file as UTF-8, in blocks of about ``size`` bytes, and then the fault if there is one.

    UTF-8 and UTF-16 are known by their marks. Without one the first line that is not ASCII decides between UTF-8 and
    Windows-1252; a later line of the other kind is a fault, since one of the two would be misread.
    """
    with open_bytes(path) as file:
        first = file.read(size)
        utf16 = utf16_of(first[:4096])
        blocks = itertools.chain((first,), iter(lambda: file.read(size), b""))
        if utf16:
            decoder = codecs.getincrementaldecoder(utf16)()
            for block in blocks:
                try:
                    yield decoder.decode(block).removeprefix("\ufeff").encode()
                except UnicodeError:
                    raise Fault("the text is not UTF-16, as it begins", "save the file as UTF-8") from None
            return
        encoding = None
        mac = b"\r" in first and b"\n" not in first
        for block in _whole_lines(blocks, mac):
            if block.isascii():
                yield block
                continue
            encoding = encoding or ("utf-8" if is_utf8(_first_foreign(block)) else "cp1252")
            good = _good_until(block, encoding)
            yield block[:good].decode(encoding).encode()
            if good < len(block):
                raise Fault(*_encoding_fault(block[good:], encoding))


def _whole_lines(blocks: Iterator[bytes], mac: bool) -> Iterator[bytes]:
    """Cut blocks after a line break, so that no character is torn; a mark of UTF-8 goes, and so do old Mac breaks."""
    rest = b""
    first = True
    for block in blocks:
        block = block.removeprefix(codecs.BOM_UTF8) if first else block
        first = False
        together = rest + (block.replace(b"\r", b"\n") if mac else block)
        end = together.rfind(b"\n") + 1
        if not end and len(together) > LONGEST:
            raise Fault("a line is longer than 64 MiB", "check that the file is a table")
        if end:
            yield together[:end]
        rest = together[end:]
    if rest:
        yield rest


def utf16_of(first: bytes) -> str | None:
    """The encoding of a file that begins so, if it is UTF-16."""
    for mark, encoding in UTF16.items():
        if first.startswith(mark):
            return encoding
    # Western text in UTF-16 is zero in every other byte.
    for offset, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
        if first[offset::2].count(0) > 0.8 * len(first[offset::2]) > 0 and first[1 - offset :: 2].count(0) == 0:
            return encoding
    return None


def is_utf8(text: bytes) -> bool:
    """Whether bytes are UTF-8."""
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def to_utf8(text: bytes) -> bytes:
    """Bytes as UTF-8: as they are, or from Windows-1252."""
    return text if is_utf8(text) else text.decode("cp1252", errors="replace").encode()


def _first_foreign(block: bytes) -> bytes:
    """The first line that is not ASCII."""
    return next(line for line in block.splitlines() if not line.isascii())


def _good_until(block: bytes, encoding: str) -> int:
    """Where the first line starts that is not of the encoding, or where the block ends."""
    if encoding == "utf-8" and is_utf8(block):
        return len(block)
    place = 0
    for line in block.splitlines(keepends=True):
        if not line.isascii():
            if is_utf8(line) != (encoding == "utf-8"):
                return place
            try:
                line.decode(encoding)
            except UnicodeDecodeError:
                return place
        place += len(line)
    return place


def _encoding_fault(bad: bytes, encoding: str) -> tuple[str, str]:
    if encoding == "cp1252" and not is_utf8(_first_foreign(bad)):
        return "the text is neither UTF-8 nor Windows-1252", "save the file as UTF-8"
    known = "UTF-8" if encoding == "utf-8" else "Windows-1252"
    return f"the text mixes encodings: {known} until here, and then another", "save the whole file as UTF-8"
