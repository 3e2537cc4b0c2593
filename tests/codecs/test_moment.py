"""Text of dates is read as polars reads it, whatever the format, and whatever the text."""

from __future__ import annotations

import datetime
import re

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lamina.codecs.date import DateCodec
from lamina.codecs.moment import day_of_year, formats, micros_of, moment_parser
from lamina.codecs.number import NumberCodec
from lamina.errors import DataError

MORE = [
    *("%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%d %H:%M:%S%:z", "%Y-%m-%d %I:%M %p", "%a, %d %b %Y", "%A %d %B %Y", "%Y-%j"),
    *("%d/%m/%y", "%Y-%m-%dT%H:%M:%S%.3f", "%F %T", "%e.%m.%Y", "%-d/%-m/%Y", "%y%m%d", "100%% %Y-%m-%d"),
]
MOMENTS = st.datetimes(datetime.datetime(1000, 1, 1), datetime.datetime(9999, 12, 31))
SLIPS = st.lists(st.tuples(st.integers(0, 30), st.sampled_from("0123456789 -:/.TZz+,\u2003aJ")), max_size=3)


def by_polars(cells: list[str], fmt: str) -> list[int | None]:
    texts = pl.Series(cells)
    if re.search("%[:#]*z", fmt):
        moments = texts.str.replace(r"Z$", "+00:00").str.strptime(pl.Datetime("us", "UTC"), fmt, strict=False)
    else:
        moments = texts.str.strptime(pl.Datetime("us"), fmt, strict=False)
    return moments.dt.replace_time_zone(None).cast(pl.Int64).to_list()


def written(moment: datetime.datetime, fmt: str) -> str:
    for ours, theirs in (("%.f", ".%f"), ("%.3f", ".123"), ("%#z", "+01:30"), ("%:z", "-0200"), ("%z", "+0530")):
        fmt = fmt.replace(ours, theirs)
    return moment.strftime(fmt.replace("%-", "%").replace("%e", "%d").replace("%F", "%Y-%m-%d").replace("%T", "%X"))


@given(fmt=st.sampled_from([*formats(), *MORE]), moments=st.lists(st.tuples(MOMENTS, SLIPS), min_size=5, max_size=30))
@settings(max_examples=150)
def test_as_polars_reads_it(fmt: str, moments: list[tuple[datetime.datetime, list[tuple[int, str]]]]) -> None:
    texts = [written(moment, fmt) for moment, _ in moments]
    for text, (_, slips) in zip(list(texts), moments, strict=True):
        for place, letter in slips:
            text = text[:place] + letter + text[place + 1 :] if place % 2 else text[:place] + letter + text[place:]
        # Two cells that polars reads amiss: a year before ours without dashes, and a year of a digit and a mark.
        if not text.startswith("-") and not ("%y" in fmt and re.search(r"\d\D\Z", text)):
            texts.append(text)
    assert [moment_parser(fmt)(text) for text in texts] == by_polars(texts, fmt)


@pytest.mark.parametrize(
    ("text", "fmt", "seconds"),
    [
        ("1970-01-01 23:59:60", "%Y-%m-%d %H:%M:%S", 86_400),
        ("1970-01-02T00:00Z", "%Y-%m-%dT%H:%M%#z", 86_400),
        ("1970-01-02T01+01", "%Y-%m-%dT%H%#z", None),
        ("2 JANUARY 1970", "%d %B %Y", 86_400),
        ("12:30 am 1.1.70", "%I:%M %p %d.%m.%y", 1800),
        ("1970-366", "%Y-%j", None),
        ("1972-02-30", "%Y-%m-%d", None),
        ("1900-02-29", "%Y-%m-%d", None),
        ("Wed, 1 Jan 1970", "%a, %d %b %Y", None),
    ],
)
def test_edges(text: str, fmt: str, seconds: int | None) -> None:
    if "T%H%" in fmt:
        with pytest.raises(DataError, match="cannot be read outside of training"):
            moment_parser(fmt)
    else:
        assert moment_parser(fmt)(text) == (None if seconds is None else seconds * 1_000_000)


@pytest.mark.parametrize("fmt", ["%Y-%m", "%H:%M", "%Q", "%Y-%m-%d %Y", "%G-%V-%u", "%s", "%Y-%m-%d %H"])
def test_formats_that_are_not_read_are_refused_at_once(fmt: str) -> None:
    with pytest.raises(DataError, match="cannot be read outside of training"):
        moment_parser(fmt)


@given(st.dates(datetime.date(1, 1, 1)))
def test_days_of_the_year(day: datetime.date) -> None:
    assert day_of_year(micros_of(day) // 86_400_000_000) == day.timetuple().tm_yday - 1


def test_moments_with_a_zone_are_brought_to_utc() -> None:
    zone = datetime.timezone(datetime.timedelta(hours=2))
    assert micros_of(datetime.datetime(1970, 1, 1, 3, tzinfo=zone)) == 3_600_000_000


def test_rows_mean_the_same_in_whatever_order_they_come() -> None:
    """Where training saw no text, nothing of a first request stays for the next."""
    days = NumberCodec("day", ".", False, [], [], False, 0.0, 1.0, 0.0, False, []).to_json()
    codec = DateCodec("day", "", days, [])
    first = codec.encode(["01/02/1970"])["number"].tolist()
    assert codec.encode(["13/02/1970"])["number"].tolist() == [[43.0]]
    assert codec.encode(["01/02/1970"])["number"].tolist() == first == [[1.0]]
    assert codec.encode(["1970-01-05T12:00:00Z", None])["number"].tolist() == [[4.5], [0.0]]
