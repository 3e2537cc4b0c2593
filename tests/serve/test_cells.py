"""Rows as clients send them, to rows that a model may see."""

from __future__ import annotations

from typing import Any

import pytest

from lamina.serve.cells import Cells, as_columns
from lamina.serve.refusal import Refusal
from serve.fakes import Fruit, Photo, b64

FRUIT, PHOTO = Cells(Fruit().schema["input"]), Cells(Photo.schema["input"])


def test_rows_and_columns_are_the_same() -> None:
    rows = [{"size": 1.5, "colour": "red"}, {"size": None, "colour": "green"}]
    assert FRUIT.rows([dict(row) for row in rows]) == rows
    assert FRUIT.columns({"colour": ["red", "green"], "size": [1.5, None]}) == rows
    assert as_columns(rows) == {"size": [1.5, None], "colour": ["red", "green"]}
    assert as_columns([]) == {}


@pytest.mark.parametrize(
    ("given", "status", "said"),
    [
        ({"size": 1}, 400, "rows must be a list · got dict"),
        (None, 400, "rows must be a list"),
        ([], 400, "there are no rows"),
        ([{}], 400, "row 0 has no column 'size' · got no column"),
        ([{"size": 1, "colour": "red"}, {"size": 1, "color": "red"}], 400, "row 1 has no column 'colour'"),
        ([{"size": 1, "color": "red"}], 400, "did you mean color?"),
        ([3], 400, "row 0 must be an object · got int"),
        ([[1, "red"]], 400, "row 0 must be an object · got list"),
        ([{"size": [1], "colour": "red"}], 400, "column 'size' takes one value · got a list in row 0"),
        ([{"size": {"a": 1}, "colour": "red"}], 400, "column 'size' takes one value · got an object in row 0"),
        ([{"size": 1, "colour": {"b64": "gA=="}}], 400, "column 'colour' takes text"),
        ([{"size": 1, "colour": {"b64": "???"}}], 400, "column 'colour' takes files in base64"),
        ([{"size": 1, "colour": "red"}] * 4, 413, "there are too many rows · got 4 · allowed: 3"),
    ],
)
def test_what_is_no_row_is_said(given: Any, status: int, said: str) -> None:
    with pytest.raises(Refusal) as caught:
        FRUIT.rows(given, 3)
    assert (caught.value.status, said in str(caught.value)) == (status, True), str(caught.value)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([1], "columns must be an object of lists"),
        ({"size": 3}, "columns must be an object of lists"),
        ({"size": [1, 2], "colour": ["red"]}, "columns must be of one length · got size 2, colour 1"),
        ({}, "there are no rows"),
        ({"size": [1]}, "row 0 has no column 'colour'"),
    ],
)
def test_what_are_no_columns_is_said(given: Any, said: str) -> None:
    with pytest.raises(Refusal, match=said):
        FRUIT.columns(given)


def test_other_columns_may_be_there() -> None:
    assert FRUIT.rows([{"size": 1, "colour": "red", "note": {"any": ["thing"]}}])[0]["size"] == 1


def test_text_in_base64_is_text_where_no_file_is_wanted() -> None:
    assert FRUIT.rows([{"size": 1, "colour": {"b64": b64(b"rot")}}])[0]["colour"] == "rot"


@pytest.mark.parametrize(
    "cell", [b64(b"\x89PNG"), {"b64": b64(b"\x89PNG")}, "data:image/png;base64," + b64(b"\x89PNG")]
)
def test_files_come_as_bytes(cell: Any) -> None:
    assert PHOTO.rows([{"picture": cell}]) == [{"picture": b"\x89PNG"}]
    assert PHOTO.rows([cell if not isinstance(cell, dict) else {"picture": cell}]) == [{"picture": b"\x89PNG"}]


def test_files_may_be_missing_or_pixels() -> None:
    assert PHOTO.rows([{"picture": None}, {"picture": ""}]) == [{"picture": None}, {"picture": None}]
    assert PHOTO.rows([{"picture": [[0, 1], [2, 3]]}]) == [{"picture": [[0, 1], [2, 3]]}]


@pytest.mark.parametrize(
    "cell",
    [
        "/etc/passwd",
        "../../secret.png",
        "file:///etc/passwd",
        "http://127.0.0.1/a.png",
        "C:\\a.png",
        "~/a.png",
        3,
        True,
    ],
)
def test_names_and_addresses_are_no_files(cell: Any) -> None:
    with pytest.raises(Refusal, match="column 'picture' takes files"):
        PHOTO.rows([{"picture": cell}])


def test_a_name_that_is_base64_by_chance_is_taken_for_bytes() -> None:
    assert isinstance(PHOTO.rows([{"picture": "/etc/hostname+++"}])[0]["picture"], bytes)
