"""Dates: formats, zones, cycles, and that a cell is the same day in every batch."""

from __future__ import annotations

import datetime as dt
import json

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lamina.codecs.moment import FORMATS, TIMES
from lamina.errors import DataError
from lamina.features.base import Profile
from lamina.features.date import Date, DateSettings
from lamina.testing import same

MOMENT = dt.datetime(2024, 3, 5, 14, 30, 15, 250_000)
SOME = pl.Series([MOMENT, dt.datetime(2023, 12, 31)], dtype=pl.Datetime("us"))


def days(start: dt.date, count: int, step: str = "1d") -> pl.Series:
    first = dt.datetime.combine(start, dt.time())
    return pl.datetime_range(first, first + dt.timedelta(days=1000), step, eager=True)[:count]


def parts(cells: pl.Series) -> list[str]:
    return [slot.part for slot in Date("d").fit(Date("d").read(cells)).slots]


@pytest.mark.parametrize("date", FORMATS)
@pytest.mark.parametrize("time", TIMES)
def test_every_format_is_found_and_read(date: str, time: str) -> None:
    form = date + time
    text = SOME.dt.strftime(form)
    claim = Date.recognise(Profile("d", text, 2, 2))
    assert claim is not None
    assert claim.strength >= 0.9
    read = Date("d", DateSettings(format=form)).read(text)
    assert read.dt.strftime(form).to_list() == text.to_list()
    assert Date("d", DateSettings(**claim.settings)).read(text).dt.date().to_list()[1:] == [SOME.dt.date()[1]]


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2024-03-05T14:30:15Z", dt.datetime(2024, 3, 5, 14, 30, 15)),
        ("2024-03-05T14:30:15+02:00", dt.datetime(2024, 3, 5, 12, 30, 15)),
        ("2024-03-05 14:30:15-0530", dt.datetime(2024, 3, 5, 20, 0, 15)),
        ("2024-03-05T14:30:15.250Z", dt.datetime(2024, 3, 5, 14, 30, 15, 250_000)),
        ("2024-03-05T14:30", dt.datetime(2024, 3, 5, 14, 30)),
        ("05.03.2024", dt.datetime(2024, 3, 5)),
        ("20240305", dt.datetime(2024, 3, 5)),
        ("5 Mar 2024", dt.datetime(2024, 3, 5)),
        ("March 5, 2024", dt.datetime(2024, 3, 5)),
    ],
)
def test_text_is_brought_to_utc_or_taken_as_it_stands(text: str, moment: dt.datetime) -> None:
    assert Date("d").read(pl.Series([text])).to_list() == [moment]


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("%m/%d/%Y %I:%M:%S %p", "03/05/2024 02:30:15 PM"),
        ("%Y-%m-%d %H:%M:%S%z", "2024-03-05 16:30:15+0200"),
        ("%F %T", "2024-03-05 14:30:15"),
    ],
)
def test_a_given_format_may_be_any_of_strftime(form: str, text: str) -> None:
    read = Date("d", DateSettings(format=form)).read(pl.Series([text]))
    assert read.to_list() == [MOMENT.replace(microsecond=0)]


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "UTC", "Asia/Tokyo"])
def test_native_moments_of_every_unit_and_zone(unit: str, zone: str | None) -> None:
    cells = SOME.dt.replace_time_zone("UTC")
    cells = cells.dt.convert_time_zone(zone) if zone else cells.dt.replace_time_zone(None)
    read = Date("d").read(cells.dt.cast_time_unit(unit))
    assert read.dtype == pl.Datetime("us")
    assert read.to_list() == SOME.to_list()


def test_both_orders_of_day_and_month_are_said() -> None:
    cells = pl.Series(["01/02/2024", "03/04/2024"])
    claim = Date.recognise(Profile("d", cells, 2, 2))
    assert claim is not None
    assert claim.evidence == "all cells read as %m/%d/%Y; %d/%m/%Y reads them too, as other days"
    claim = Date.recognise(Profile("d", pl.Series(["13/02/2024", "03/04/2024"]), 2, 2))
    assert claim is not None
    assert claim.evidence == "all cells read as %d/%m/%Y"


