"""MLflow's form."""

from __future__ import annotations

from typing import Any

import pytest

from lamina import __version__
from serve.fakes import Fruit, Photo, app_of, b64, once

WANTED = {"predictions": [Fruit()._of({"size": 1.0}), Fruit()._of({"size": 9.0})]}
COLUMNS = {"size": [1, 9], "colour": ["red", None]}
RECORDS = [{"size": 1, "colour": "red"}, {"size": 9, "colour": None}]
SPLIT = {"columns": ["size", "colour"], "data": [[1, "red"], [9, None]]}


@pytest.mark.parametrize(
    "body",
    [
        {"dataframe_split": SPLIT},
        {"dataframe_split": {**SPLIT, "index": [0, 1]}},
        {"dataframe_records": RECORDS},
        {"instances": RECORDS},
        {"inputs": COLUMNS},
        {"inputs": RECORDS, "params": {"any": 1}},
    ],
)
def test_the_forms_of_rows(body: Any) -> None:
    assert once(app_of(), "/invocations", body).json == WANTED


def test_the_first_model_answers() -> None:
    assert (
        once(app_of(Photo(), Fruit()), "/invocations", {"instances": [b64(b"ab")]}).json["predictions"][0]["bytes"] == 2
    )


def test_csv() -> None:
    class Words(Fruit):
        def predict(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
            return super().predict([{**row, "size": row["size"] and float(row["size"])} for row in rows])

    text = '\ufeffsize,colour\r\n1,red\r\n9,"a, ""b"""\r\n,\r\n'
    headers = {"Content-Type": "text/csv; charset=utf-8"}
    got = once(app_of(Words()), "/invocations", text.encode(), headers=headers)
    assert [one["whole"] for one in got.json["predictions"]] == [1, 9, 0]
    for body, said in [
        (b"", "row"),
        (b"size,colour\n1\n", "row 0 of dataframe_split must be a list of 2 cells · got 1 cells"),
        (b'size,colour\n"1', "not valid CSV"),
        (b"size,colour\n\xff,red\n", "not valid CSV in UTF-8"),
        (b"size,size\n1,2\n", "a column stands twice"),
        (b"size,colour\n", "there are no rows"),
    ]:
        got = once(app_of(Words()), "/invocations", body, headers=headers)
        assert (got.status, said in got.json["error"]) == (400, True), got.json


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({}, "the body must have one form of rows · got none"),
        ({"dataframe_records": RECORDS, "instances": RECORDS}, "must have one form of rows"),
        ({"dataframe_recods": RECORDS}, "did you mean dataframe_records?"),
        ({"dataframe_split": [1]}, "dataframe_split is not understood"),
        ({"dataframe_split": {"columns": [1], "data": []}}, "dataframe_split is not understood"),
        ({"dataframe_split": {**SPLIT, "data": [[1]]}}, "row 0 of dataframe_split must be a list of 2 cells"),
        ({"dataframe_split": {**SPLIT, "data": [{"size": 1}]}}, "row 0 of dataframe_split must be a list of 2 cells"),
        ({"dataframe_split": {"columns": ["size", "size"], "data": []}}, "a column stands twice"),
        ({"dataframe_records": {"size": {"0": 1}}}, "rows must be a list"),
    ],
)
def test_what_is_wrong_is_said(body: Any, said: str) -> None:
    got = once(app_of(), "/invocations", body)
    assert (got.status, said in got.json["error"]) == (400, True), got.json


def test_signs_of_life() -> None:
    app = app_of()
    assert [once(app, path).status for path in ("/ping", "/health", "/version")] == [200, 200, 200]
    assert once(app, "/version").body.decode() == __version__
