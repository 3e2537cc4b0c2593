"""Summaries: read in every form, and measured against each sentence."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import polars as pl
import pytest

from lamina.codecs.ragged import Ragged
from lamina.config import check
from lamina.data.infer import infer
from lamina.data.read import read
from lamina.errors import DataError
from lamina.evaluation.text.rouge import figure, statistics
from lamina.features.base import Profile
from lamina.features.encoder import Encoder
from lamina.features.sentence import Sentence, SentenceSettings, likeness, texts_of
from lamina.features.text import Text, TextSettings

TEXTS = ["We train nets. It works, e.g. here.", "Größe zählt. Ja!", "One."]
SAID = ["It's the 3rd of May.", "the the cat-cat", "", "a b c", "A cat, a dog; a cow"]


def abstracts(*cells: Any) -> tuple[Text, pl.Series]:
    feature = Text("abstract", check(TextSettings, {"tokens": "pieces", "lower": False}))
    texts = feature.read(pl.Series("abstract", list(cells or TEXTS)))
    return feature.fit(texts), texts


def test_likeness_is_rouge_1() -> None:
    for one in SAID:
        for other in (["the cat sat", "May 3rd"], ["a a a"], ["a b", "c a b"]):
            expected = figure(statistics([other], [one])[0], "1")
            assert likeness(one, other) == pytest.approx(expected), (one, other)
    assert likeness("Größe zählt", ["größe"]) == pytest.approx(2 / 3), "other letters count, too"
    assert likeness("機械学習", ["深層学習"]) == 0.5, "without blanks, each character does"


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["it works ", " ", None, ""], [["it works"], None, None, None]),
        ([["a", " b", ""], [], None], [["a", "b"], None, None]),
        ([[], None], [None, None]),
        ([None, None], [None, None]),
    ],
)
def test_every_form_of_a_cell(cells: list[Any], expected: list[Any]) -> None:
    found = Sentence("tldr").read(pl.Series(cells))
    assert found.to_list() == expected and found.dtype == pl.List(pl.String)
    assert Sentence("tldr").read(found).equals(found)


def test_other_cells_are_refused() -> None:
    with pytest.raises(DataError, match=r"'tldr' is to hold summaries, not Int64 · got 1, 2 .*row\(s\) 7, 8"):
        Sentence("tldr").read(pl.Series([1, 2]), first_row=7)


def test_a_row_is_the_likeness_of_each_sentence_and_the_summaries() -> None:
    cells, (text, texts) = Sentence("tldr").read(pl.Series([["It works!", "nets"], ["Größe"], None])), abstracts()
    feature = Sentence("tldr").fit(cells)
    encoded = feature.encode_in(cells, texts, text)
    assert encoded.values.dtype == np.int32 and encoded.lengths.tolist() == [1 + 2 + 14, 1 + 2 + 5, 0]
    assert encoded.values[:3].tolist() == [2, 500, 571], "2 of 1 + 3 words; 4 of 2 + 5"
    assert feature.summaries(encoded) == [["It works!", "nets"], ["Größe"], []]
    assert feature.decode(encoded).to_list() == ["It works!", "Größe", None]
    assert (feature.state.rows, feature.state.missing, feature.state.several) == (2, 1, 1)
    assert isinstance(feature.encode_in(cells[:0], texts[:0], text), Ragged)
    tokens = text.encode(texts)["tokens"]
    assert texts_of(tokens[0:1].values, text.tokens.spelling) == ["We train nets.", "It works, e.g. here."]
    assert texts_of(tokens.values[:0], text.tokens.spelling) == []


def test_a_row_without_a_text_is_set_aside() -> None:
    text, texts = abstracts("A b.", None)
    cells, refused = Sentence("tldr").read(pl.Series(["a", "b"])), {}
    found = Sentence("tldr").encode_in(cells, texts, text, refused)
    assert refused == {1: "there is no text in 'abstract' to take a sentence of"} and len(found) == 2
    with pytest.raises(DataError, match=r"no text in 'abstract' .* row 8 \(counted from 0\)"):
        Sentence("tldr").encode_in(cells, texts, text, first_row=7)


def test_the_longest_text_is_what_it_is_of() -> None:
    lists = [["It is long.", "Row."], ["It is longer."], ["As long as that."]] * 3
    frame = pl.DataFrame(
        {"title": ["A b", "C d", "E f"] * 3, "abstract": lists, "tldr": [["x", "y"], ["z"], ["u"]] * 3}
    )
    schema = infer(read(frame), targets=["tldr"], overrides={"tldr": "sentence"})
    assert schema["tldr"].feature.settings.of == "abstract"
    assert schema["abstract"].feature.kind == "text" and "'tldr' is a summary of it" in schema["abstract"].evidence
    told = infer(read(frame), targets=["tldr"], overrides={"tldr": {"kind": "sentence", "of": "title"}})
    assert told["tldr"].feature.settings.of == "title" and told["title"].feature.kind == "text"
    assert infer(read(frame), targets=["tldr"])["tldr"].feature.kind != "sentence", "of itself, it is not"
    assert Sentence.recognise(Profile("tldr", frame["tldr"], 9, 9)) is None


def test_it_is_encoded_the_same_when_made_again() -> None:
    text, texts = abstracts()
    feature = Sentence("tldr", check(SentenceSettings, {"of": "abstract"}), is_target=True)
    frame = pl.DataFrame({"abstract": texts, "tldr": ["nets", "Ja", "Two"]})
    encoder = Encoder([text], [feature.fit(feature.read(frame["tldr"]))])
    assert [slot.holds_target for slot in encoder.layout.wide] == [True]
    (target,) = encoder.encode_targets(encoder.read(frame, targets=True))
    again = Encoder.from_json(json.loads(json.dumps(encoder.to_json())))
    (same,) = again.encode_targets(again.read(frame, targets=True))
    assert same.values.tolist() == target.values.tolist()
