"""What columns have in common whose cells are files: pictures, recordings, films."""

from __future__ import annotations

import hashlib
import os
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar, TypeVar, cast

import numpy as np
import polars as pl

from lamina.codecs import media
from lamina.codecs.content import file_bytes, is_there, what_it_is
from lamina.codecs.ragged import Ragged
from lamina.errors import DataError
from lamina.features.base import Claim, Feature, Profile, blank_to_null, refuse

__all__ = [
    "LOOKED_AT",
    "Broken",
    "Media",
    "Sample",
    "as_array",
    "cells_of",
    "claim_of_files",
    "dimensions_of",
    "faulty",
    "file_bytes",
    "files_of",
    "in_threads",
    "innermost",
    "is_file_name",
    "lots_of",
    "threads",
    "what_it_is",
]

PIECE = 64  # cells that a thread takes at once
LOOKED_AT = 100  # cells of bytes whose beginnings are looked at
BEGINNING = 12  # bytes by which a file is known

Broken = dict[int, str]  # place of a cell -> what is wrong with its file
T = TypeVar("T")
R = TypeVar("R")


def threads() -> int:
    """Threads that decode: as many as the process may use; the libraries let go of the interpreter meanwhile."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def in_threads(function: Callable[[T], R], items: Sequence[T]) -> list[R]:
    """What a function gives for each item, in their order, on all cores."""
    size = max(1, min(PIECE, -(-len(items) // (2 * threads()))))  # a task a piece: a task an item would cost as much
    pieces = [items[start : start + size] for start in range(0, len(items), size)]
    if len(pieces) < 2 or threads() == 1:
        return [function(item) for item in items]
    with ThreadPoolExecutor(threads()) as pool:
        done = pool.map(lambda piece: [function(item) for item in piece], pieces)
        return [result for results in done for result in results]


# The last parts of a name stay the same where the files are moved, and so does the sample.
_LAST_PARTS = r"((?:[^/]*/){0,2}[^/]*)$"


class Media(Feature):
    """Abstract: cells are files by name, or their bytes, or arrays; each is decoded once, on all cores.

    A subclass writes ``load`` for one cell, and says how many dimensions its arrays have. Missing cells become rows
    without items. Columns of records with a field ``bytes``, as data sets on the hub have them, are taken for that.
    """

    dimensions: ClassVar[tuple[int, ...]] = (1, 2, 3, 4)

    @abstractmethod
    def load(self, cell: str | bytes | np.ndarray) -> np.ndarray:
        """One cell as its items, (length, ...).

        Raises:
            DataError: if it cannot be decoded; it says why.
        """

    def empty(self) -> np.ndarray:
        """No items: (0, ...) of the items' form."""
        (slot,) = self.slots
        return np.empty((0, *slot.shape), {"image": np.uint8, "clip": np.uint8}.get(slot.group, np.float32))

    def read(self, values: pl.Series, first_row: int = 0) -> pl.Series:
        values = files_of(values)
        if values.dtype == pl.String or values.dtype in (pl.Categorical, pl.Enum):
            return blank_to_null(values)
        if values.dtype in (pl.Binary, pl.Null) or dimensions_of(values.dtype) in self.dimensions:
            return values
        allowed = " or ".join(str(number) for number in self.dimensions)
        do = (
            f"bring names of files, their bytes, or arrays of {allowed} dimensions; "
            f"or say --feature {self.column}=category"
        )
        refuse(self, values, values.is_not_null(), first_row, f"holds files, but came as {values.dtype}", do)
        return pl.Series(values.name, [None] * len(values), dtype=pl.Null)

    def there(self, name: str) -> bool:
        """Whether a cell's file is there."""
        return is_there(name)

    def key(self, values: pl.Series) -> pl.Series:
        """A digest of each cell's content, (n,) binary; of a file that is not there, of its name."""
        return pl.Series(values.name, in_threads(self._digest, list(cells_of(values))), dtype=pl.Binary)

    def content(self, cell: str | bytes | np.ndarray) -> bytes:
        """What makes a cell another one.

        Raises:
            DataError: if it is a file that cannot be read.
        """
        if isinstance(cell, np.ndarray):
            return _bytes_of(cell)
        return file_bytes(cell) if isinstance(cell, str) else cell

    def _digest(self, cell: Any) -> bytes | None:
        if cell is None:
            return None
        try:
            content = self.content(cell)
        except DataError:
            content = str(cell).encode()
        return hashlib.blake2b(content, digest_size=16).digest()

    def decoded(self, values: pl.Series) -> list[np.ndarray | DataError | None]:
        """Each cell's items, or what is wrong with it, or None where it is missing."""
        return in_threads(self._attempt, list(cells_of(values)))

    def _attempt(self, cell: Any) -> np.ndarray | DataError | None:
        if cell is None:
            return None
        try:
            return self.load(cell)
        except DataError as error:
            return error

    def encode(self, values: pl.Series, broken: Broken | None = None, first_row: int = 0) -> dict[str, Any]:
        """Decode n cells into a ragged array of n rows.

        Args:
            values: cells, as ``read`` returned them.
            broken: takes the places of cells that cannot be decoded, which become rows without items.
            first_row: row number of the first cell, for messages.

        Raises:
            DataError: if a cell cannot be decoded and ``broken`` is None; it names the cell.
        """
        rows = []
        for place, items in enumerate(self.decoded(values)):
            if isinstance(items, DataError):
                if broken is None:
                    raise DataError(
                        f"column {self.column!r}, {media.found_at(place + first_row, values[place])}: {items}"
                    )
                broken[place] = f"{self.column}: {items}"
            rows.append(items if isinstance(items, np.ndarray) else self.empty())
        (slot,) = self.slots
        return {slot.group: Ragged.of(rows) if rows else Ragged(self.empty(), np.empty(0, np.int64))}

    def decode(self, encoded: np.ndarray) -> pl.Series:
        raise DataError(f"column {self.column!r} cannot be predicted yet", got=f"the kind {self.kind}")


