"""Label sets: lists and text, caps, and sets that come back as sets."""

from __future__ import annotations

import json

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lamina.config import check
from lamina.errors import DataError, SettingError
from lamina.features import FEATURES
from lamina.features.labels import Labels, LabelsSettings

NAMES = st.text("abcé ", min_size=1, max_size=3).map(str.strip).filter(bool)
SETS = st.lists(st.sets(NAMES, max_size=4).map(sorted), max_size=15)


@given(SETS)
def test_lists_and_text_are_encoded_the_same_and_come_back_in_their_own_form(sets: list[list[str]]) -> None:
    lists = pl.Series(sets, dtype=pl.List(pl.String))
    text = pl.Series(["|".join(names) for names in sets], dtype=pl.String)
    for cells, other in ((lists, text), (text, lists)):
        feature = Labels("tags")
        feature.fit(feature.read(cells))
        again = Labels.from_json(json.loads(json.dumps(feature.to_json())))
        flags = again.encode(again.read(cells))["flag"]
        assert flags.shape == (len(sets), len(feature.names))
        assert flags.tolist() == again.encode(again.read(other))["flag"].tolist()
        assert again.decode(flags).to_list() == cells.to_list()


def test_blanks_repeats_and_empty_names_do_not_count() -> None:
    feature = Labels("tags")
    for cells in (pl.Series([" a | b ||a", "b"]), pl.Series([[" a ", "b", "", "a"], ["b"]])):
        feature.fit(feature.read(cells))
        assert feature.names == ["a", "b"]
        assert feature.state.counts == [1, 2]
        assert feature.encode(feature.read(cells))["flag"].tolist() == [[1, 1], [0, 1]]


def test_no_label_is_an_answer_and_a_missing_list_is_none() -> None:
    feature = Labels("tags")
    read = feature.read(pl.Series([["a"], [], None]))
    assert read.null_count() == 1
    assert feature.fit(read).state.missing == 1
    assert feature.encode(read)["flag"].tolist() == [[1], [0], [0]]
    assert Labels("tags").read(pl.Series(["", None, "NA"])).to_list() == [[], [], []]


def test_unseen_names_are_left_out() -> None:
    feature = Labels("tags")
    feature.fit(feature.read(pl.Series(["a|b"])))
    assert feature.encode(feature.read(pl.Series(["c|b", "c"])))["flag"].tolist() == [[0, 1], [0, 0]]


def test_rare_names_and_names_over_the_cap_are_left_out() -> None:
    cells = pl.Series(["a|b|c", "a|b", "a|d"])
    feature = Labels("tags", LabelsSettings(min_count=2))
    assert feature.fit(feature.read(cells)).names == ["a", "b"]
    feature = Labels("tags", LabelsSettings(max_size=3))
    assert feature.fit(feature.read(cells)).names == ["a", "b", "c"], "of equals, the first by name"


def test_the_separator_is_a_setting() -> None:
    feature = Labels("tags", LabelsSettings(separator=", "))
    assert feature.read(pl.Series(["a, b", "c"])).to_list() == [["a", "b"], ["c"]]
    with pytest.raises(SettingError):
        check(FEATURES["labels"].Settings, {"separator": ""})


def test_each_name_is_a_slot() -> None:
    feature = Labels("tags")
    feature.fit(feature.read(pl.Series(["b|a"])))
    assert [(slot.column, slot.part, slot.group) for slot in feature.slots] == [
        ("tags", "a", "flag"),
        ("tags", "b", "flag"),
    ]


def test_a_column_may_be_called_count() -> None:
    feature = Labels("count")
    assert feature.fit(feature.read(pl.Series("count", ["a|b"]))).state.counts == [1, 1]


def test_what_is_no_set_is_named_with_its_rows() -> None:
    with pytest.raises(DataError, match=r"'tags' holds label sets, but came as Int64 · got 3 .* row\(s\) 5 "):
        Labels("tags").read(pl.Series([3, None]), first_row=5)
