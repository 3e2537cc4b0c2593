"""Text: what is learned, what is cut, and what nothing may crash on."""

from __future__ import annotations

import json
import sys
import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lamina.codecs.ragged import Ragged
from lamina.data.infer import infer
from lamina.data.read import read
from lamina.errors import DataError, MissingExtraError, SettingError
from lamina.features import text as module
from lamina.features.base import MISSING
from lamina.features.text import Text, TextSettings
from lamina.features.tokens import FIRST, UNKNOWN

OWN = ("words", "pieces", "characters")
REVIEWS = ["A good film.", "a good plot", "A bad film!", None, "bad, bad film"]


def fitted(cells: list[Any] | pl.Series, **settings: Any) -> Text:
    feature = Text("c", TextSettings(**settings))
    return feature.fit(feature.read(pl.Series(cells)))


def encoded(feature: Text, cells: list[Any] | pl.Series) -> Ragged:
    return feature.encode(feature.read(pl.Series(cells)))["tokens"]


def ids(feature: Text, cell: str | None) -> list[int]:
    return encoded(feature, pl.Series([cell], dtype=pl.String)).values.tolist()


def test_words_in_lower_case_stand_by_frequency_and_rare_ones_are_unknown() -> None:
    feature = fitted(REVIEWS)
    assert (feature.state.tokens, feature.state.lower) == ("words", True)
    assert feature.state.names == ["a", "bad", "film", "good"]
    assert ids(feature, "GOOD film with words") == [FIRST + 3, FIRST + 2, UNKNOWN, UNKNOWN]
    assert feature.slots[0].size == FIRST + 4
    assert feature.state.unknown == pytest.approx(4 / 15)  # . plot ! ,
    assert (feature.state.count, feature.state.missing) == (4, 1)


def test_case_counts_where_it_is_asked_for() -> None:
    assert "A" in fitted(REVIEWS, lower=False).state.names
    assert fitted(["Ab", "ab"], tokens="characters").state.names == ["b"]
    assert fitted(["Ab", "ab"], tokens="characters", lower=True).state.names == ["a", "b"]


@given(st.permutations([review for review in REVIEWS if review]))
def test_the_order_of_rows_never_matters(cells: list[str]) -> None:
    for tokens in OWN:
        assert fitted(cells, tokens=tokens).state == fitted(REVIEWS[:3] + REVIEWS[4:], tokens=tokens).state


def test_the_vocabulary_has_a_cap() -> None:
    assert fitted(REVIEWS, vocabulary=2, min_count=1).state.names == ["a", "bad"]
    assert len(fitted(REVIEWS, tokens="pieces", vocabulary=260).state.names) == 260
    assert fitted(REVIEWS, tokens="characters", vocabulary=1).state.names == [" "]


def test_missing_and_blank_cells_are_rows_without_tokens_and_unknown_words_are_not() -> None:
    feature = fitted(REVIEWS)
    cells = [*MISSING, "  \t ", None, "xyzzy", "😀", "\0", "\u200b"]
    assert encoded(feature, cells).lengths.tolist() == [0] * (len(MISSING) + 2) + [1] * 4


@pytest.mark.parametrize("tokens", OWN)
def test_lengths_and_cuts_are_learned_and_told(tokens: str) -> None:
    texts = ["a b"] * 90 + ["a b c d e f"] * 6 + ["a " * 40] * 4
    feature = fitted(texts, tokens=tokens, longest=30)
    assert feature.state.cut == 4
    assert feature.summary()["texts cut after 30 tokens"] == 4
    lengths = encoded(feature, texts).lengths
    assert feature.slots[0].length == int(np.quantile(lengths, 0.95))
    assert lengths.max() == 30


def test_many_texts_are_measured_by_an_even_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SAMPLE", 100)
    texts = pl.Series(["a b"] * 999 + ["a b c"] * 1)
    whole = Text("c", TextSettings(longest=2)).fit(texts)
    pieces = Text("c", TextSettings(longest=2))
    for first in range(0, 1000, 37):
        pieces.partial_fit(texts[first : first + 37])
    assert pieces.finish().state == whole.state
    assert whole.state.count == 1000 and whole.state.length == 2


def test_codes_are_read_in_pieces_and_running_words_are_not() -> None:
    generator = np.random.default_rng(0)
    codes = ["".join(row) for row in generator.choice(list("CNOPS"), (1000, 12))]
    feature = fitted(codes, vocabulary=300)
    assert (feature.state.tokens, feature.state.lower) == ("pieces", False)
    assert feature.decode(encoded(feature, codes)).to_list() == codes
    assert fitted(["these are words"] * 400, vocabulary=1, min_count=999).state.tokens == "words"
    assert fitted(codes[:100]).state.tokens == "words", "too few to tell"


def test_a_column_without_any_text_can_be_learned() -> None:
    for cells in (pl.Series([], dtype=pl.String), pl.Series([None, ""], dtype=pl.String)):
        for tokens in ("auto", *OWN):
            feature = fitted(cells, tokens=tokens)
            assert feature.slots[0].length == 1
            assert ids(feature, "now some") and not ids(feature, None)


@pytest.mark.parametrize("tokens", ["pieces", "characters"])
@given(cells=st.lists(st.text(max_size=30), min_size=1, max_size=5))
def test_pieces_and_characters_come_back_in_composed_form(tokens: str, cells: list[str]) -> None:
    feature = Text("c", TextSettings(tokens=tokens, min_count=1))
    given_cells = feature.read(pl.Series(cells, dtype=pl.String))
    feature.fit(given_cells)
    assert feature.decode(feature.encode(given_cells)["tokens"]).to_list() == given_cells.to_list()
    for cell in given_cells.drop_nulls():
        assert unicodedata.is_normalized("NFC", cell)


