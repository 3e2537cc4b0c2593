"""Words as blanks part them: counted, spelled, and found again in tokens."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lamina.errors import SettingError
from lamina.features.text import Text, TextSettings
from lamina.features.words import as_words, count_words, place_words, spelled, words_read

TEXTS = st.lists(st.text("ab1,.'é猫\u0301 \t\u00a0\x1c", max_size=12), min_size=1, max_size=6)


@given(TEXTS, st.sampled_from(["pieces", "characters"]))
def test_the_tokens_say_where_each_word_begins(texts: list[str], kind: str) -> None:
    settings = TextSettings(by_word=True, tokens=kind, min_count=1, vocabulary=300)
    feature = Text("said", settings)
    cells = feature.read(pl.Series(texts))
    feature.fit(pl.concat([cells, pl.Series(["a b"])]))
    tokens = feature.encode(cells)["tokens"]
    counts = count_words(cells)
    assert words_read(tokens, feature.tokens.spelling).tolist() == counts.to_list()
    assert [len(place_words(text or "")) for text in cells] == counts.to_list()
    assert feature.read(cells).to_list() == cells.to_list()


@given(st.lists(st.lists(st.text("ab \t\u00a0", max_size=4), max_size=5), min_size=1, max_size=5))
def test_a_list_of_words_has_as_many_words_as_text(rows: list[list[str]]) -> None:
    cells = pl.Series(rows, dtype=pl.List(pl.String))
    text = as_words(cells)
    assert count_words(text).to_list() == count_words(cells).to_list() == [len(row) for row in rows]


def test_places_are_those_of_the_text_as_it_stands() -> None:
    text = "  two,\u00a0words\n"
    assert [text[slice(*place)] for place in place_words(text)] == ["two,", "words"]
    assert as_words(pl.Series([text, " ", None])).to_list() == [text, None, None]


def test_a_word_is_spelled_the_same_wherever_it_stands() -> None:
    feature = Text("said", TextSettings(by_word=True))
    feature.fit(feature.read(pl.Series(["tickets for two"] * 3 + ["two tickets"] * 3)))
    first, second = (feature.encode(pl.Series([text]))["tokens"].values.tolist() for text in ("two", "for two"))
    assert second[-len(first) :] == first
    assert spelled(pl.Series(["two"])).to_list() == [" two"]
    assert feature.decode(feature.encode(pl.Series(["for  two"]))["tokens"]).to_list() == ["for two"]
    assert feature.state.tokens == "pieces"


def test_words_that_mean_missing_elsewhere_are_words_here() -> None:
    feature = Text("said", TextSettings(by_word=True))
    assert feature.read(pl.Series(["none", "NA", ""])).to_list() == ["none", "NA", None]
    assert feature.read(pl.Series([["none"], [], None])).to_list() == ["none", None, None]


def test_tokens_that_do_not_say_where_words_begin_are_refused() -> None:
    with pytest.raises(SettingError, match=r"'said' are labelled.*tokens=words · allowed: pieces, characters"):
        Text("said", TextSettings(by_word=True, tokens="words")).fit(pl.Series(["a b"]))


def test_a_text_that_is_cut_has_fewer_words() -> None:
    feature = Text("said", TextSettings(by_word=True, longest=3))
    cells = pl.Series(["one two three four five"] * 3)
    feature.fit(cells)
    assert words_read(feature.encode(cells)["tokens"], feature.tokens.spelling).tolist() == np.full(3, 3).tolist()
