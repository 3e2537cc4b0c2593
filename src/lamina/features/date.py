"""Dates and times, with or without a zone."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from typing import Any, ClassVar, Self

import numpy as np
import polars as pl

from lamina.codecs.date import PERIODS, DateCodec
from lamina.codecs.moment import DAY, FORMATS, formats
from lamina.config import setting, settings
from lamina.features.base import Claim, Feature, Profile, Slot, blank_to_null, refuse
from lamina.features.number import Number

__all__ = ["Date", "DateSettings", "DateState"]

# How the position within a part that comes round is read from a moment, from 0 to 1.
_POSITIONS: dict[str, Callable[[pl.Series], pl.Series]] = {
    "time of day": lambda when: when.dt.hour() / 24 + when.dt.minute() / 1440 + when.dt.second() / DAY,
    "day of week": lambda when: (when.dt.weekday() - 1) / 7,
    "day of year": lambda when: (when.dt.ordinal_day() - 1) / 365.25,
}


@settings
class DateSettings:
    """How dates are read."""

    format: str = setting("", "strftime format of text cells; empty: found out from the first cells.")


@dataclasses.dataclass
class DateState:
    """What was learned: the moments' own scale, in days since 1970, and which cycles they go through."""

    days: dict[str, Any]
    cycles: list[str]
    format: str


