"""Categories: names to codes."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from lamina.codecs.base import Codec, as_text, plain

__all__ = ["MISSING_CODE", "RESERVED", "UNSEEN_CODE", "CategoryCodec", "native"]

MISSING_CODE = 0
UNSEEN_CODE = 1
RESERVED = 2  # inputs start counting names here; targets start at 0, since a target is never missing or unseen

_WHOLE = re.compile(r"[+-]?\d+")
_WHOLE_POINT_NOUGHT = re.compile(r"([+-]?\d+)\.0")
_OTHER_CASE = {"true": "True", "false": "False", "True": "true", "False": "false"}


@dataclasses.dataclass
class CategoryCodec(Codec):
    """One of a set of names: one ``category`` slot. Code 0 is missing, 1 unseen or rare, then the names.

    Attributes:
        names: in the order of their codes.

    Example:
        >>> CategoryCodec("floor", ["1", "0"]).encode([1, "1.0", 0.0, 7, None])["category"].ravel().tolist()
        [2, 2, 3, 1, 0]
    """

    kind: ClassVar[str] = "category"
    column: str
    names: list[str]

    def __post_init__(self) -> None:
        self._code_of = {name: code for code, name in enumerate(self.names, RESERVED)}

    def encode(self, cells: Sequence[Any], first_row: int = 0) -> dict[str, np.ndarray]:
        known = self._code_of
        codes = [known[cell] if type(cell) is str and cell in known else self._code(cell) for cell in cells]
        return {"category": np.array(codes, np.int32).reshape(-1, 1)}

    def _code(self, cell: Any) -> int:
        name = _name(plain(cell))
        if name is None:
            return MISSING_CODE
        code = self._code_of.get(name)
        return self._code_of.get(_other_spelling(name), UNSEEN_CODE) if code is None else code


def _name(cell: Any) -> str | None:
    """A cell as a name. A table that passed through pandas holds 1.0 where its CSV held 1: the same name."""
    if type(cell) is float and cell == cell // 1 and abs(cell) < 2**53:
        return str(int(cell))
    return as_text(cell)


def _other_spelling(name: str) -> str:
    """The same value as another reader spells it: 1 for 1.0, True for true, and the other way round."""
    if _WHOLE.fullmatch(name):
        return name + ".0"
    found = _WHOLE_POINT_NOUGHT.fullmatch(name)
    return found[1] if found else _OTHER_CASE.get(name, name)


def native(name: str, kind: str) -> Any:
    """A name as people gave it.

    Args:
        name: of a category.
        kind: ``integer``, ``float``, ``boolean`` or ``string``.

    Example:
        >>> native("3", "integer"), native("3", "string"), native("true", "boolean")
        (3, '3', True)
    """
    if kind == "integer":
        return int(name)
    if kind == "float":
        return float(name)
    return name == "true" if kind == "boolean" else name
