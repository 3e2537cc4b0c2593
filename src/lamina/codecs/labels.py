"""Label sets: any number of names in one cell."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

import numpy as np

from lamina.codecs.base import BLANKS, Codec, as_text, plain, refuse

__all__ = ["LabelsCodec"]


@dataclasses.dataclass
class LabelsCodec(Codec):
    """A set of names, as a list or as text with a separator: one ``flag`` slot a name. Unknown names are left out.

    Attributes:
        separator: between the names in a text cell.
        names: in the order of their flags.

    Example:
        >>> LabelsCodec("tags", "|", ["a", "b"]).encode(["a | b", ["b", "z"], None])["flag"].tolist()
        [[1, 1], [0, 1], [0, 0]]
    """

    kind: ClassVar[str] = "labels"
    column: str
    separator: str
    names: list[str]

    def __post_init__(self) -> None:
        self._place_of = {name: place for place, name in enumerate(self.names)}

    def encode(self, cells: Sequence[Any], first_row: int = 0) -> dict[str, np.ndarray]:
        flags = np.zeros((len(cells), len(self.names)), np.uint8)
        for row, cell in enumerate(cells):
            for name in self._names_in(cell, cells, first_row):
                place = self._place_of.get(name.strip(BLANKS))
                if place is not None:
                    flags[row, place] = 1
        return {"flag": flags}

    def _names_in(self, cell: Any, cells: Sequence[Any], first_row: int) -> Iterable[str]:
        """The names in a cell, unknown ones too."""
        if _is_list(cell):
            return (as_text(_item(name)) or "" for name in cell)
        cell = plain(cell)
        if cell is None:
            return ()
        if not isinstance(cell, str):
            what = f"holds label sets, but came as {type(cell).__name__}"
            do = f"say --feature {self.column}=category"
            refuse(self, cells, lambda cell: not isinstance(cell, str) and not _is_list(cell), first_row, what, do)
        return cell.split(self.separator)


def _is_list(cell: Any) -> bool:
    """Whether a cell is a list of plain names."""
    return isinstance(cell, (list, tuple, np.ndarray)) and not any(isinstance(item, (list, dict)) for item in cell)


def _item(name: Any) -> Any:
    return name.item() if isinstance(name, np.generic) else name
