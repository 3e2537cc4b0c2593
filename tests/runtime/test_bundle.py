"""Predicting from a bundle: the run's answers, in the form in which the rows came."""

from __future__ import annotations

import datetime
import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from fruits import INPUTS, TARGETS, fruits

import lamina
from lamina.errors import BundleError, DataError, LaminaError, MissingColumnError
from lamina.runtime import Bundle, load
from lamina.runtime.archive import read_archive

ROOT = Path(__file__).resolve().parents[2]


def same(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-4, abs_tol=1e-4)
    return bool(one == other)


def test_answers_are_those_of_the_run(run: lamina.Run, bundle: Bundle) -> None:
    rows = fruits(40, seed=5).select(INPUTS)
    wanted = run.predict(rows).to_dicts()
    given = bundle.predict(rows.to_dicts())
    assert [list(row) for row in given] == [list(row) for row in wanted]
    faults = [
        (row, name, one[name], other[name])
        for row, (one, other) in enumerate(zip(wanted, given, strict=True))
        for name in one
        if not same(one[name], other[name])
    ]
    assert faults == []
    assert all(type(given[0][name]) is type(wanted[0][name]) for name in given[0])


def test_one_row_alone_and_rows_in_any_order_say_the_same(bundle: Bundle) -> None:
    rows = fruits(30, seed=6).select(INPUTS).to_dicts()
    many = bundle.predict(rows)
    back = bundle.predict(rows[::-1])[::-1]
    for row, wanted, turned in zip(rows, many, back, strict=True):
        (alone,) = bundle.predict([row])
        assert all(same(alone[name], wanted[name]) and same(turned[name], wanted[name]) for name in wanted)


def test_more_rows_than_go_through_at_once(bundle: Bundle) -> None:
    rows = fruits(7, seed=7).select(INPUTS).to_dicts()
    said = bundle.predict(rows * 700)
    assert len(said) == 4900 and all(same(said[4893 + row][name], said[row][name])
                                     for row in range(7) for name in said[0])  # fmt: skip


def test_what_comes_back_has_the_form_of_what_came(bundle: Bundle) -> None:
    frame = fruits(5, seed=8).select(INPUTS)
    columns = bundle.predict(frame.to_dict(as_series=False))
    assert isinstance(columns, dict) and all(len(cells) == 5 for cells in columns.values())
    polars, pandas = bundle.predict(frame), bundle.predict(frame.to_pandas())
    assert isinstance(polars, pl.DataFrame) and isinstance(pandas, pd.DataFrame)
    assert polars.columns == list(pandas.columns) == list(columns) == list(bundle.predict(frame.to_dicts())[0])
    np.testing.assert_allclose(polars["price"], columns["price"], rtol=1e-4)
    np.testing.assert_allclose(pandas["price"], columns["price"], rtol=1e-4)


def test_other_columns_are_left_out_and_none_is_a_missing_cell(run: lamina.Run, bundle: Bundle) -> None:
    row: dict[str, Any] = {"size": None, "colour": None, "organic": None, "picked": None, "more": object()}
    (said,) = bundle.predict([row])
    frame = pl.DataFrame({name: pl.Series([None], dtype=fruits(1).schema[name]) for name in INPUTS})
    assert all(same(said[name], cell) for name, cell in run.predict(frame).to_dicts()[0].items())


def test_no_rows_give_no_answers(bundle: Bundle) -> None:
    assert bundle.predict([]) == []
    assert bundle.predict({name: [] for name in INPUTS}) == {name: [] for name in bundle.schema["output"]["properties"]}


def test_cells_as_json_gives_them(bundle: Bundle) -> None:
    row = {"size": 51.5, "colour": "red", "organic": True, "picked": datetime.date(2024, 3, 1)}
    as_text = {"size": "51.5", "colour": "red", "organic": "true", "picked": "2024-03-01"}
    one, other = bundle.predict([row]), bundle.predict(json.loads(json.dumps([as_text])))
    assert all(same(one[0][name], other[0][name]) for name in one[0])
    json.dumps(one, allow_nan=False)


