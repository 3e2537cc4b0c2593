"""What each column is found to be, and how a person overrules it."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lamina.data.infer
from lamina.data.infer import infer
from lamina.data.read import read
from lamina.errors import DataError, MissingColumnError, SettingError, UsageError
from lamina.features.category import Category
from lamina.features.number import Number, NumberSettings

DATA = Path(__file__).parents[2].parent / "shared" / "data"
generator = np.random.default_rng(0)


def kinds(source: Any, **how: Any) -> dict[str, str]:
    return {name: column.feature.kind for name, column in infer(read(source), **how).items()}


def days(fmt: str, n: int = 40) -> list[str]:
    return [(dt.datetime(2020, 1, 5, 7, 30) + dt.timedelta(days=5 * place)).strftime(fmt) for place in range(n)]


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (["1.5", "2", "", "1e3"] * 10, "number"),
        (["1,5", "2", "1.234,5"] * 10, "number"),
        (["1,234", "900", "2,500"] * 10, "category"),
        (["1,234.5", "900.1", "2,500.0"] * 10, "category"),
        (["3", "1", "2"] * 10, "number"),
        (["1", "2", "?"] * 10, "number"),
        (["5", "6", "7", "8"] * 300 + ["n.b."] * 3, "number"),
        (["0.5", "7", "V58", "E849"] * 30, "category"),
        (["01234", "94110", "10115"] * 10, "category"),
        (["red", "green", None] * 10, "category"),
        (["yes", "no", ""] * 10, "boolean"),
        (["TRUE", "false"] * 10, "boolean"),
        (["0", "1", "NA"] * 10, "boolean"),
        ([1.0, 0.0, None] * 10, "boolean"),
        (["1", "2"] * 10, "number"),
        (days("%Y-%m-%d"), "date"),
        (days("%d.%m.%Y"), "date"),
        (days("%m/%d/%Y"), "date"),
        (days("%Y-%m-%dT%H:%M:%S"), "date"),
        (days("%Y-%m-%dT%H:%M:%SZ"), "date"),
        (days("%Y-%m-%d %H:%M:%S+0200"), "date"),
        (days("%Y%m%d"), "date"),
        (days("%b %d, %Y"), "date"),
        ([*days("%Y-%m-%d"), "unknown", ""], "date"),
        ([str(place) for place in range(40)], "identifier"),
        ([f"{place:032x}" for place in range(40)], "identifier"),
        ([None, "", "?"] * 10, "constant"),
        (["same"] * 10, "constant"),
        ([f"the {place} word runs on and on" for place in range(40)], "text"),
        (["a|b", "b|c", "", "a"] * 10, "labels"),
        ([["a"], ["a", "b"], []] * 10, "labels"),
        (pl.Series(["1", "2", "3"] * 10, dtype=pl.Categorical), "category"),
        (pl.Series([dt.date(2020, 1, 1), None]), "date"),
        (pl.Series([True, False, None]), "boolean"),
        (pl.Series([1, 2, 2], dtype=pl.UInt8), "number"),
        (pl.Series(["1.5", "2.5"]).cast(pl.Decimal(5, 2)), "number"),
        (pl.Series([dt.timedelta(1), dt.timedelta(2)]), "identifier"),
        (pl.Series([[1.0], [2.0, 3.0]]), "series"),
    ],
)
def test_columns_are_recognised(cells: Any, kind: str) -> None:
    schema = infer(read({"a": cells}))
    assert schema["a"].feature.kind == kind
    assert schema["a"].evidence
    assert schema["a"].feature.state is None


def test_verdicts_fit_the_cells_that_they_were_made_from() -> None:
    """Whatever was claimed can read the column."""
    columns = {"decimal": ["1,5", "2"] * 20, "day": days("%d.%m.%Y"), "code": ["07", "12"] * 20}
    table = read(columns)
    for name, column in infer(table).items():
        assert column.feature.read(table.head(40)[name]).null_count() == 0


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (["1", "2", "3"] * 10, "category"),
        (["<=50K", ">50K"] * 10, "category"),
        (["0", "1"] * 10, "boolean"),
        ([str(place) for place in range(60)], "number"),
        (generator.normal(size=30), "number"),
        ([f"name {place}" for place in range(30)], "category"),
    ],
)
def test_targets_are_recognised(cells: Any, kind: str) -> None:
    column = infer(read({"a": np.arange(len(cells)), "t": cells}), targets=["t"])["t"]
    assert column.feature.kind == kind
    assert column.feature.is_target


def test_names_of_codes_and_identifiers_count() -> None:
    table = {
        "userId": generator.integers(0, 9, 100).tolist(),
        "paid": generator.integers(0, 9, 100).tolist(),
        "order_id": generator.permutation(100).tolist(),
        "amount": generator.permutation(100).tolist(),
    }
    expected = {"userId": "category", "paid": "number", "order_id": "identifier", "amount": "number"}
    assert kinds(table) == expected
    assert kinds({name: [str(cell) for cell in cells] for name, cells in table.items()}) == expected


def test_column_says_what_it_rests_on() -> None:
    schema = infer(read({"a": ["x", "y", "?", "x"], "b": ["x" * 100] * 4}))
    column = schema["a"]
    assert (column.missing, column.distinct, column.examples) == (0.25, 2, ("x", "y"))
    assert len(schema["b"].examples[0]) == 60
    assert schema.rows == 4
    assert list(schema) == ["a", "b"] and len(schema) == 2
    assert "a: category" in repr(schema)
    as_json = json.loads(json.dumps(schema.to_json(), allow_nan=False))
    assert as_json["columns"]["a"]["feature"] == "category"


def test_day_and_month_that_could_be_swapped_are_said() -> None:
    column = infer(read({"a": ["01/02/2020", "03/04/2021", "05/06/2022"]}))["a"]
    assert column.evidence == "all cells read as %m/%d/%Y; %d/%m/%Y reads them too, as other days"


def test_a_rare_value_beyond_the_sample_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lamina.data.infer, "MOST", 100)
    monkeypatch.setattr(lamina.data.infer, "LEAST", 100)
    rows = 5000
    columns = {
        "flag": ["0"] * (rows - 1) + ["1"],
        "gap": [*["x"] * (rows - 1), None],
        "late": [None] * (rows - 3) + ["a", "b", "a"],
        "flat": ["7"] * rows,
        "void": [None] * rows,
    }
    found = kinds(pl.DataFrame(columns))
    assert found == {"flag": "boolean", "gap": "category", "late": "category", "flat": "constant", "void": "constant"}


def test_overrides() -> None:
    table = {"ward": ["12345", "94110", "10115"] * 10, "n": ["1,5", "2,5"] * 15}
    for override in ("category", Category, Category("ward"), {"kind": "category"}):
        column = infer(read(table), overrides={"ward": override})["ward"]
        assert isinstance(column.feature, Category)
        assert column.overruled
        assert column.evidence.startswith("as told; by its cells a number: all 30 cells are numbers")
    column = infer(read(table), overrides={"n": {"scaling": "robust"}})["n"]
    assert column.feature.settings == NumberSettings(scaling="robust", decimal=",")
    column = infer(read(table), overrides={"n": Number("n", NumberSettings(decimal="."))}, targets=["n"])["n"]
    assert column.feature.settings.decimal == "." and column.feature.is_target
    assert not infer(read(table), overrides={"ward": "category"})["n"].overruled
    assert list(infer(read(table), exclude=["ward"])) == ["n"]


def test_wrong_overrides_and_names_are_refused() -> None:
    table = read({"zip": ["1", "2", "2"], "y": ["0", "1", "1"]})
    with pytest.raises(SettingError, match=r"no such feature · got 'categori' .* did you mean category\?"):
        infer(table, overrides={"zip": "categori"})
    with pytest.raises(SettingError, match=r"unknown setting features\.zip\.scalling .* did you mean scaling\?"):
        infer(table, overrides={"zip": {"kind": "number", "scalling": "robust"}})
    with pytest.raises(MissingColumnError, match=r"feature 'zipp' is not a column .* did you mean zip\?"):
        infer(table, overrides={"zipp": "category"})
    with pytest.raises(MissingColumnError, match=r"target 'Y' is not a column .* did you mean y\?"):
        infer(table, targets=["Y"])
    with pytest.raises(MissingColumnError, match="excluded column 'z'"):
        infer(table, exclude=["z"])
    with pytest.raises(UsageError, match="a target cannot be left out · got y"):
        infer(table, targets=["y"], exclude=["y"])
    with pytest.raises(UsageError, match="is made for another column"):
        infer(table, overrides={"zip": Category("other")})
    with pytest.raises(SettingError, match="cannot be overruled so"):
        infer(table, overrides={"zip": 3})  # type: ignore[dict-item]


def test_targets_without_an_answer_are_refused() -> None:
    table = read({"x": [1, 2, 3], "flat": ["a"] * 3, "void": [None] * 3})
    with pytest.raises(DataError, match=r"the target 'flat' is constant: there is only one class .* every cell is 'a'"):
        infer(table, targets=["flat"])
    with pytest.raises(DataError, match="the target 'void' is missing in every row"):
        infer(table, targets=["void"])


@settings(derandomize=True, deadline=None, max_examples=60)
@given(st.lists(st.none() | st.text(max_size=8) | st.integers().map(str) | st.floats().map(str), min_size=1))
def test_every_column_gets_a_feature(cells: list[str | None]) -> None:
    column = infer(read(pl.DataFrame({"a": cells}, schema={"a": pl.String})))["a"]
    assert column.feature.column == "a"
    assert 0 <= column.missing <= 1
    assert column.distinct <= len(cells)


SHARED = {
    "adult/train.csv.gz": {"age": "number", "workclass": "category", "education_num": "number", "income": "category"},
    "diabetes130/diabetic_data.csv.gz": {
        "encounter_id": "identifier", "patient_nbr": "identifier", "admission_type_id": "category", "age": "category",
        "weight": "category", "num_lab_procedures": "number", "diag_1": "category", "diag_2": "category",
        "diag_3": "category", "examide": "constant", "metformin-pioglitazone": "category", "diabetesMed": "boolean",
        "readmitted": "category",
    },
    "california_housing/california_housing.csv.gz": {"total_bedrooms": "number", "ocean_proximity": "category"},
    "bike_sharing/bike_sharing.csv.gz": {
        "instant": "identifier", "dteday": "date", "yr": "boolean", "hr": "number", "cnt": "number",
    },
    "german_credit/german_credit.csv.gz": {"purpose": "category", "credit_amount": "number"},
    "compas/compas_two_years.csv.gz": {
        "id": "identifier", "c_jail_in": "date", "in_custody": "date", "violent_recid": "constant",
        "c_charge_desc": "category", "is_recid": "boolean", "priors_count": "number",
    },
    "movielens_latest_small/ratings.csv.gz": {"userId": "category", "movieId": "category", "rating": "number"},
    "movielens_latest_small/movies.csv.gz": {"movieId": "identifier", "title": "text", "genres": "labels"},
    "weekly_sales/weekly_sales.csv.gz": {"Product_Code": "identifier", "W0": "number", "W51": "number"},
    "stock_sp500/sp500_daily.csv.gz": {"date": "date", "close": "number", "volume": "number"},
    "mammography/mammography.csv.gz": {"area": "number"},
    "fraud_handbook_sim": {
        "TRANSACTION_ID": "identifier", "TX_DATETIME": "date", "CUSTOMER_ID": "category", "TX_AMOUNT": "number",
        "TX_FRAUD": "boolean",
    },
    "etth1/ETTh1.csv.gz": {"date": "date", "OT": "number"},
    "cmapss_fd001/train_FD001.csv.gz": {"unit": "number", "setting3": "constant", "s2": "number"},
    "pjm_energy/PJME_hourly.csv.gz": {"Datetime": "date", "PJME_MW": "number"},
    "molecules/freesolv.csv.gz": {"iupac": "identifier", "smiles": "identifier", "expt": "number"},
}  # fmt: skip


@pytest.mark.data
@pytest.mark.skipif(not DATA.is_dir(), reason="needs ../shared/data")
@pytest.mark.parametrize("name", SHARED)
def test_shared_tables_are_seen_as_a_person_sees_them(name: str) -> None:
    found = kinds(DATA / name)
    assert {column: found[column] for column in SHARED[name]} == SHARED[name]
    assert set(found.values()) <= {"number", "category", "boolean", "date", "identifier", "constant", "text", "labels"}


@pytest.mark.data
@pytest.mark.skipif(not DATA.is_dir(), reason="needs ../shared/data")
def test_classes_of_mammography_are_a_category() -> None:
    table = read(DATA / "mammography" / "mammography.csv.gz")
    assert infer(table, targets=["class"])["class"].feature.kind == "category"
