"""Files by their names: what is in them, in archives too, and what they are."""

from __future__ import annotations

import functools
import os
import zipfile
import zlib
from io import BytesIO

import numpy as np

from lamina.errors import DataError

__all__ = ["INSIDE", "KINDS", "LETTERS", "file_bytes", "in_archive", "is_there", "npy_array", "what_it_is"]

INSIDE = "!/"  # parts the name of a zip file from that of a file in it, as in photos.zip!/cat/1.jpg
LARGEST = 2**30  # bytes of a file in one cell
BINARY = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
LETTERS = 200  # of a name in a message

# How files begin, so that a message can say what one is. A table of text begins with none of these.
KINDS = {
    b"\x89PNG": "a PNG picture",
    b"\xff\xd8\xff": "a JPEG picture",
    b"GIF8": "a GIF picture",
    b"%PDF": "a PDF document",
    b"PK\x03\x04": "a ZIP archive (an Excel workbook, or a NumPy .npz, is one)",
    b"\xd0\xcf\x11\xe0": "an old Office document",
    b"SQLite format 3": "an SQLite database",
    b"\x89HDF": "an HDF5 file",
    b"\x93NUMPY": "a NumPy .npy file",
    b"FEA1": "a Feather file of version 1",
    b"ORC": "an ORC file",
    b"Obj\x01": "an Avro file",
    b"BZh": "a bzip2 file",
    b"\xfd7zXZ": "an xz file",
    b"<!DOCTYPE": "a web page",
    b"<html": "a web page",
    b"<?xml": "an XML document",
    b"{\\rtf": "an RTF document",
}
_MORE_KINDS = {
    b"RIFF": "a WAV, AVI or WebP file",
    b"OggS": "an Ogg recording",
    b"fLaC": "a FLAC recording",
    b"ID3": "an MP3 recording",
    b"MThd": "a MIDI file",
    b"\x1f\x8b": "a gzip file",
    b"\x1aE\xdf\xa3": "a Matroska film",
    b"PAR1": "a Parquet table",
    b"<svg": "an SVG drawing",
    b"MZ": "a program",
    b"\x7fELF": "a program",
}


@functools.lru_cache(maxsize=8)
def _opened(path: str, stamp: int) -> zipfile.ZipFile:
    return zipfile.ZipFile(path)


def _archive(path: str) -> zipfile.ZipFile:
    return _opened(path, os.stat(path).st_mtime_ns)


def in_archive(path: str) -> list[str]:
    """The names of what is in a zip file, folders too, in its order.

    Raises:
        DataError: if it is no whole zip file.
    """
    try:
        return _archive(path).namelist()
    except (OSError, zipfile.BadZipFile) as error:
        raise DataError(f"{path} is not a whole zip file", got=error, do="restore it from a copy") from error


def is_there(name: str) -> bool:
    """Whether there is such a file, or such a folder; ``archive.zip!/inside`` is one in an archive."""
    outer, inside, inner = name.partition(INSIDE)
    if not inside:
        return os.path.exists(name)
    try:
        names = _archive(outer).NameToInfo
    except (OSError, zipfile.BadZipFile):
        return False
    folder = inner.rstrip("/") + "/"
    return inner in names or any(other.startswith(folder) for other in names)


def file_bytes(name: str) -> bytes:
    """A file's content; ``archive.zip!/inside`` names a file in an archive.

    Raises:
        DataError: if it is not there, is larger than 1 GiB, or cannot be read.
    """
    outer, inside, inner = name.partition(INSIDE)
    try:
        if not inside:
            return _whole(name)
        archive = _archive(outer)
        _check_size(archive.getinfo(inner).file_size)
        return archive.read(inner)
    except DataError:
        raise
    except FileNotFoundError:
        raise DataError("there is no such file", got=name) from None
    except KeyError:
        raise DataError("the archive has no such file", got=inner) from None
    except IsADirectoryError:
        raise DataError("it is a folder, not a file", got=name) from None
    except (OSError, zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError) as error:
        # A file in an archive may be damaged, locked by a password, or packed in a way that Python does not know.
        said = os.strerror(error.errno).lower() if isinstance(error, OSError) and error.errno else error
        raise DataError("the file cannot be read", got=said) from error
    except ValueError as error:  # a name with a zero byte
        raise DataError("no file can have such a name", got=repr(name[:LETTERS])) from error


def _whole(name: str) -> bytes:
    """A file's content by as few calls as possible: to open it as Python does takes as long as to read it."""
    file = os.open(name, BINARY)
    try:
        size = os.fstat(file).st_size
        _check_size(size)
        content = os.read(file, size + 1)
        while len(content) != size and (more := os.read(file, 2**20)):  # a device, or a disk far away
            content += more
        return content
    finally:
        os.close(file)


def _check_size(size: int) -> None:
    if size > LARGEST:
        raise DataError("the file is too large for a cell", got=f"{size:,} bytes", allowed=f"{LARGEST:,}")


def what_it_is(content: bytes) -> str:
    """What a file is by its first bytes, for messages.

    Example:
        >>> what_it_is(b"name,age"), what_it_is(b"")
        ('a text file', 'an empty file')
    """
    if not content:
        return "an empty file"
    for magic, kind in (KINDS | _MORE_KINDS).items():
        if content.startswith(magic):
            return kind
    if content[4:8] == b"ftyp":
        return "an MP4 film, or a HEIC or AVIF picture"
    start = content[:512]
    control = sum(byte < 32 and byte not in b"\t\n\r\f\x1b" for byte in start)
    return "a text file" if control <= len(start) // 50 else "a binary file of an unknown kind"


def npy_array(content: bytes) -> np.ndarray:
    """The array in a NumPy ``.npy`` file, a view of its bytes.

    Raises:
        DataError: if it is not whole, or holds Python objects, which are never read.
    """
    file = BytesIO(content)
    try:
        version = np.lib.format.read_magic(file)
        header = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}[version]
        shape, is_fortran, dtype = header(file)
    except Exception as error:  # the header is Python text, and a damaged one fails in more ways than numpy names
        raise DataError("the .npy file is damaged, or of a later version", got=error) from error
    if dtype.hasobject:
        raise DataError("the .npy file holds Python objects", got=dtype, allowed="numbers")
    count = int(np.prod(shape, dtype=object))
    # What the header says is not to be trusted with memory.
    if min(shape, default=0) < 0 or dtype.itemsize * count > len(content) - file.tell():
        raise DataError("the .npy file is not whole", got=f"{len(content)} bytes for shape {shape}")
    return np.frombuffer(content, dtype, count, file.tell()).reshape(shape, order="F" if is_fortran else "C")
