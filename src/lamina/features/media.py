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

from lamina.errors import DataError
from lamina.features.base import Feature, blank_to_null, refuse
from lamina.features.content import LETTERS, file_bytes, is_there, what_it_is
from lamina.features.ragged import Ragged

__all__ = [
    "Broken",
    "Media",
    "as_array",
    "cells_of",
    "dimensions_of",
    "faulty",
    "file_bytes",
    "in_threads",
    "innermost",
    "is_file_name",
    "lots_of",
    "threads",
    "what_it_is",
]

PIECE = 64  # cells that a thread takes at once

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
        if isinstance(values.dtype, pl.Struct) and "bytes" in values.struct.fields:
            values = values.struct.field("bytes").alias(values.name)
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
            return str(cell.tolist()).encode() if cell.dtype.hasobject else str(cell.shape).encode() + cell.tobytes()
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
                    raise DataError(f"column {self.column!r}, {_found_at(place + first_row, values[place])}: {items}")
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
        found.append(_found_at(place + first_row, None if column is None else frame[column][place]))
    return found


def _found_at(row: int, cell: Any) -> str:
    if not isinstance(cell, str):
        return f"row {row}"
    return f"row {row} ({cell if len(cell) <= LETTERS else '…' + cell[-LETTERS:]})"


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
    items = cell.to_list() if isinstance(cell, pl.Series) else cell
    try:
        return np.asarray(items)
    except ValueError:
        return np.asarray(items, object)


def lots_of(cells: pl.Series) -> np.ndarray:
    """A lot for each cell, (n,) uint64, drawn from its content, or the end of its name."""
    if cells.dtype == pl.String:
        cells = cells.str.extract(_LAST_PARTS)
    elif cells.dtype != pl.Binary:
        content = [str(cell.shape).encode() + np.asarray(cell).tobytes() for cell in cells_of(cells)]
        cells = pl.Series(content, dtype=pl.Binary)
    return cells.hash(seed=1).to_numpy()
