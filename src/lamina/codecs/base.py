"""What every codec is, and how cells are read that come as plain values."""

from __future__ import annotations

import dataclasses
import datetime
import decimal
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np

from lamina.errors import DataError, some

__all__ = ["BLANKS", "MISSING", "WIDE", "Codec", "State", "as_text", "float_text", "plain", "refuse"]

# Cells of text that mean "no value here": those of pandas and R, and the question mark of the UCI tables.
MISSING = ("", "?", "NA", "N/A", "n/a", "<NA>", "#N/A", "NaN", "nan", "NULL", "null", "None", "none", "NaT")
_MISSING = frozenset(MISSING)

WIDE = ("image", "tokens", "frames", "clip")  # groups of slots that have an array of their own

# Unicode's blanks, spelled out: Python's own strip takes four control characters more for blanks.
BLANKS = "\t\n\x0b\x0c\r \x85\xa0\u1680" + "".join(map(chr, range(0x2000, 0x200B))) + "\u2028\u2029\u202f\u205f\u3000"


class State(ABC):
    """Abstract: a dataclass whose fields are JSON values, all that it needs to be made again. Its ``kind`` is its name
    in a table."""

    kind: ClassVar[str]

    def to_json(self) -> dict[str, Any]:
        """Everything needed to make it again, as JSON values."""
        fields = dataclasses.fields(self)  # type: ignore[arg-type]
        return {"kind": self.kind, **{field.name: getattr(self, field.name) for field in fields if field.init}}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Make it from what :meth:`to_json` gave.

        Raises:
            DataError: if the values are none of this kind.
        """
        given = dict(values)
        try:
            if (kind := given.pop("kind")) != cls.kind:
                raise ValueError(f"the kind {kind!r}")
            return cls(**given)
        except DataError:
            raise
        except Exception as error:  # a damaged one fails in more ways than can be named
            what = f"what was written of a {cls.kind} is damaged"
            raise DataError(what, got=f"{type(error).__name__}: {error}", do="write it again") from error


class Codec(State):
    """What a fitted column does with cells that come as plain values: None, text, numbers, lists, bytes, dates.

    A subclass is a dataclass of JSON values, and writes ``encode``.

    Attributes:
        column: the column's name.
    """

    column: str

    @abstractmethod
    def encode(self, cells: Sequence[Any], first_row: int = 0) -> dict[str, Any]:
        """Check n cells, and turn them into one array for each group of slots, as the feature does that it comes from.

        It is (n, slots) for a plain group, and :class:`~lamina.codecs.ragged.Ragged` with n rows for a wide one.

        Args:
            cells: as JSON gives them, or Python, or numpy.
            first_row: number of the first cell's row, for messages.

        Raises:
            DataError: if cells are not of the column's type; it names the rows.
        """


def plain(cell: Any) -> Any:
    """A cell as a plain value: text without blanks around it, None where it is missing, numpy's scalars as Python's.

    Example:
        >>> plain(" red "), plain("NA"), plain(np.float64("nan")), plain(np.int64(3))
        ('red', None, None, 3)
    """
    if cell is None:
        return None
    if isinstance(cell, np.generic):
        if isinstance(cell, np.datetime64):
            cell = cell.astype("datetime64[us]")
        # The shortest text that means a float32 is what people see of it.
        cell = float(str(cell)) if isinstance(cell, np.floating) and cell.itemsize < 8 else cell.item()
    if isinstance(cell, str):
        cell = cell.strip(BLANKS)
        return None if cell in _MISSING else cell
    if isinstance(cell, float):
        return None if cell != cell else cell
    return None if type(cell).__name__ in ("NAType", "NaTType") else cell


def as_text(cell: Any) -> str | None:
    """A cell, as :func:`plain` gives it, as text; of lists, bytes and lengths of time what Python shows."""
    if cell is None or isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        return float_text(cell)
    if isinstance(cell, datetime.datetime):
        text = cell.strftime("%Y-%m-%d %H:%M:%S.%f").rjust(26, "0")
        return text + ("" if cell.tzinfo is None else cell.isoformat()[-6:])
    if isinstance(cell, datetime.time):
        return cell.strftime("%H:%M:%S")
    if isinstance(cell, decimal.Decimal):
        return format(cell, "f")
    return str(list(cell) if isinstance(cell, tuple) else cell.tolist() if isinstance(cell, np.ndarray) else cell)


def float_text(value: float) -> str:
    """A number's shortest text, as polars writes it: Python's own, but for how an exponent is written.

    Example:
        >>> float_text(0.1), float_text(1.5e-05), float_text(1e-07)
        ('0.1', '0.000015', '1e-7')
    """
    text = repr(value)
    digits, _, exponent = text.partition("e")
    if not exponent:
        return text
    if exponent == "-05":
        return ("-" if digits[0] == "-" else "") + "0.0000" + digits.lstrip("-").replace(".", "")
    return f"{digits}e{exponent[0]}{exponent[1:].lstrip('0')}"


def refuse(
    codec: Codec, cells: Iterable[Any], is_bad: Callable[[Any], bool], first_row: int, what: str, do: str
) -> None:
    """Raise a DataError that names the column, the first bad cells and their rows; do nothing if none is bad.

    Args:
        codec: of the column.
        cells: all cells, as they came.
        is_bad: whether a cell, as :func:`plain` gives it, is bad.
        first_row: number of the first cell's row.
        what: what is wrong with them.
        do: what to do about it.
    """
    bad = [(row, cell) for row, cell in enumerate(map(plain, cells), first_row) if cell is not None and is_bad(cell)]
    if bad:
        rows = some(row for row, _ in bad)
        raise DataError(
            f"column {codec.column!r} {what}",
            got=f"{some(repr(cell) for _, cell in bad[:5])} in {len(bad)} cell(s), row(s) {rows} (counted from 0)",
            do=do,
        )