@pytest.mark.parametrize(
    ("rows", "kind", "said"),
    [
        ([{"size": 1}], MissingColumnError, "column 'colour' is missing in row 0"),
        ([{"size": 1, "colour": "red", "organic": True, "pickd": None}], MissingColumnError, "did you mean pickd?"),
        ({"size": [1.0], "colour": ["red"], "organic": [True]}, MissingColumnError, "column 'picked' is missing"),
        ([[1, 2]], DataError, "row 0 is no mapping"),
        ("rows", DataError, "rows come in no form that is known"),
        (7, DataError, "rows come in no form that is known"),
        ({"size": 1.0, "colour": "red", "organic": True, "picked": None}, DataError, "must be a list of cells"),
        ({"size": [1.0], "colour": ["red", "red"], "organic": [1], "picked": [None]}, DataError, "different lengths"),
        ([{"size": "large", "colour": "red", "organic": True, "picked": None}], DataError, "'size' holds numbers"),
    ],
)
def test_what_cannot_be_read_is_named(bundle: Bundle, rows: Any, kind: type[Exception], said: str) -> None:
    with pytest.raises(kind, match=r".*") as caught:
        bundle.predict(rows)
    assert said in str(caught.value) and isinstance(caught.value, LaminaError)


def test_the_row_that_is_wrong_is_counted_from_the_first(bundle: Bundle) -> None:
    rows = fruits(9, seed=1).select(INPUTS).to_dicts()
    rows[7]["size"] = "large"
    with pytest.raises(DataError, match=r"row\(s\) 7"):
        bundle.predict(rows)


def test_it_says_what_it_is(run: lamina.Run, bundle: Bundle) -> None:
    assert (bundle.name, bundle.licence, bundle.targets) == ("fruits-1", "CC0-1.0", TARGETS)
    assert bundle.inputs == INPUTS
    assert list(bundle.schema["input"]["properties"]) == bundle.schema["input"]["required"] == bundle.inputs
    said = bundle.predict(bundle.examples["rows"])
    assert len(said) == 3 and list(bundle.schema["output"]["properties"]) == list(said[0])
    assert bundle.examples["answers"] == json.loads(json.dumps(said)) and bundle.examples["are_real"]
    assert set(bundle.scores["targets"]) == set(TARGETS)
    held_back = run.predict(pl.DataFrame(bundle.examples["rows"]))
    assert all(same(one["price"], other) for one, other in zip(said, held_back["price"], strict=True))


WITHOUT = """
import sys
BLOCKED = ("torch", "polars", "pydantic", "pyarrow", "pandas", "sklearn", "yaml", "scipy")
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in BLOCKED:
            raise ImportError(f"{name} is not here")
sys.meta_path.insert(0, Refuse())
import lamina.runtime
bundle = lamina.runtime.load(sys.argv[1])
print(bundle.predict(bundle.examples["rows"]) == bundle.examples["answers"])
print(sorted(set(BLOCKED) & set(sys.modules)))
"""


def test_it_predicts_where_nothing_but_numpy_and_onnxruntime_is(file: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT, str(file)],
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": str(ROOT / "src")},
    )
    assert done.stdout.splitlines() == ["True", "[]"], done.stderr


@pytest.mark.parametrize("lost", ["bundle.json", "graph.onnx", "schema.json"])
def test_members_that_do_not_fit_are_refused(file: Path, lost: str) -> None:
    members = read_archive(file)
    with pytest.raises(BundleError, match="lacks what it must hold"):
        Bundle({name: content for name, content in members.items() if name != lost})
    with pytest.raises(BundleError, match=r"lacks what it must hold|cannot read the graph"):
        Bundle({**members, lost: b"[]"} if lost != "schema.json" else {**members, lost: b"{"})


def test_threads_change_nothing(file: Path, bundle: Bundle) -> None:
    rows = fruits(20, seed=2).select(INPUTS)
    np.testing.assert_allclose(load(file, threads=2).outputs(rows), bundle.outputs(rows), atol=1e-5)
