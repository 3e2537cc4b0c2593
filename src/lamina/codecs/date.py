"""Dates and times: moments to the time passed, and to their places in the day, the week and the year."""

from __future__ import annotations

import dataclasses
import datetime
import math
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np

from lamina.codecs.base import Codec, plain, refuse
from lamina.codecs.moment import DAY, FORMATS, Parser, day_of_year, formats, micros_of, moment_parser
from lamina.codecs.number import NumberCodec

__all__ = ["PERIODS", "DateCodec"]

# Parts that come round, and their periods in days.
PERIODS = {"time of day": 1.0, "day of week": 7.0, "day of year": 365.25}

_MICROS = 86_400_000_000  # of a day


def _time_of_day(micros: int) -> float:
    second = micros % _MICROS // 1_000_000
    return second // 3600 / 24 + second // 60 % 60 / 1440 + second % 60 / DAY


# The position within each of them, from 0 to 1.
_POSITIONS: dict[str, Callable[[int], float]] = {
    "time of day": _time_of_day,
    "day of week": lambda micros: (micros // _MICROS + 3) % 7 / 7,
    "day of year": lambda micros: day_of_year(micros // _MICROS) / 365.25,
}


def _is_other(cell: Any) -> bool:
    return not (cell is None or isinstance(cell, (str, datetime.date)))


@dataclasses.dataclass
class DateCodec(Codec):
    """A moment: a ``number`` slot for the time passed, two (sine and cosine) for each cycle, and those of its scale.

    Attributes:
        format: of text cells; nothing: that which reads all cells that come together.
        days: the scale of the days since 1970, as a number's codec is written.
        cycles: names of those that training rows go through.

    Example:
        >>> days = NumberCodec("day", ".", False, [], [], False, 0.0, 1.0, 0.0, False, []).to_json()
        >>> DateCodec("day", "%Y-%m-%d", days, []).encode(["1970-01-03"])["number"].tolist()
        [[2.0]]
    """

    kind: ClassVar[str] = "date"
    column: str
    format: str
    days: dict[str, Any]
    cycles: list[str]

    def __post_init__(self) -> None:
        self._days = NumberCodec.from_json(self.days)
        self._positions = [_POSITIONS[name] for name in self.cycles]
        self._parser = moment_parser(self.format) if self.format else None

    def encode(self, cells: Sequence[Any], first_row: int = 0) -> dict[str, np.ndarray]:
        moments = self.read(cells, first_row)
        passed = [None if moment is None else float(moment) / (DAY * 1e6) for moment in moments]
        arrays = self._days.encode(passed)
        if self._positions:
            rows = [self._waves(moment) for moment in moments]
            waves = np.array(rows, np.float32).reshape(len(rows), 2 * len(self._positions))
            arrays["number"] = np.concatenate([arrays["number"], waves], axis=1)
        return arrays

    def _waves(self, moment: int | None) -> list[float]:
        """Sine and cosine of the position in each cycle; of a missing moment those of its start."""
        found = []
        for position in self._positions:
            angle = 0.0 if moment is None else position(moment) * 2 * math.pi
            found += [math.sin(angle), math.cos(angle)]
        return found

    def read(self, cells: Sequence[Any], first_row: int = 0) -> list[int | None]:
        """Check n cells: each in microseconds since 1970, None where it is missing."""
        given = [plain(cell) for cell in cells]
        texts = [cell for cell in given if isinstance(cell, str)]
        do = f"mend the cells, leave them empty, or give the format: features.{self.column}.format"
        if kinds := [type(cell).__name__ for cell in given if _is_other(cell)]:
            refuse(self, cells, _is_other, first_row, f"holds dates, but came as {kinds[0]}", do)
        fmt, parse = self._format(texts)
        found = [parse(cell) if isinstance(cell, str) else cell if cell is None else micros_of(cell) for cell in given]
        if len(texts) and any(moment is None and cell is not None for moment, cell in zip(found, given, strict=True)):

            def is_bad(cell: Any) -> bool:
                return isinstance(cell, str) and parse(cell) is None

            refuse(self, cells, is_bad, first_row, f"is no date of form {fmt}", do)
        return found

    def _format(self, texts: Sequence[str]) -> tuple[str, Parser]:
        """The format of text cells, and what reads it. Where training saw no text, that which reads them all: nothing
        is kept from one call to the next, so that rows mean the same in whatever order they come."""
        if self._parser is not None:
            return self.format, self._parser
        if not texts:
            return FORMATS[0], moment_parser(FORMATS[0])
        for fmt in formats():
            parse = moment_parser(fmt)
            if all(parse(text) is not None for text in texts):
                return fmt, parse
        return FORMATS[0], moment_parser(FORMATS[0])