def test_the_format_of_the_first_cells_holds_for_all_that_follow() -> None:
    feature = Date("d")
    feature.partial_fit(feature.read(pl.Series([None, ""], dtype=pl.String)))
    feature.partial_fit(feature.read(pl.Series(["13/02/2024"])))
    feature.partial_fit(feature.read(pl.Series(["01/02/2024"])))
    feature.finish()
    again = Date.from_json(json.loads(json.dumps(feature.to_json())))
    for one in (feature, again):
        assert one.read(pl.Series(["01/02/2024"])).dt.month().to_list() == [2]
        with pytest.raises(DataError, match="is no date of form %d/%m/%Y"):
            one.read(pl.Series(["01/13/2024"]))


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (pl.Series(["2024-01-01", "soon", "2024-02-30"]), r"'d' is no date of form .* row\(s\) 11, 12 "),
        (pl.Series([None, 3]), r"'d' holds dates, but came as Int64 · got 3 in 1 cell\(s\), row\(s\) 11 "),
        (pl.Series([None, "0000-00-00"]), r"row\(s\) 11 .* features\.d\.format"),
    ],
)
def test_what_is_no_date_is_named_with_its_rows(cells: pl.Series, message: str) -> None:
    with pytest.raises(DataError, match=message):
        Date("d").read(cells, first_row=10)


def test_cycles_are_those_that_the_rows_go_through() -> None:
    start = dt.date(2023, 1, 1)
    waves = [f"{name} {wave}" for name in ("time of day", "day of week", "day of year") for wave in ("sine", "cosine")]
    assert parts(days(start, 1)) == ["value"]
    assert parts(days(start, 1000, "1h"))[:5] == ["value", *waves[:4]]
    assert parts(days(start, 30)) == ["value", *waves[2:4]]
    assert parts(days(start, 400)) == ["value", *waves[2:]]
    assert parts(days(start, 40, "7d")) == ["value", *waves[4:]]


def test_a_cycle_comes_round() -> None:
    feature = Date("d").fit(days(dt.date(2023, 1, 1), 30))
    arrays = feature.encode(days(dt.date(2023, 1, 2), 8))["number"]
    assert arrays.shape == (8, 3)
    assert arrays[0, 1:].tolist() == arrays[7, 1:].tolist(), "a Monday, and the next"
    assert arrays[0, 1:].tolist() == [0.0, 1.0], "Monday is the start of the week"
    assert np.allclose((arrays[:, 1:] ** 2).sum(axis=1), 1)


def test_missing_days_are_flagged_and_stand_at_the_median() -> None:
    cells = pl.concat([days(dt.date(2023, 1, 1), 9), pl.Series([None], dtype=pl.Datetime("us"))])
    feature = Date("d").fit(cells)
    arrays = feature.encode(pl.Series([None, dt.datetime(2023, 1, 5)], dtype=pl.Datetime("us")))
    assert arrays["flag"].tolist() == [[1], [0]]
    assert arrays["number"][0, 0] == arrays["number"][1, 0]


def test_summary_is_for_people() -> None:
    summary = Date("d").fit(days(dt.date(2023, 1, 1), 400)).summary()
    assert summary == {
        "from": "2023-01-01 00:00:00",
        "to": "2024-02-04 00:00:00",
        "cycles": ["day of week", "day of year"],
    }


MOMENTS = st.datetimes(dt.datetime(1, 1, 1), dt.datetime(9999, 12, 31))


@given(st.lists(MOMENTS, min_size=1, max_size=20))
def test_iso_text_is_read_to_the_microsecond(moments: list[dt.datetime]) -> None:
    text = pl.Series([moment.isoformat(timespec="microseconds") for moment in moments])
    assert Date("d").read(text).to_list() == moments


@given(st.lists(st.none() | MOMENTS, max_size=20), st.lists(MOMENTS, min_size=1, max_size=5))
def test_encoding_is_finite_and_survives_json(learned: list[dt.datetime | None], other: list[dt.datetime]) -> None:
    feature = Date("d").fit(pl.Series(learned, dtype=pl.Datetime("us")))
    again = Date.from_json(json.loads(json.dumps(feature.to_json(), allow_nan=False)))
    arrays = feature.encode(pl.Series(other, dtype=pl.Datetime("us")))
    assert np.isfinite(arrays["number"]).all()
    assert arrays["number"].shape[1] == len([slot for slot in feature.slots if slot.group == "number"])
    assert same(again.encode(pl.Series(other, dtype=pl.Datetime("us"))), arrays)