def faulty(features: Iterable[Feature], frame: pl.DataFrame, broken: Broken, first_row: int = 0) -> list[str]:
    """Rows with a file that cannot be decoded, as people find them: by number, and by the file that the cell names.

    Args:
        features: those of the inputs.
        frame: the rows as they came.
        broken: places in it, and what is wrong, as ``encode`` gave them.
        first_row: row number of the first row.

    Example:
        >>> faulty([], pl.DataFrame({"photo": ["a.png", "b.png"]}), {1: "photo: the file is empty"}, 10)
        ['row 11']
    """
    columns = [feature.column for feature in features if isinstance(feature, Media)]
    found = []
    for place, reason in sorted(broken.items()):
        column = next((name for name in columns if reason.startswith(f"{name}: ")), None)
        found.append(media.found_at(place + first_row, None if column is None else frame[column][place]))
    return found


def files_of(values: pl.Series) -> pl.Series:
    """The cells themselves, or of records with a field ``bytes``, as data sets on the hub have them, that field."""
    if isinstance(values.dtype, pl.Struct) and "bytes" in values.struct.fields:
        return values.struct.field("bytes").alias(values.name)
    return values


def claim_of_files(
    profile: Profile, what: str, begins: Callable[[bytes], bool], endings: tuple[str, ...]
) -> Claim | None:
    """Whether a column holds files of a kind, by how their bytes begin, or by what their names end in.

    Args:
        profile: of the column.
        what: what such files are called: "recordings".
        begins: whether a file that begins with such bytes, 12 where it has as many, is one of them.
        endings: of their names.

    Example:
        >>> claim_of_files(Profile("tune", pl.Series(["a.mid", "b.mid"]), 2, 2), "MIDI files", bool, (".mid",)).evidence
        '100% of the cells are names of MIDI files'
    """
    values = files_of(profile.values)
    if values.dtype == pl.Binary:
        starts = values.drop_nulls().head(LOOKED_AT).to_list()
        known = sum(begins(start[:BEGINNING]) for start in starts)
        evidence = f"{known} of the first {len(starts)} cells begin as {what} do"
        return Claim(0.9, evidence) if known and 2 * known >= len(starts) else None
    if values.dtype == pl.String and profile.present:
        named = is_file_name(values, endings) & ~values.str.contains("://", literal=True)
        share = float(named.drop_nulls().to_numpy().mean())
        return Claim(0.9, f"{share:.0%} of the cells are names of {what}") if share >= 0.9 else None
    return None


