"""Booleans: every spelling, and back into the source's own."""

from __future__ import annotations

import json

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lamina.errors import DataError
from lamina.features.base import Profile
from lamina.features.boolean import Boolean

PAIRS = [("false", "true"), ("no", "yes"), ("f", "t"), ("n", "y"), ("0", "1"), ("off", "on")]


@pytest.mark.parametrize("pair", PAIRS, ids="/".join)
@pytest.mark.parametrize("case", [str.lower, str.upper, str.title])
def test_every_pair_is_recognised_read_and_given_back(pair: tuple[str, str], case: type) -> None:
    no, yes = (case(word) for word in pair)
    cells = pl.Series([yes, no, no, "", yes])
    claim = Boolean.recognise(Profile("b", cells.set(cells == "", None), 5, 2))
    assert claim is not None
    assert claim.strength == 0.9
    feature = Boolean("b")
    read = feature.read(cells)
    assert read.to_list() == [True, False, False, None, True]
    feature.fit(read)
    assert feature.names == [no, yes]
    assert feature.decode(feature.encode(read)["flag"][:2, 0]).to_list() == [yes, no]


@pytest.mark.parametrize(
    "cells",
    [
        pl.Series([True, False, None]),
        pl.Series([1, 0, None], dtype=pl.UInt8),
        pl.Series([1.0, 0.0, None]),
        pl.Series(["1.0", "0.0", None]),
    ],
    ids=lambda cells: str(cells.dtype),
)
def test_native_values_and_numbers(cells: pl.Series) -> None:
    feature = Boolean("b")
    read = feature.read(cells)
    assert read.to_list() == [True, False, None]
    again = Boolean.from_json(json.loads(json.dumps(feature.fit(read).to_json())))
    assert again.decode(again.encode(read)["flag"][:2, 0]).to_list() == cells[:2].to_list()


def test_a_target_is_a_class_and_missing_is_none() -> None:
    feature = Boolean("b", is_target=True)
    cells = feature.read(pl.Series(["y", "n", ""]))
    assert feature.fit(cells).encode(cells)["category"][:, 0].tolist() == [1, 0, -1]
    assert feature.names == ["n", "y"]


def test_the_spelling_is_kept_over_pieces() -> None:
    feature = Boolean("b")
    for piece in (["Yes"], [None], ["No", "yes"]):
        feature.partial_fit(feature.read(pl.Series(piece, dtype=pl.Null if piece == [None] else pl.String)))
    assert feature.finish().names == ["No", "Yes"]
    assert feature.decode(feature.encode(pl.Series([True, False]))["flag"][:, 0]).to_list() == ["Yes", "No"]


def test_prediction_reads_any_spelling_and_answers_in_that_of_training() -> None:
    feature = Boolean("b")
    feature.fit(feature.read(pl.Series(["no", "yes"])))
    assert feature.encode(feature.read(pl.Series([True, False])))["flag"][:, 0].tolist() == [1, 0]
    assert feature.decode(feature.encode(feature.read(pl.Series(["1"])))["flag"][:, 0]).to_list() == ["yes"]


def test_missing_cells_have_a_flag_where_training_saw_some() -> None:
    feature = Boolean("b").fit(pl.Series([True, None]))
    assert feature.encode(pl.Series([None, True, False]))["flag"].tolist() == [[0, 1], [1, 0], [0, 0]]
    assert Boolean("b").fit(pl.Series([True])).encode(pl.Series([None], dtype=pl.Boolean))["flag"].tolist() == [[0]]


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (pl.Series(["yes", "maybe"]), r"holds yes or no, but some cells are neither · got 'maybe' .* row\(s\) 8 "),
        (pl.Series([1, 0, 2]), r"got 2 in 1 cell\(s\), row\(s\) 9 "),
        (pl.Series([0.5]), r"got 0\.5 in 1 cell\(s\), row\(s\) 7 "),
        (pl.Series([["yes"]]), r"holds yes or no, but came as List"),
    ],
)
def test_what_is_neither_is_named_with_its_rows(cells: pl.Series, message: str) -> None:
    with pytest.raises(DataError, match=message):
        Boolean("b").read(cells, first_row=7)


@given(st.lists(st.none() | st.booleans(), max_size=30))
def test_counts_and_round_trip(values: list[bool | None]) -> None:
    cells = pl.Series(values, dtype=pl.Boolean)
    feature = Boolean("b").fit(cells)
    assert (feature.state.no, feature.state.yes) == (values.count(False), values.count(True))
    assert feature.state.missing == values.count(None)
    present = cells.drop_nulls()
    assert feature.decode(feature.encode(present)["flag"][:, 0]).to_list() == present.to_list()
