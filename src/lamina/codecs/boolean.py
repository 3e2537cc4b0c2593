"""Booleans: yes or no, in any of the usual spellings."""

from __future__ import annotations

import dataclasses
import decimal
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from lamina.codecs.base import Codec, as_text, plain, refuse

__all__ = ["PAIRS", "WORDS", "BooleanCodec"]

PAIRS = (("false", "true"), ("no", "yes"), ("f", "t"), ("n", "y"), ("0", "1"), ("off", "on"))
WORDS = {word: value for pair in PAIRS for value, word in enumerate(pair)} | {"0.0": 0, "1.0": 1}


@dataclasses.dataclass
class BooleanCodec(Codec):
    """Yes or no: one ``flag`` slot, and a ``missing`` flag where training cells were missing (encoded as no).

    Attributes:
        has_missing: whether there is that flag.

    Example:
        >>> BooleanCodec("smoker", True).encode(["Yes", False, 1, None])["flag"].tolist()
        [[1, 0], [0, 0], [1, 0], [0, 1]]
    """

    kind: ClassVar[str] = "boolean"
    column: str
    has_missing: bool

    def encode(self, cells: Sequence[Any], first_row: int = 0) -> dict[str, np.ndarray]:
        flags = [cell if type(cell) is bool else _value(plain(cell)) for cell in cells]
        if -1 in flags:
            self._refuse(cells, first_row)
        if self.has_missing:
            return {"flag": np.array([[bool(flag), flag is None] for flag in flags], np.uint8).reshape(-1, 2)}
        return {"flag": np.array([bool(flag) for flag in flags], np.uint8).reshape(-1, 1)}

    def _refuse(self, cells: Sequence[Any], first_row: int) -> None:
        """Say what is wrong with the cells that are."""
        do = f"mend the cells, leave them empty, or say --feature {self.column}=category"
        kinds = [type(cell).__name__ for cell in map(plain, cells) if cell is not None and not _is_simple(cell)]
        if kinds:
            what = f"holds yes or no, but came as {kinds[0]}"
            refuse(self, cells, lambda cell: not _is_simple(cell), first_row, what, do)
        what = "holds yes or no, but some cells are neither"
        refuse(self, cells, lambda cell: _value(cell) == -1, first_row, what, do)


def _is_simple(cell: Any) -> bool:
    return isinstance(cell, (str, int, float, decimal.Decimal))


def _value(cell: Any) -> int | None:
    """1 for yes, 0 for no, -1 for neither."""
    if cell is None:
        return None
    text = as_text(cell) if _is_simple(cell) else None
    return -1 if text is None else WORDS.get(text.lower(), -1)
