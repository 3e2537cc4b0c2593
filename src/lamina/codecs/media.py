"""What codecs have in common whose cells are files: pictures, recordings, films, music."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from lamina.codecs.base import Codec, plain, refuse
from lamina.codecs.content import LETTERS
from lamina.codecs.ragged import Ragged
from lamina.errors import DataError

__all__ = ["FileCodec", "as_array", "depth_of", "found_at"]


class FileCodec(Codec):
    """Abstract: cells are files by name, or their bytes, or arrays, also as lists of lists; or records with a field
    ``bytes``. A missing cell becomes a row without items.

    A subclass writes ``load`` for one cell and ``empty``, and says how many dimensions its arrays have.
    """

    group: ClassVar[str]
    dimensions: ClassVar[tuple[int, ...]]

    @abstractmethod
    def load(self, cell: str | bytes | np.ndarray) -> np.ndarray:
        """One cell as its items, (length, ...).

        Raises:
            DataError: if it cannot be decoded; it says why.
        """

    @abstractmethod
    def empty(self) -> np.ndarray:
        """No items: (0, ...) of the items' form."""

    def encode(self, cells: Sequence[Any], first_row: int = 0) -> dict[str, Ragged]:
        given = [self.read(cell) for cell in cells]
        if any(one is NotImplemented for one in given):
            self._refuse(cells, first_row)
        rows = []
        for row, cell in enumerate(given, first_row):
            try:
                rows.append(self.empty() if cell is None else self.load(cell))
            except DataError as error:
                raise DataError(f"column {self.column!r}, {found_at(row, cell)}: {error}") from None
        return {self.group: Ragged.of(rows) if rows else Ragged(self.empty(), np.empty(0, np.int64))}

    def read(self, cell: Any) -> Any:
        """A cell as :meth:`load` takes it; None where it is missing, NotImplemented where it is none."""
        if isinstance(cell, Mapping) and "bytes" in cell:
            cell = cell["bytes"]
        if isinstance(cell, (bytes, bytearray, memoryview)):
            return bytes(cell)
        if isinstance(cell, (list, tuple, np.ndarray)):
            return self._array(cell)
        cell = plain(cell)
        return cell if cell is None or isinstance(cell, str) else NotImplemented

    def _array(self, cell: Any) -> Any:
        array = as_array(cell)
        depth = depth_of(array if array.dtype.kind in "iuf" else cell)
        return array if depth in self.dimensions or depth is None else NotImplemented

    def _refuse(self, cells: Sequence[Any], first_row: int) -> None:
        """Say which cells are no files."""
        kind = next(type(cell).__name__ for cell in cells if self.read(cell) is NotImplemented)
        allowed = " or ".join(str(number) for number in self.dimensions)
        do = (
            f"bring names of files, their bytes, or arrays of {allowed} dimensions; "
            f"or say --feature {self.column}=category"
        )
        what = f"holds files, but came as {kind}"
        refuse(self, cells, lambda cell: self.read(cell) is NotImplemented, first_row, what, do)


def depth_of(cell: Any) -> int | None:
    """How many dimensions lists of lists of numbers have, which may differ in length.

    Returns:
        0 for a number, -1 where there is anything else, None where there is nothing.

    Example:
        >>> depth_of([[1, 2], [3.5], None]), depth_of(["a"]), depth_of([])
        (2, -1, None)
    """
    if isinstance(cell, np.ndarray):
        if cell.dtype.kind in "iuf":
            return cell.ndim
        cell = cell.tolist()
    if isinstance(cell, (list, tuple)):
        inner = [one for one in map(depth_of, cell) if one is not None]
        return None if not inner else -1 if min(inner) < 0 else 1 + max(inner)
    if cell is None:
        return None
    return 0 if isinstance(cell, (int, float, np.integer, np.floating)) and not isinstance(cell, bool) else -1


def as_array(cell: Any) -> np.ndarray:
    """A nested cell as an array; one whose rows differ in length as an array of objects.

    Example:
        >>> as_array([[1, 2], [3, 4]]).shape, as_array([[1], [2, 3]]).shape
        ((2, 2), (2,))
    """
    try:
        return np.asarray(cell)
    except ValueError:
        return np.asarray(cell, object)


def found_at(row: int, cell: Any) -> str:
    """A row as people find it: by its number, and by the file that its cell names.

    Example:
        >>> found_at(3, "a.png"), found_at(3, b"..")
        ('row 3 (a.png)', 'row 3')
    """
    if not isinstance(cell, str):
        return f"row {row}"
    return f"row {row} ({cell if len(cell) <= LETTERS else '…' + cell[-LETTERS:]})"
