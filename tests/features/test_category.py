"""Categories: order of names, caps, native values, and the many spellings of one value."""

from __future__ import annotations

import json
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lamina.features.base import MISSING
from lamina.features.category import MISSING_CODE, UNSEEN_CODE, Category, CategorySettings


def fitted(cells: list[Any] | pl.Series, *, is_target: bool = False, **settings: Any) -> Category:
    feature = Category("c", CategorySettings(**settings), is_target=is_target)
    return feature.fit(feature.read(pl.Series(cells)))


def codes(feature: Category, cells: list[Any] | pl.Series) -> list[int]:
    return feature.encode(feature.read(pl.Series(cells)))["category"][:, 0].tolist()


def test_names_stand_by_frequency_and_ties_by_name() -> None:
    assert fitted(["b", "a", "c", "c", "a", "b", "z", "z", "z"]).names == ["z", "a", "b", "c"]


@given(st.permutations(["a", "b", "b", "c", "c", "d", "d", "d"]))
def test_the_order_of_rows_never_matters(cells: list[str]) -> None:
    assert fitted(cells).state == fitted(sorted(cells)).state


def test_missing_unseen_and_seen_have_codes_of_their_own() -> None:
    feature = fitted(["x", "x", "y", ""])
    assert codes(feature, ["x", "y", "new", "", None]) == [2, 3, UNSEEN_CODE, MISSING_CODE, MISSING_CODE]
    assert feature.slots[0].size == 4
    assert feature.state.missing == 1


def test_rare_names_share_the_code_of_unseen_ones() -> None:
    feature = fitted(["x"] * 5 + ["y"] * 4 + ["z"], min_count=4)
    assert feature.names == ["x", "y"]
    assert codes(feature, ["x", "y", "z"]) == [2, 3, UNSEEN_CODE]
    assert feature.state.dropped == 1


@pytest.mark.parametrize(("distinct", "kept"), [(32, 32), (33, 1)])
def test_few_names_are_all_kept_and_of_many_those_with_ten_rows(distinct: int, kept: int) -> None:
    feature = fitted(["often"] * 10 + [f"name {k}" for k in range(distinct - 1)])
    assert len(feature.names) == kept


def test_the_most_frequent_names_are_kept_under_the_cap() -> None:
    feature = fitted([name for k, name in enumerate("abcdef") for _ in range(6 - k)], max_size=3)
    assert feature.names == ["a", "b", "c"]
    assert feature.slots[0].size == 5


def test_a_target_has_only_its_names_in_their_natural_order_and_loses_none() -> None:
    feature = fitted(["10", "9", "9", "b", "a", "2", "10"], is_target=True, min_count=2, max_size=1)
    assert feature.names == ["2", "9", "10", "a", "b"]
    assert codes(feature, ["2", "b", "new", None]) == [0, 4, -1, -1]


@pytest.mark.parametrize(
    "cells",
    [
        pl.Series(["red", "blue"]),
        pl.Series([3, -1], dtype=pl.Int8),
        pl.Series([1.5, 2.0, -0.25]),
        pl.Series([True, False]),
        pl.Series(["a", "b"], dtype=pl.Categorical),
        pl.Series(["a", "b"], dtype=pl.Enum(["b", "a"])),
    ],
    ids=lambda cells: str(cells.dtype),
)
@pytest.mark.parametrize("is_target", [False, True])
def test_predictions_come_back_in_the_source_s_own_values(cells: pl.Series, is_target: bool) -> None:
    feature = fitted(cells, is_target=is_target)
    again = Category.from_json(json.loads(json.dumps(feature.to_json())))
    for one in (feature, again):
        back = one.decode(one.encode(one.read(cells))["category"][:, 0])
        assert back.to_list() == cells.to_list()
        assert back.name == "c"


@pytest.mark.parametrize(
    ("learned", "given"),
    [
        ([1, 2, 10], [1.0, 2.0, 10.0]),
        (["1", "2", "10"], [1.0, 2.0, 10.0]),
        (["1", "2", "10"], ["1.0", "2.0", "10.0"]),
        (["1.0", "2.0", "10.0"], [1, 2, 10]),
        ([1.0, 2.0, None], ["1", "2.0", ""]),
        ([True, False], ["True", "False"]),
        (["True", "False"], [True, False]),
        (["true", "false"], [True, False]),
    ],
)
def test_one_value_has_one_code_however_its_reader_spells_it(learned: list[Any], given: list[Any]) -> None:
    feature = fitted(learned)
    assert UNSEEN_CODE not in codes(feature, learned)
    assert codes(feature, given) == codes(feature, learned)


def test_an_exact_name_goes_before_another_spelling() -> None:
    feature = fitted(["1.0", "1.0", "1", "True", "true"])
    assert sorted(codes(feature, ["1", "1.0", "true", "True"])) == [2, 3, 4, 5]


@pytest.mark.parametrize("word", ["01", "1.50", "1e3", "+1", "TRUE", "1.", "1.00"])
def test_words_that_only_look_like_it_stay_apart(word: str) -> None:
    assert codes(fitted(["1", "1.5", "1000", "true"]), [word]) == [UNSEEN_CODE]


@pytest.mark.parametrize("value", [1e300, -1e300, 2.0**53, 0.1, float("inf"), 5e-324])
def test_any_float_is_a_name(value: float) -> None:
    feature = fitted([value, 2.0])
    assert feature.decode(feature.encode(feature.read(pl.Series([value])))["category"][:, 0]).to_list() == [value]


def test_a_column_may_be_called_count() -> None:
    assert Category("count").fit(pl.Series("count", ["a", "a"])).state.counts == [2]


@given(st.lists(st.none() | st.text(), max_size=20), st.lists(st.text(), max_size=5))
def test_any_text_is_a_name_and_comes_back_stripped(learned: list[str | None], other: list[str]) -> None:
    feature = Category("c", CategorySettings(min_count=1))
    cells = feature.read(pl.Series(learned, dtype=pl.String))
    feature.fit(cells)
    assert feature.decode(feature.encode(cells)["category"][:, 0]).to_list() == cells.to_list()
    for cell, raw in zip(cells.to_list(), learned, strict=True):
        assert cell is None or (cell not in MISSING and cell in (raw or ""))
    found = feature.encode(feature.read(pl.Series(other, dtype=pl.String)))["category"]
    assert ((found >= 0) & (found < feature.slots[0].size)).all()
