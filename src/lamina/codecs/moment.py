"""Text as moments, by formats as chrono has them, which polars reads whole columns with."""

from __future__ import annotations

import calendar
import datetime
import functools
import re
from collections.abc import Callable

from lamina.codecs.base import BLANKS
from lamina.errors import DataError

__all__ = ["DAY", "FORMATS", "TIMES", "ZONES", "day_of_year", "formats", "micros_of", "moment_parser"]

# Tried in this order; a format must read every cell of the sample. Day before month and month before day are both
# tried, and where both read every cell the evidence says so.
FORMATS = (
    "%Y-%m-%d",
    "%Y/%m/%d",
    "%d.%m.%Y",
    "%m/%d/%Y",
    "%d/%m/%Y",
    "%d-%m-%Y",
    "%Y%m%d",
    "%d %b %Y",
    "%b %d, %Y",
    "%d %B %Y",
    "%B %d, %Y",
)
TIMES = ("", " %H:%M", " %H:%M:%S", " %H:%M:%S%.f", "T%H:%M", "T%H:%M:%S", "T%H:%M:%S%.f")
ZONES = ("", "%#z")
DAY = 86_400.0  # seconds

Parser = Callable[[str], "int | None"]

_EPOCH = datetime.datetime(1970, 1, 1)
_YEARS = 262_142  # that a moment may have, before and after
_MONTHS = [calendar.month_name[month].lower() for month in range(1, 13)]
_WEEKDAYS = [calendar.day_name[day].lower() for day in range(7)]


def formats() -> list[str]:
    """Every format that is tried where none is given."""
    return [date + time + zone for date in FORMATS for time in TIMES for zone in (ZONES if time else ("",))]


def _names(names: list[str]) -> str:
    """By their first three letters, or whole."""
    return "|".join(f"{name[:3]}(?:{name[3:]})?" for name in names)


# What each part of a format reads. Numbers take as many digits as they may, and blanks before them are passed by.
_GAP = f"[{BLANKS}]*+"
_TWO = "[0-9]{1,2}+"
_OFFSET = rf"{_GAP}(?P<sign>[+\-\u2212])(?P<zone_hour>[0-9]{{2}})[:{BLANKS}]*+"
_PARTS = {
    "Y": rf"{_GAP}(?P<year>[+-][0-9]++|[0-9]{{1,4}}+)",
    "y": f"{_GAP}(?P<short_year>{_TWO})",
    "m": f"{_GAP}(?P<month>{_TWO})",
    "d": f"{_GAP}(?P<day>{_TWO})",
    "j": f"{_GAP}(?P<ordinal>[0-9]{{1,3}}+)",
    "H": f"{_GAP}(?P<hour>{_TWO})",
    "I": f"{_GAP}(?P<half>{_TWO})",
    "M": f"{_GAP}(?P<minute>{_TWO})",
    "S": f"{_GAP}(?P<second>{_TWO})",
    "p": "(?P<noon>(?i:[ap]m))",
    "b": f"(?P<name>(?i:{'|'.join(name[:3] for name in _MONTHS)}))",
    "B": f"(?P<name>(?>(?i:{_names(_MONTHS)})))",
    "a": f"(?P<weekday>(?i:{'|'.join(name[:3] for name in _WEEKDAYS)}))",
    "A": f"(?P<weekday>(?>(?i:{_names(_WEEKDAYS)})))",
    "f": rf"{_GAP}(?P<nanos>[0-9]{{1,9}}+)",
    ".f": r"(?:\.(?P<part>[0-9]++))?+",
    **{f".{digits}f": rf"(?:\.(?P<part>[0-9]{{{digits}}}))?+" for digits in (3, 6, 9)},
    **{f"{digits}f": rf"(?P<part>[0-9]{{{digits}}})" for digits in (3, 6, 9)},
    "z": rf"(?:{_OFFSET}(?P<zone_minute>[0-5][0-9])|{_GAP}(?P<zulu>Z)\Z)",
    "#z": rf"(?:{_OFFSET}(?P<zone_minute>[0-5][0-9])?+|{_GAP}(?P<zulu>[Zz]))",
    "n": _GAP,
    "t": _GAP,
    "%": "%",
}
_PARTS |= {"e": _PARTS["d"], "h": _PARTS["b"], "k": _PARTS["H"], "l": _PARTS["I"], "P": _PARTS["p"], ":z": _PARTS["z"]}
_LONG = {"%T": "%H:%M:%S", "%R": "%H:%M", "%F": "%Y-%m-%d", "%D": "%m/%d/%y", "%x": "%m/%d/%y", "%X": "%H:%M:%S"}
_DATES: tuple[set[str], ...] = ({"year", "month", "day"}, {"year", "name", "day"}, {"short_year", "month", "day"})
_DATES += ({"short_year", "name", "day"}, {"year", "ordinal"}, {"short_year", "ordinal"})
_TIMES: tuple[set[str], ...] = (set(), {"hour", "minute"}, {"half", "noon", "minute"})


