"""Series however sources write them: lists, lists of lists both ways round, records, text."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lamina.codecs.steps import Steps
from lamina.features.steps import (
    from_lists,
    from_nested,
    from_records,
    from_text,
    is_records,
    is_steps,
    listed,
    of_cells,
    to_cells,
)

NUMBERS = st.one_of(st.none(), st.floats(-1e6, 1e6, width=32))
CELLS = st.lists(st.one_of(st.none(), st.lists(st.tuples(NUMBERS, NUMBERS), max_size=4)), max_size=6)


def plain(steps: Steps) -> list[Any]:
    """Each cell as a list of steps, None where a number is missing."""
    values = [[None if np.isnan(value) else value for value in step] for step in steps.values.tolist()]
    ends = np.cumsum(steps.lengths)
    return [values[end - length : end] for length, end in zip(steps.lengths, ends, strict=True)]


@given(CELLS)
def test_every_spelling_of_two_channels_is_the_same(cells: list[Any]) -> None:
    wanted = [[list(step) for step in cell or []] for cell in cells]
    steps = pl.Series([cell and [list(step) for step in cell] for cell in cells], dtype=pl.List(pl.List(pl.Float64)))
    channels = pl.Series(
        [cell and [list(channel) for channel in zip(*cell, strict=True)] for cell in cells],
        dtype=pl.List(pl.List(pl.Float64)),
    )
    fields = {"a": pl.List(pl.Float64), "b": pl.List(pl.Float64)}
    records = pl.Series(
        [None if cell is None else {"a": [a for a, _ in cell], "b": [b for _, b in cell]} for cell in cells],
        dtype=pl.Struct(fields),
    )
    for found in (
        from_nested(steps, 2, by_channel=False),
        from_nested(channels, 2, by_channel=True),
        from_records(records, ["a", "b"]),
    ):
        assert not found.bad.any()
        assert plain(found) == wanted
        kept = to_cells(found, "c")
        assert is_steps(kept.dtype)
        assert plain(of_cells(kept)) == wanted
        assert kept.is_null().to_list() == [not cell for cell in wanted]


@given(st.lists(st.one_of(st.none(), st.lists(NUMBERS, max_size=5)), max_size=6))
def test_lists_and_text_are_the_same(cells: list[Any]) -> None:
    lists = from_lists(pl.Series(cells, dtype=pl.List(pl.Float64)))
    for between in (" ", ",", "; ", " , ", "\t"):
        words = [
            None if not cell else between.join("NA" if each is None else repr(each) for each in cell) for cell in cells
        ]
        text = from_text(pl.Series(words, dtype=pl.String), ".")
        assert not text.bad.any()
        assert plain(text) == plain(lists)


@pytest.mark.parametrize(
    ("cell", "decimal", "wanted"),
    [
        ("[1, 2.5,3]", ".", [1, 2.5, 3]),
        ("(1; 2e3 ;-.5)", ".", [1, 2000, -0.5]),
        ("1;;3", ".", [1, None, 3]),
        ("1,,", ".", [1, None, None]),
        ("1 NaN\n3", ".", [1, None, 3]),
        ("1,5; 2,25", ",", [1.5, 2.25]),
        ("1,5 2", ",", [1.5, 2]),
        ("7", ".", [7]),
    ],
)
def test_text(cell: str, decimal: str, wanted: list[float]) -> None:
    assert plain(from_text(pl.Series([cell]), decimal)) == [[[value] for value in wanted]]


def test_words_and_uneven_cells_are_bad_and_leave_the_others_alone() -> None:
    text = from_text(pl.Series(["1 2", "1 x 3", None, "4"]), ".")
    assert text.bad.tolist() == [False, True, False, False]
    assert plain(text) == [[[1], [2]], [], [], [[4]]]
    nested = pl.Series([[[1, 2], [3, 4]], [[1], [2, 3]], None, [[5, 6]], [[7]]])
    steps = from_nested(nested, None, by_channel=False)
    assert steps.bad.tolist() == [False, True, False, False, True]
    assert plain(steps) == [[[1, 2], [3, 4]], [], [], [[5, 6]], []]
    channels = from_nested(pl.Series([[[1, 2, 3], [4, 5, 6]], [[1, 2], [3]], [[1]], [[1], [2]]]), None, by_channel=True)
    assert channels.bad.tolist() == [False, True, True, False]
    assert plain(channels) == [[[1, 4], [2, 5], [3, 6]], [], [], [[1, 2]]]
    records = pl.Series([{"a": [1, 2], "b": [3, 4]}, {"a": [1], "b": [1, 2]}, {"a": None, "b": [5]}])
    found = from_records(records, ["b", "a"])
    assert found.bad.tolist() == [False, True, False]
    assert plain(found) == [[[3, 1], [4, 2]], [], [[5, None]]]


def test_missing_inner_lists_are_missing_numbers() -> None:
    cells = pl.Series([[[1.0, 2.0], None], [None]], dtype=pl.List(pl.List(pl.Float64)))
    assert plain(from_nested(cells, None, by_channel=False)) == [[[1, 2], [None, None]], [[None, None]]]
    assert plain(from_nested(cells[:1], None, by_channel=True)) == [[[1, None], [2, None]]]


def test_what_records_are() -> None:
    lists = pl.List(pl.Int64)
    assert is_records(pl.Struct({"a": lists, "b": pl.Array(pl.Float32, 3)}))
    for fields in ({}, {"a": pl.Int64}, {"a": lists, "b": pl.String}, {"a": pl.List(lists)}):
        assert not is_records(pl.Struct(fields))


def test_the_last_steps() -> None:
    steps = from_lists(pl.Series([[1, 2, 3], [4], None, [5, 6]]))
    assert plain(steps.last(2)) == [[[2], [3]], [[4]], [], [[5], [6]]]
    assert steps.last(3) is steps


def test_gaps_are_filled_from_before_within_a_cell() -> None:
    steps = from_lists(pl.Series([[None, 1.0, None, None], [None], [2.0, None]]))
    assert steps.filled(np.array([9.0])).ravel().tolist() == [9, 1, 1, 1, 9, 2, 2]


def test_mean_and_deviation_of_each_cell() -> None:
    centre, width = from_lists(pl.Series([[1.0, 3.0, None], None, [None], [5.0]])).by_row(np.array([7.0]))
    assert centre.ravel().tolist() == [2, 7, 5]
    assert width.ravel().tolist() == [1, 0, 0]
    assert from_lists(pl.Series([None], dtype=pl.List(pl.Int8))).by_row(np.zeros(1))[0].shape == (0, 1)


def test_lists_of_items() -> None:
    assert listed(pl.Series("x", ["a", "b"]), np.array([0, 2]), np.array([True, False])).to_list() == [None, ["a", "b"]]
    assert listed(pl.Series([], dtype=pl.Float64), np.zeros(2, np.int64)).to_list() == [[], []]
