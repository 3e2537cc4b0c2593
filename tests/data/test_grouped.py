"""Rows of one key become one row: order, windows, steady columns, targets, and what cannot be grouped."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from lamina.data.grouped import grouped
from lamina.data.infer import infer
from lamina.data.read import read
from lamina.data.table import Table
from lamina.errors import DataError, MissingColumnError, UsageError

ENGINES = {
    "unit": ["b", "a", "b", "a", "b"],
    "cycle": [2, 1, 1, 2, 3],
    "heat": [5.0, 1.0, 4.0, 2.0, 6.0],
    "noise": [0.5, None, 0.25, 3.0, 0.0],
    "site": ["north", "south", "north", "south", "north"],
    "left": [1, 1, 2, 0, 0],
}


def rows(table: Table) -> list[dict[str, Any]]:
    """All rows of a small table."""
    return table.head(100).to_dicts()


def test_one_row_a_key_in_the_order_of_time() -> None:
    made = grouped(read(ENGINES), "unit", "cycle", last=["left"])
    assert rows(made) == [
        {"unit": "b", "cycle": 3, "site": "north", "left": 0, "series": {"heat": [4, 5, 6], "noise": [0.25, 0.5, 0]}},
        {"unit": "a", "cycle": 2, "site": "south", "left": 0, "series": {"heat": [1, 2], "noise": [None, 3]}},
    ]
    assert infer(made)["series"].feature.kind == "series"


def test_text_files_and_frames_are_grouped_the_same(tmp_path: Path) -> None:
    pl.DataFrame(ENGINES).write_csv(tmp_path / "a.csv")
    assert rows(grouped(read(tmp_path / "a.csv"), "unit", "cycle", ["heat"])) == rows(
        grouped(read(ENGINES), "unit", "cycle", ["heat"])
    )


def test_only_the_named_columns_become_channels() -> None:
    (b, a) = rows(grouped(read(ENGINES), "unit", "cycle", ["heat"], name="sensors"))
    assert b == {"unit": "b", "cycle": 3, "site": "north", "sensors": {"heat": [4, 5, 6]}}
    assert a["sensors"] == {"heat": [1, 2]}


def test_another_table_is_brought_into_the_same_form() -> None:
    first = grouped(read(ENGINES), "unit", "cycle")
    channels = [field.name for field in first.dtypes["series"].fields]  # type: ignore[attr-defined]
    last = [name for name in first.names if name not in ("unit", "cycle", "series")]
    other = {**ENGINES, "heat": [7.0] * 5, "noise": [0.0] * 5, "site": list("vwxyz")}  # other columns differ in it
    second = grouped(read(other), "unit", "cycle", channels, last=last)
    assert second.dtypes == first.dtypes
    assert second.head()["site"].to_list() == ["z", "y"]
    one = {name: cells[:1] for name, cells in ENGINES.items()}
    assert rows(grouped(read(one), "unit", "cycle", channels, last=last))[0]["series"]["heat"] == [5]


@pytest.mark.parametrize(
    ("window", "every", "wanted"),
    [
        (None, 1, [[0, 1, 2, 3, 4], [5, 6]]),
        (3, 1, [[0, 1, 2], [1, 2, 3], [2, 3, 4], [5, 6]]),
        (3, 2, [[0, 1, 2], [2, 3, 4], [5, 6]]),
        (2, 2, [[1, 2], [3, 4], [5, 6]]),
        (1, 3, [[1], [4], [6]]),
        (9, 1, [[0, 1, 2, 3, 4], [5, 6]]),
    ],
)
def test_windows_end_with_the_key(window: int | None, every: int, wanted: list[list[int]]) -> None:
    table = read({"key": [1] * 5 + [2] * 2, "time": list(range(7)), "value": [float(step) for step in range(7)]})
    made = rows(grouped(table, "key", "time", ["value"], window=window, every=every))
    assert [row["series"]["value"] for row in made] == wanted
    assert [row["time"] for row in made] == [steps[-1] for steps in wanted]


def test_steps_that_are_not_evenly_apart_say_how_far() -> None:
    start = datetime.datetime(2024, 1, 1)
    moments = [start + datetime.timedelta(seconds=second) for second in (5, 0, 1, 100, 160)]
    table = read({"key": ["a", "a", "a", "b", "b"], "when": moments, "value": [3.0, 1.0, 2.0, 4.0, 5.0]})
    first, second = rows(grouped(table, "key", "when"))
    assert first["series"] == {"value": [1, 2, 3], "when": [0, 1, 4]}
    assert second["series"] == {"value": [4, 5], "when": [0, 60]}
    assert first["when"] == moments[0]
    assert "when" not in rows(grouped(table, "key", "when", ["value"]))[0]["series"]


def test_equal_moments_keep_their_order() -> None:
    table = read({"key": ["a"] * 4, "time": [1, 0, 1, 0], "value": [3.0, 1.0, 4.0, 2.0]})
    assert rows(grouped(table, "key", "time", ["value"]))[0]["series"]["value"] == [1, 2, 3, 4]


def test_what_cannot_be_grouped() -> None:
    table = read(ENGINES)
    with pytest.raises(MissingColumnError, match="did you mean cycle"):
        grouped(table, "unit", "cicle")
    for arguments in ({"columns": ["heat"], "last": ["heat"]}, {"last": ["unit"]}, {"columns": ["unit"]}):
        with pytest.raises(UsageError, match="two parts"):
            grouped(table, "unit", "cycle", **arguments)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="name of a column"):
        grouped(table, "unit", "cycle", name="heat")
    with pytest.raises(UsageError, match="a step at least"):
        grouped(table, "unit", "cycle", window=0)
    with pytest.raises(DataError, match=r"'unit' is missing in 2 row\(s\).*row\(s\) 1, 3"):
        grouped(read({**ENGINES, "unit": ["a", None, "a", "", "b"]}), "unit", "cycle")
    with pytest.raises(DataError, match=r"'cycle' is missing in 1 row\(s\).*row\(s\) 4"):
        grouped(read({**ENGINES, "cycle": [1, 2, 3, 4, None]}), "unit", "cycle")
    with pytest.raises(DataError, match=r"'site'.*words"):
        grouped(table, "unit", "cycle", ["site"])
    with pytest.raises(DataError, match="no column of numbers differs"):
        grouped(read({"key": list("abc"), "time": [1, 2, 3], "value": [1.0, 2.0, 3.0]}), "key", "time")


@pytest.mark.data
def test_engines_and_plants(shared_data: Path) -> None:
    engines = grouped(read(shared_data / "cmapss_fd001" / "train_FD001.csv.gz"), "unit", "cycle")
    assert engines.rows == 100
    lengths = engines.head(100)["series"].struct.field("s2").list.len()
    assert lengths.sum() == 20_631
    assert engines.head(100)["cycle"].to_list() == lengths.to_list()
    feature = infer(engines)["series"].feature
    cells = feature.read(engines.head(100)["series"])
    found = feature.fit(cells).encode(cells)["frames"]
    assert np.allclose(found.values.mean(0), 0, atol=1e-4)
    plant = grouped(read(shared_data / "tep" / "train.csv.gz"), "fault", "step", window=30, every=30)
    assert plant.dtypes["series"].fields[0].name == "xmeas_1"  # type: ignore[attr-defined]
    assert set(plant.head(10_000)["series"].struct.field("xmv_1").list.len()) == {30}
