"""Texts of training rows as answers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer

from lamina.data.rows import Rows
from lamina.data.store import Store, StoreWriter
from lamina.errors import SettingError
from lamina.evaluation.matrix import Matrix
from lamina.evaluation.text.extract import central
from lamina.evaluation.text.plain import TEXT_BASELINES, Reading, sources_of, texts_beside
from lamina.features.layout import Layout
from lamina.features.sentences import sentences
from lamina.features.text import Text, TextSettings

ENGLISH = ["the red dog sees a cat", "an old bird", "the cat hears the bird", "a bird sings", "red red dog"]
GERMAN = np.array(["der Hund", "ein Vogel", "der Kater", "ein Vogel", "der Hund"], object)
NEW = ["an old old bird sings", "a red dog", "hears the cat"]


def outline(texts: list[str]) -> Matrix:
    """Texts by ids as a baseline sees them."""
    feature = Text("english", TextSettings(min_count=1)).fit(pl.Series("english", ENGLISH))
    cells = feature.encode(pl.Series("english", texts))["tokens"]
    return Matrix.of({"tokens000": cells}, sizes=[], rows=len(texts))


def test_the_most_frequent_text_and_the_nearest_row() -> None:
    found = texts_beside(Reading(outline(ENGLISH), outline(NEW), GERMAN), which="all")
    assert list(found) == ["constant", "nearest"]
    constant, nearest = (found[name].answer for name in found)
    assert constant is not None and constant.text is not None and nearest is not None and nearest.text is not None
    assert constant.text.tolist() == ["der Hund"] * 3, "of equally frequent ones the first by name"
    assert nearest.text.tolist() == ["ein Vogel", "der Hund", "der Kater"]
    assert all(baseline.seconds >= 0 and not baseline.note for baseline in found.values())
    alike = TfidfVectorizer().fit(ENGLISH)
    cosine = (alike.transform(NEW) @ alike.transform(ENGLISH).T).toarray()
    assert nearest.text.tolist() == GERMAN[cosine.argmax(1)].tolist()


def test_of_rows_that_are_taught_each_is_nearest_to_itself() -> None:
    (found,) = texts_beside(Reading(outline(ENGLISH), outline(ENGLISH), GERMAN), which=["nearest"]).values()
    assert found.answer is not None and found.answer.text is not None
    assert found.answer.text.tolist() == GERMAN.tolist()


def test_a_row_that_is_like_none_gets_some_text() -> None:
    (found,) = texts_beside(Reading(outline(ENGLISH), outline(["", "zebra"]), GERMAN), which="nearest").values()
    assert found.answer is not None and set(found.answer.text) <= set(GERMAN)  # type: ignore[arg-type]


def test_plain_columns_have_no_nearest_row() -> None:
    taught, judged = (
        Matrix.of({"number": np.zeros((rows, 1), np.float32)}, sizes=[], rows=rows) for rows in (5, 2)
    )  # fmt: skip
    found = texts_beside(Reading(taught, judged, GERMAN), which="all")
    assert found["nearest"].answer is None and found["nearest"].note.startswith("left out: there is no picture")
    assert found["constant"].answer is not None


LONG = [
    "Nobody came. The red cat saw the dog. The dog saw the cat. The cat slept.",
    "A bird sings! Is it the bird that sings? The old bird sings. We left.",
]


def test_sentences_of_what_is_read() -> None:
    reading = Reading(outline(ENGLISH), outline(NEW[:2]), GERMAN, LONG)
    found = texts_beside(reading, which="all")
    assert list(found) == list(TEXT_BASELINES)
    said = {name: found[name].answer.text.tolist() for name in ("lead", "textrank")}  # type: ignore[union-attr]
    assert said["lead"] == ["Nobody came.", "A bird sings!"]
    assert said["textrank"] == ["The dog saw the cat.", "The old bird sings."]
    assert all(one in sentences(text) for one, text in zip(said["textrank"], LONG, strict=True))
    (left_out,) = texts_beside(Reading(outline(ENGLISH), outline(NEW), GERMAN), which="textrank").values()
    assert left_out.answer is None and left_out.note.startswith("left out: what is read is not one text of several")


@pytest.mark.parametrize("tokens", ["pieces", "words", "characters"])
def test_what_is_read_comes_from_its_tokens(tokens: str, tmp_path: Path) -> None:
    feature = Text("source", TextSettings(tokens=tokens, min_count=1, lower=False)).fit(pl.Series("source", LONG))  # type: ignore[arg-type]
    layout = Layout.of(feature.slots)
    with StoreWriter(tmp_path / "store") as writer:
        writer.append({"tokens000": feature.encode(pl.Series("source", LONG))["tokens"], "row": np.arange(2)})
    rows = Rows.all(Store(tmp_path / "store"))
    found = sources_of(layout, rows)
    assert found is not None
    assert (found == LONG) is (tokens != "words") and [central(text)[:7] for text in found] == ["The dog", "The old"]
    assert sources_of(Layout.of([*feature.slots, *feature.slots]), rows) is None, "two columns"
    assert sources_of(layout, Rows(rows.store, rows.places[:0])) is None


def test_names() -> None:
    reading = Reading(outline(ENGLISH), outline(NEW), GERMAN)
    assert texts_beside(reading, which="none") == {}
    assert list(texts_beside(reading, which="constant")) == ["constant"]
    with pytest.raises(SettingError, match=r"no such baseline of a text · got 'nearst' · .* did you mean nearest"):
        texts_beside(reading, which=["nearst"])
