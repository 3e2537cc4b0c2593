"""Where sentences begin and end."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from lamina.features.sentences import BETWEEN, one_by_one, place_sentences, sentence_of, sentences
from lamina.features.text import Text, TextSettings

ENDS = {
    "We train. Does it work? It does (mostly).": ["We train.", "Does it work?", "It does (mostly)."],
    'He said "No." Then he left. "Oh!" she said.': ['He said "No."', "Then he left.", '"Oh!"', "she said."],
    "See Fig. 3 by J. Doe et al. (2017), i.e. the\nU.S. Army. In it, a vs. b.": [
        "See Fig. 3 by J. Doe et al. (2017), i.e. the\nU.S. Army.", "In it, a vs. b.",
    ],
    "It is 3.5 % of approx. all. no end. End": ["It is 3.5 % of approx. all. no end.", "End"],
    "A title\n\nThe body.\nMore": ["A title", "The body.", "More"],
    "これは。それは！はい": ["これは。", "それは！", "はい"],
    "Größe zählt. Ändern… (Ja.) ¿Qué? «Oui.»": ["Größe zählt.", "Ändern…", "(Ja.)", "¿Qué?", "«Oui.»"],
    f"one, e.g. A. Two{BETWEEN} three {BETWEEN}{BETWEEN}": ["one, e.g. A. Two", "three"],
    " x ": ["x"],
    ". . .": [". . ."],
    " \n ": [],
    "": [],
}  # fmt: skip


@pytest.mark.parametrize("text", ENDS)
def test_where_sentences_end(text: str) -> None:
    assert sentences(text) == ENDS[text]
    places = place_sentences(text)
    assert all(start < end for start, end in places) and places == sorted(places)
    assert not any(letter.strip() for letter in set(text) - set("".join(ENDS[text])))


@pytest.mark.parametrize("tokens", ["pieces", "characters"])
def test_each_token_is_of_one_sentence(tokens: str) -> None:
    """The tokens of a sentence spell it, whatever they are."""
    cells = pl.Series([text for text in ENDS if text.strip()])
    feature = Text("a", TextSettings(tokens=tokens, lower=False, min_count=1))  # type: ignore[arg-type]
    cells = feature.read(cells)
    ids = feature.fit(cells).encode(cells)["tokens"]
    spelling = feature.tokens.spelling
    for row, text in enumerate(cells):
        of = sentence_of(ids[row : row + 1].values.tolist(), spelling)
        assert (np.diff(of) >= 0).all()
        said = [b"".join(spelling[token] for token in ids[row : row + 1].values[of == place]).decode().strip()
                for place in range(of.max() + 1)]  # fmt: skip
        assert said == sentences(text)
    assert sentence_of([], spelling).tolist() == []
    cut = b"a \xc3"  # in the middle of a character
    assert sentence_of([0, 1, 2], [cut[:1], cut[1:2], cut[2:]]).tolist() == [0, 0, 0]


def test_lists_keep_their_sentences() -> None:
    cells = pl.Series([["Yes, e.g. B. C", " no "], [None, "x"], [], None])
    joined = one_by_one(cells)
    assert [None if one is None else sentences(one) for one in joined] == [["Yes, e.g. B. C", "no"], ["x"], [], None]
    assert one_by_one(pl.Series(["a. B"])).to_list() == ["a. B"]
    feature = Text("a")
    assert feature.read(cells).to_list() == [f"Yes, e.g. B. C{BETWEEN} no", "x", None, None]


@pytest.mark.data
def test_most_abstracts_have_the_sentences_that_they_were_given(shared_data: Path) -> None:
    """Those that were joined by blanks come apart again; the others were mostly broken where a line was."""
    with gzip.open(shared_data / "scitldr" / "dev.jsonl.gz", "rt", encoding="utf-8") as file:
        abstracts = [[one.strip() for one in json.loads(line)["source"]] for line in file]
    found = [sentences(" ".join(given)) for given in abstracts]
    assert np.mean([have == given for have, given in zip(found, abstracts, strict=True)]) > 0.88
    assert [sentences(BETWEEN.join(given)) for given in abstracts] == abstracts