HARD = {
    "a megabyte without a blank": "a" * 1_000_000,
    "a megabyte of words": "word " * 200_000,
    "a megabyte of blanks": "x" + " " * 1_000_000 + "y",
    "emoji": "👩‍👩‍👧‍👦🇩🇪" * 1000,
    "nothing but marks": "!?" * 1000,
    "accents without end": "a" + "\u0301" * 5000,
    "NUL": "\0" * 1000,
    "right to left": "\u202eשלום עולם",
    "no characters": "\ufffe\uffff\U0010ffff",
    "final sigma and dotted i": "ΣΑΣ İstanbul ﬀ",
    "one": "x",
}


@pytest.mark.parametrize("tokens", OWN)
@pytest.mark.parametrize("name", HARD)
def test_hard_texts(name: str, tokens: str) -> None:
    for feature in (fitted(REVIEWS, tokens=tokens), fitted([HARD[name], "b"], tokens=tokens)):
        found = encoded(feature, [HARD[name], None])
        assert 0 < found.lengths[0] <= 512 and found.lengths[1] == 0
        assert ((found.values > 0) & (found.values < feature.slots[0].size)).all()
        feature.decode(found)
        json.dumps(feature.to_json(), allow_nan=False)


def test_composed_and_decomposed_letters_are_one_word() -> None:
    feature = fitted(["caf\u00e9 noir", "cafe\u0301 noir"])
    assert ids(feature, "cafe\u0301") == ids(feature, "caf\u00e9") != [UNKNOWN]


def test_fitting_again_forgets() -> None:
    feature = fitted(["old words", "old words"])
    assert ids(feature, "old") == [FIRST]
    feature.fit(pl.Series(["new", "new"]))
    assert (ids(feature, "old"), ids(feature, "new")) == ([UNKNOWN], [FIRST])


def tokenizer_folder(folder: Path) -> Path:
    tokenizers = pytest.importorskip("tokenizers", reason="needs the package tokenizers")
    tokenizer = tokenizers.Tokenizer(
        tokenizers.models.WordLevel({"[PAD]": 0, "[UNK]": 1, "good": 2}, unk_token="[UNK]")
    )
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


def test_pretrained_tokens_live_on_in_the_state(tmp_path: Path) -> None:
    folder = tokenizer_folder(tmp_path)
    for settings in ({"tokens": "pretrained"}, {"tokens": "auto"}):
        feature = fitted(REVIEWS, weights=str(folder), **settings)
        assert (feature.state.tokens, feature.state.names) == ("pretrained", [])
        assert feature.slots[0].size == 4
    (folder / "tokenizer.json").unlink()
    again = Text.from_json(json.loads(json.dumps(feature.to_json())))
    assert ids(again, "good bad") == [3, 2]
    assert again.summary()["vocabulary"] == 3


def test_pretrained_tokens_need_a_model(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="weights="):
        fitted(REVIEWS, tokens="pretrained")
    with pytest.raises(DataError, match=r"no tokenizer\.json"):
        fitted(REVIEWS, tokens="pretrained", weights=str(tmp_path))


def test_pretrained_tokens_need_their_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tokenizer.json").write_text("{}")
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(MissingExtraError, match=r"lamina\[transformers\]"):
        fitted(REVIEWS, tokens="pretrained", weights=str(tmp_path))


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        ([f"the row {row} says a few words" for row in range(30)], "text"),
        ([f"这是第{row}个句子,它有几个字" for row in range(30)], "text"),
        (["a kind of some words", "another kind of words"] * 30, "category"),
        ([f"a kind of words {row % 12}" for row in range(60)], "category"),
        (["the same words in all rows"] * 60, "constant"),
        ([f"word{row}" for row in range(60)], "identifier"),
        ([f"Ann Bell{row}" for row in range(60)], "category"),
        ([f"王{chr(0x4E00 + row)}明" for row in range(60)], "identifier"),
        ([f"{row} words or | marks" for row in range(60)], "labels"),
        ([f"2024-01-{1 + row % 28:02} 10:00:00" for row in range(60)], "date"),
        ([f"{row}/{row + 1} : {row} %" for row in range(60)], "text"),
    ],
)
def test_what_is_text_and_what_stays_what_it_was(cells: list[str], kind: str) -> None:
    assert infer(read({"c": cells, "other": list(range(len(cells)))}))["c"].feature.kind == kind


@pytest.mark.data
@pytest.mark.parametrize(
    ("table", "texts"),
    [
        ("adult/train.csv.gz", set()),
        ("german_credit/german_credit.csv.gz", set()),
        ("compas/compas_two_years.csv.gz", set()),
        ("movielens_latest_small/movies.csv.gz", {"title"}),
        ("sst/sst2.csv.gz", {"text"}),
        ("trec/trec.csv.gz", {"text"}),
        ("ag_news_small/ag_news_small.csv.gz", {"text"}),
        ("clinc150/clinc150_full.csv.gz", {"text"}),
    ],
)
def test_columns_of_real_tables(table: str, texts: set[str], shared_data: Path) -> None:
    schema = infer(read(shared_data / table))
    assert {name for name, column in schema.items() if column.feature.kind == "text"} == texts