class Date(Feature):
    """A moment. A ``number`` slot for the time passed, two (sine and cosine) for each cycle that training rows show.

    Moments with a zone are brought to UTC; those without are taken as they stand.

    Example:
        >>> feature = Date("day")
        >>> cells = feature.read(pl.Series(["2024-01-01", "2024-03-01"]))
        >>> [slot.part for slot in feature.fit(cells).slots][:2]
        ['value', 'day of week sine']
    """

    kind: ClassVar[str] = "date"
    Settings = DateSettings
    State = DateState

    @classmethod
    def recognise(cls, profile: Profile) -> Claim | None:
        values = profile.values
        if values.dtype in (pl.Date, pl.Datetime):
            return Claim(0.95, f"{values.dtype} values")
        if values.dtype != pl.String or profile.present < 2 or not _looks_dated(values):
            return None
        few = values.drop_nulls().head(20)
        likely = [fmt for fmt in formats() if 2 * _strptime(few, fmt).null_count() <= len(few)]
        moments = {fmt: _strptime(values, fmt) for fmt in likely}
        bad = {fmt: when.null_count() - values.null_count() for fmt, when in moments.items()}
        # A few other words among dates are faults to be shown with their rows, as they are among numbers.
        if not bad or min(bad.values()) > min(max(10, profile.present // 1000), profile.present // 10):
            return None
        best = min(bad, key=lambda fmt: bad[fmt])
        # With %H:%M:%S, %H:%M:%S%.f reads the same moments; a format that reads others is worth a word.
        others = [fmt for fmt in bad if bad[fmt] == bad[best] and not _same(moments[fmt], moments[best])]
        other = f"; {others[0]} reads them too, as other days" if others else ""
        cells = "all cells" if not bad[best] else f"{profile.present - bad[best]} of {profile.present} cells"
        return Claim(0.9, f"{cells} read as {best}{other}", {"format": best})

    def read(self, values: pl.Series, first_row: int = 0) -> pl.Series:
        values = blank_to_null(values)
        do = f"mend the cells, leave them empty, or give the format: features.{self.column}.format"
        if values.dtype == pl.String:
            fmt = self._format(values)
            moments = _strptime(values, fmt)
            refuse(self, values, moments.is_null() & values.is_not_null(), first_row, f"is no date of form {fmt}", do)
        elif values.dtype in (pl.Date, pl.Datetime):
            moments = values
        else:
            refuse(self, values, values.is_not_null(), first_row, f"holds dates, but came as {values.dtype}", do)
            return pl.Series(values.name, [None] * len(values), dtype=pl.Datetime("us"))
        if isinstance(moments.dtype, pl.Datetime) and moments.dtype.time_zone:
            moments = moments.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
        return moments.cast(pl.Datetime("us"))

    def _format(self, values: pl.Series) -> str:
        """The format of text cells: the given one, or else what reads the first cells, now and ever after."""
        if self.settings.format:
            return self.settings.format
        if isinstance(self.state, DateState) and self.state.format:
            return self.state.format
        found = getattr(self, "_found", None) or next(
            (fmt for fmt in formats() if _strptime(values, fmt).null_count() == values.null_count()), FORMATS[0]
        )
        # The same cell must not be another day in another batch.
        if values.null_count() < len(values):
            self._found = found
        return found

    def partial_fit(self, values: pl.Series) -> Self:
        if self.state is None:
            self._days = Number(self.column)
            self.state = {name: set() for name in PERIODS}
        self._days.partial_fit(_days(values))
        for name, position in _POSITIONS.items():
            # A few different positions are enough to know that the cycle is gone through.
            if len(self.state[name]) < 3:
                self.state[name].update(position(values.drop_nulls()).round(3).unique().to_list()[:3])
        return self

    def finish(self) -> Self:
        seen = {name: len(positions) > 1 for name, positions in self.state.items()}
        days = dataclasses.asdict(self._days.finish().state)
        span = days["high"] - days["low"]
        # The season can only be learned from rows that cover most of a year.
        cycles = [name for name, period in PERIODS.items() if seen[name] and span >= 0.75 * min(period, 300)]
        self.state = DateState(days, cycles, self.settings.format or getattr(self, "_found", ""))
        return self

    @property
    def _scale(self) -> Number:
        number = Number(self.column)
        number.state = Number.State(**self.state.days)
        return number

    @property
    def slots(self) -> list[Slot]:
        first, *missing = self._scale.slots
        slots = [first]
        for name in self.state.cycles:
            for wave, function in (("sine", np.sin), ("cosine", np.cos)):
                knots = np.sort(function(np.linspace(0, 2 * np.pi, 257)))
                slots.append(Slot(self.column, f"{name} {wave}", "number", knots=tuple(knots.tolist())))
        return slots + missing

    def encode(self, values: pl.Series) -> dict[str, np.ndarray]:
        arrays = self._scale.encode(_days(values))
        columns = [arrays["number"][:, 0]]
        for name in self.state.cycles:
            position = _POSITIONS[name](values).fill_null(0.0).to_numpy() * 2 * np.pi
            columns += [np.sin(position), np.cos(position)]
        arrays["number"] = np.stack(columns, axis=1).astype(np.float32)
        return arrays

    def decode(self, encoded: np.ndarray) -> pl.Series:
        days = self._scale.decode(encoded)
        return (days * DAY * 1e6).round().cast(pl.Int64).cast(pl.Datetime("us")).alias(self.column)

    def codec(self) -> DateCodec:
        state = self.state
        return DateCodec(self.column, self.settings.format or state.format, self._scale.codec().to_json(), state.cycles)

    def summary(self) -> dict[str, Any]:
        low, high = (str(self._moment(self.state.days[end])) for end in ("low", "high"))
        return {"from": low, "to": high, "cycles": self.state.cycles}

    def _moment(self, days: float) -> Any:
        return pl.Series([round(days * DAY * 1e6)]).cast(pl.Datetime("us"))[0]


def _days(moments: pl.Series) -> pl.Series:
    return moments.cast(pl.Datetime("us")).cast(pl.Int64).cast(pl.Float64) / (DAY * 1e6)


def _looks_dated(values: pl.Series) -> bool:
    """A cheap look before fifty formats are tried: digits, a separator or eight digits, not too long."""
    sample = values.drop_nulls().head(20)
    dated = sample.str.contains(r"^\d{8}(T|$)|\d[-/ ]|\d\.\d{1,2}\.|[A-Za-z]{3,9} \d") & (sample.str.len_chars() <= 40)
    return 2 * int(dated.sum()) >= len(sample)


def _same(one: pl.Series, other: pl.Series) -> bool:
    return bool((one.dt.replace_time_zone(None) == other.dt.replace_time_zone(None)).all())


def _strptime(values: pl.Series, fmt: str) -> pl.Series:
    """Text as moments, null where it is none. A date alone is midnight."""
    if re.search("%[:#]*z", fmt):
        return values.str.replace(r"Z$", "+00:00").str.strptime(pl.Datetime("us", "UTC"), fmt, strict=False)
    return values.str.strptime(pl.Datetime("us"), fmt, strict=False)