def is_file_name(values: pl.Series, endings: tuple[str, ...]) -> pl.Series:
    """Which cells of text end in one of the endings, as in ``.png``; (n,) boolean, null where missing."""
    return values.str.to_lowercase().str.contains(r"\.(?:" + "|".join(end.lstrip(".") for end in endings) + r")$")


def dimensions_of(dtype: pl.DataType) -> int:
    """How many dimensions the cells of a nested type have; 0 if they are not nested numbers."""
    count, inside = 0, cast(Any, dtype)
    while isinstance(inside, (pl.Array, pl.List)):
        count, inside = count + 1, inside.inner
    return count if inside.is_numeric() else 0


def innermost(dtype: pl.DataType) -> pl.DataType:
    """What the cells of a nested type hold at last."""
    inside: Any = dtype
    while isinstance(inside, (pl.Array, pl.List)):
        inside = inside.inner
    return inside


def cells_of(values: pl.Series) -> Iterator[Any]:
    """Cells one by one as Python has them; nested ones as arrays, in the type ``pl.Array`` views of one."""
    if isinstance(values.dtype, pl.Array) and dimensions_of(values.dtype):
        there = values.is_not_null()
        arrays = iter(values.filter(there).to_numpy())
        yield from (next(arrays) if present else None for present in there)
    elif values.dtype.is_nested():
        yield from (as_array(cell) for cell in values)
    else:
        yield from values.to_list()


def as_array(cell: pl.Series | list[Any] | None) -> np.ndarray | None:
    """A nested cell as an array; one whose rows differ in length as an array of objects."""
    if cell is None:
        return None
    return media.as_array(cell.to_list() if isinstance(cell, pl.Series) else cell)


def lots_of(cells: pl.Series) -> np.ndarray:
    """A lot for each cell, (n,) uint64, drawn from its content, or the end of its name."""
    if cells.dtype == pl.String:
        cells = cells.str.extract(_LAST_PARTS)
    elif cells.dtype != pl.Binary:
        cells = pl.Series([_bytes_of(cell) for cell in cells_of(cells)], dtype=pl.Binary)
    return cells.hash(seed=1).to_numpy()


def _bytes_of(array: np.ndarray) -> bytes:
    """What makes an array another one; of one whose rows differ in length what they hold."""
    return str(array.tolist()).encode() if array.dtype.hasobject else str(array.shape).encode() + array.tobytes()


class Sample:
    """The cells of the smallest lots, each drawn from the cell itself: the same ones in whatever pieces they come.

    Args:
        most: of them.

    Attributes:
        count, missing: cells that are there, and that are not.

    Example:
        >>> sample = Sample(2)
        >>> sample.add(pl.Series(["a.wav", None, "b.wav", "c.wav"]))
        >>> sample.count, sample.missing, len(sample.cells)
        (3, 1, 2)
    """

    def __init__(self, most: int) -> None:
        self.count = self.missing = 0
        self._most = most
        self._drawn: list[tuple[int, Any]] = []  # in the order of their lots

    @property
    def cells(self) -> list[Any]:
        """Those that were drawn, as Python has them."""
        return [cell for _, cell in self._drawn]

    def add(self, values: pl.Series) -> None:
        """Take in more cells."""
        cells = values.drop_nulls()
        self.count += len(cells)
        self.missing += len(values) - len(cells)
        lots = lots_of(cells)
        best = np.argsort(lots, kind="stable")[: self._most]
        drawn = zip(lots[best].tolist(), cells_of(cells.gather(best)), strict=True)
        self._drawn = sorted([*self._drawn, *drawn], key=lambda item: item[0])[: self._most]
