"""Numbers: text and values to the scale that a network sees, and back."""

from __future__ import annotations

import dataclasses
import decimal
import math
import re
from bisect import bisect_right
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from lamina.codecs.base import Codec, plain, refuse

__all__ = ["LARGEST", "NumberCodec", "parse"]

LARGEST = 3e38  # of a float32: a value far from all that was learned from must not become infinite on the way
MOST = 1e38  # of a cell
FEW = 24  # cells up to which one by one is faster than numpy

_NUMBER = re.compile(r"[+-]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|(?i:inf(?:inity)?|nan))")


def parse(text: str, decimal: str) -> float | None:
    """Text as a number, None where it is none. Python's own reading would take ``1_000`` too.

    Args:
        text: without blanks around it.
        decimal: the decimal mark; with ``,`` a ``.`` groups thousands.

    Example:
        >>> parse("1e3", "."), parse("1.234,5", ","), parse("1_000", ".")
        (1000.0, 1234.5, None)
    """
    if decimal == ",":
        text = text.replace(".", "").replace(",", ".", 1)
    return float(text) if _NUMBER.fullmatch(text) else None


def _is_other(cell: Any) -> bool:
    """Whether a cell, as :func:`~lamina.codecs.base.plain` gives it, is neither text nor a number."""
    return cell is not None and not isinstance(cell, (str, int, float, decimal.Decimal))