@functools.lru_cache(maxsize=256)
def moment_parser(fmt: str) -> Parser:
    """What reads text of a format: microseconds since 1970, in UTC where it has a zone; None where it is no such text.

    Raises:
        DataError: if the format says no whole day, or has a part that is not read here.

    Example:
        >>> moment_parser("%Y-%m-%dT%H:%M%#z")("1970-01-02T01:00+01:00")
        86400000000
    """
    for short, long in _LONG.items():
        fmt = fmt.replace(short, long)
    pattern = "".join(_read_part(part, fmt) for part in re.findall(r"%[-_0]?[.:#]?[0-9]?.|[^%]", fmt, re.DOTALL))
    try:
        match = re.compile(pattern).fullmatch
    except re.error:  # a part stands twice
        raise _unread(fmt, "a part that stands twice") from None
    groups = set(re.compile(pattern).groupindex)
    date = groups & {"year", "short_year", "month", "name", "day", "ordinal"}
    time = groups & {"hour", "half", "noon", "minute"}
    if date not in _DATES or time not in _TIMES or (not time and groups & {"second", "nanos", "part", "sign"}):
        raise _unread(fmt, "no whole day, or no whole time")
    return lambda text: _moment(found.groupdict()) if (found := match(text)) else None


def _read_part(part: str, fmt: str) -> str:
    if part.startswith("%"):
        name = part[1:].lstrip("-_") if len(part) > 2 else part[1:]
        if name not in _PARTS:
            raise _unread(fmt, part)
        return _PARTS[name]
    return _GAP if part in BLANKS else re.escape(part)


def _unread(fmt: str, got: str) -> DataError:
    return DataError(
        f"dates of the form {fmt} cannot be read outside of training", got=got, do="give a plain format, as %Y-%m-%d"
    )


def _moment(found: dict[str, str | None]) -> int | None:
    """Microseconds since 1970 from the parts of a text; None where there is no such day or time."""
    day = _day(found)
    hour, minute, second = (int(found.get(name) or 0) for name in ("hour", "minute", "second"))
    if half := found.get("half"):
        if not 1 <= int(half) <= 12:
            return None
        hour = int(half) % 12 + (12 if (found["noon"] or "").lower() == "pm" else 0)
    if day is None or hour > 23 or minute > 59 or second > 60:  # 60 is a leap second
        return None
    if offset := found.get("sign"):
        hours, minutes = int(found["zone_hour"] or 0), int(found["zone_minute"] or 0)
        if hours > 23:
            return None
        minute -= (60 * hours + minutes) * (1 if offset == "+" else -1)
    part, nanos = found.get("part"), found.get("nanos")
    micros = int((part or "").ljust(6, "0")[:6]) if nanos is None else int(nanos) // 1000
    return (((day * 24 + hour) * 60 + minute) * 60 + second) * 1_000_000 + micros


def _day(found: dict[str, str | None]) -> int | None:
    """Days since 1970; None where there is no such day."""
    if (short := found.get("short_year")) is not None:
        year = int(short) + (1900 if int(short) >= 70 else 2000)
    else:
        year = int(found["year"] or 0)
    if abs(year) > _YEARS:
        return None
    if (ordinal := found.get("ordinal")) is not None:
        if not 1 <= int(ordinal) <= 365 + calendar.isleap(year):
            return None
        day = _first_day(year) + int(ordinal) - 1
    else:
        name = found.get("name")
        month = int(found["month"] or 0) if name is None else _place(name, _MONTHS) + 1
        of_month = int(found["day"] or 0)
        if not 1 <= month <= 12 or not 1 <= of_month <= _length(year, month):
            return None
        day = _first_day(year) + sum(_length(year, before) for before in range(1, month)) + of_month - 1
    weekday = found.get("weekday")
    return day if weekday is None or _place(weekday, _WEEKDAYS) == (day + 3) % 7 else None


def _place(name: str, names: list[str]) -> int:
    return next(place for place, known in enumerate(names) if known.startswith(name[:3].lower()))


def _length(year: int, month: int) -> int:
    """Days of a month."""
    return 28 + calendar.isleap(year) if month == 2 else 30 if month in (4, 6, 9, 11) else 31


def _first_day(year: int) -> int:
    """Days from 1970 to the first of January, by the Gregorian calendar without end."""
    before = year - 1
    return before * 365 + before // 4 - before // 100 + before // 400 - 719_162


def day_of_year(day: int) -> int:
    """How many days since 1970 are after the first of January of their year."""
    year = 1970 + day * 400 // 146_097
    year -= _first_day(year) > day
    year += _first_day(year + 1) <= day
    return day - _first_day(year)


def micros_of(moment: datetime.date) -> int:
    """Microseconds since 1970 of a date (its midnight) or a moment, which is brought to UTC where it has a zone.

    Example:
        >>> micros_of(datetime.date(1970, 1, 2))
        86400000000
    """
    if not isinstance(moment, datetime.datetime):
        return (moment.toordinal() - _EPOCH.toordinal()) * 86_400_000_000
    if moment.tzinfo is not None:
        moment = moment.replace(tzinfo=None) - (moment.utcoffset() or datetime.timedelta())
    return (moment - _EPOCH) // datetime.timedelta(microseconds=1)