@dataclasses.dataclass
class NumberCodec(Codec):
    """A quantity: one ``number`` slot, a ``missing`` flag where training cells were missing, sometimes a ``code``.

    Attributes:
        decimal: the decimal mark of text cells.
        is_ranked: whether values go to a normal scale by their ranks; else by centre and width.
        values, ranks: the different quantiles of the training values, and their places on the normal scale.
        root: whether the square root is scaled.
        centre, width: the affine scale, of the root where that is scaled.
        median: what stands in for a missing value.
        has_missing: whether there is a flag.
        codes: values that have a code of their own, in order.

    Example:
        >>> codec = NumberCodec("age", ".", False, [], [], False, 30.0, 10.0, 30.0, True, [])
        >>> {group: array.tolist() for group, array in codec.encode(["40", None]).items()}
        {'number': [[1.0], [0.0]], 'flag': [[0], [1]]}
    """

    kind: ClassVar[str] = "number"
    column: str
    decimal: str
    is_ranked: bool
    values: list[float]
    ranks: list[float]
    root: bool
    centre: float
    width: float
    median: float
    has_missing: bool
    codes: list[float]

    def __post_init__(self) -> None:
        self._code_of = {value: code for code, value in enumerate(self.codes, 1)}

    def encode(self, cells: Sequence[Any], first_row: int = 0) -> dict[str, np.ndarray]:
        numbers = self.read(cells, first_row)
        missing = [number is None for number in numbers] if self.has_missing or self.codes else []
        raw = [self.median if number is None else number for number in numbers]
        if len(raw) > FEW:
            return self.arrays(np.array(raw), np.array([number is None for number in numbers]))
        arrays: dict[str, np.ndarray] = {
            "number": np.array([self._scaled(value) for value in raw], np.float32).reshape(-1, 1)
        }
        if self.has_missing:
            arrays["flag"] = np.array(missing, np.uint8).reshape(-1, 1)
        if self.codes:
            found = self._code_of
            codes = [0 if number is None else found.get(number, 0) for number in numbers]  # 0: any other value
            arrays["category"] = np.array(codes, np.int32).reshape(-1, 1)
        return arrays

    def read(self, cells: Sequence[Any], first_row: int = 0) -> list[float | None]:
        """Check n cells: each as a number, None where it is missing."""
        numbers = []
        for cell in cells:
            number = cell if type(cell) is float else self._number(cell)
            if number is not None and not -MOST <= number <= MOST:
                if type(cell) is not float or cell == cell:
                    self._refuse(cells, first_row)
                number = None
            numbers.append(number)
        return numbers

    def _number(self, cell: Any) -> float | None:
        """A cell as a number, None where it is missing, infinite where it is none."""
        cell = plain(cell)
        if cell is None:
            return None
        if isinstance(cell, str):
            number = parse(cell, self.decimal)
            if number is None:
                return math.inf
            return None if number != number else number
        if isinstance(cell, (int, float, decimal.Decimal)):
            try:
                return float(cell)
            except OverflowError:
                return math.inf
        return math.inf

    def _refuse(self, cells: Sequence[Any], first_row: int) -> None:
        """Say what is wrong with the cells that are."""
        do = f"mend the cells, leave them empty, or say --feature {self.column}=category"

        def is_word(cell: Any) -> bool:
            return isinstance(cell, str) and parse(cell, self.decimal) is None

        refuse(self, cells, is_word, first_row, "holds numbers, but some cells are words", do)
        kinds = [type(cell).__name__ for cell in map(plain, cells) if _is_other(cell)]
        if kinds:
            refuse(self, cells, _is_other, first_row, f"holds numbers, but came as {kinds[0]}", do)
        refuse(self, cells, self._is_infinite, first_row, "holds infinite numbers", "leave such cells empty")
        do = "change the unit, or leave such cells empty"
        refuse(self, cells, self._is_huge, first_row, "holds numbers above 1e38", do)
        raise AssertionError("a cell was bad, and is not any more")

    def _is_infinite(self, cell: Any) -> bool:
        number = parse(cell, self.decimal) if isinstance(cell, str) else cell
        return not isinstance(number, int) and number is not None and math.isinf(number)

    def _is_huge(self, cell: Any) -> bool:
        number = self._number(cell)
        return number is not None and abs(number) > MOST

    # --- the scale ----------------------------------------------------------------------------------------------------

    def _scaled(self, raw: float) -> float:
        """As :meth:`scale`, of one value, in the range of a float32."""
        if self.is_ranked:
            values, ranks = self.values, self.ranks
            last = len(values) - 1
            if last < 1:
                return 0.0
            place = bisect_right(values, raw) - 1
            if place < 0:
                return ranks[0]
            if place >= last:
                return ranks[last]
            # As numpy.interp has it, step by step, so that the same bits come out.
            low, rank = values[place], ranks[place]
            scaled = (ranks[place + 1] - rank) / (values[place + 1] - low) * (raw - low) + rank
            return rank if raw == low else min(max(scaled, -LARGEST), LARGEST)
        if self.root:
            raw = math.sqrt(raw) if raw > 0 else 0.0
        return min(max((raw - self.centre) / self.width, -LARGEST), LARGEST)

    def scale(self, raw: np.ndarray) -> np.ndarray:
        """Values as a network sees them: float64 of any shape -> the same."""
        if self.is_ranked:
            return np.interp(raw, self.values, self.ranks) if len(self.values) > 1 else np.zeros_like(raw)
        if self.root:
            raw = np.sqrt(np.maximum(raw, 0.0))
        scaled: np.ndarray = (raw - self.centre) / self.width
        return scaled

    def unscale(self, scaled: np.ndarray) -> np.ndarray:
        """What :meth:`scale` gave as values again."""
        scaled = scaled.astype(np.float64)
        if self.is_ranked:
            return np.interp(scaled, self.ranks, self.values)
        raw = scaled * self.width + self.centre
        return np.maximum(raw, 0.0) ** 2 if self.root else raw

    def arrays(self, raw: np.ndarray, missing: np.ndarray) -> dict[str, np.ndarray]:
        """Whole columns at once.

        Args:
            raw: (n,) float64, the median where a cell is missing.
            missing: (n,) bool.

        Returns:
            What :meth:`encode` gives.
        """
        scaled = np.clip(self.scale(raw), -LARGEST, LARGEST).astype(np.float32)
        arrays: dict[str, np.ndarray] = {"number": scaled[:, None]}
        if self.has_missing:
            arrays["flag"] = missing.astype(np.uint8)[:, None]
        if self.codes:
            codes = np.array(self.codes)
            place = np.minimum(np.searchsorted(codes, raw), len(codes) - 1)
            known = (codes[place] == raw) & ~missing
            arrays["category"] = np.where(known, place + 1, 0).astype(np.int32)[:, None]  # 0: any other value
        return arrays
