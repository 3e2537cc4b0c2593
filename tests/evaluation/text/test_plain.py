"""Texts of training rows as answers."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer

from lamina.errors import SettingError
from lamina.evaluation.matrix import Matrix
from lamina.evaluation.text.plain import TEXT_BASELINES, texts_beside
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
    found = texts_beside(outline(ENGLISH), outline(NEW), GERMAN, which="all", seed=0)
    assert list(found) == list(TEXT_BASELINES) == ["constant", "nearest"]
    constant, nearest = (found[name].answer for name in found)
    assert constant is not None and constant.text is not None and nearest is not None and nearest.text is not None
    assert constant.text.tolist() == ["der Hund"] * 3, "of equally frequent ones the first by name"
    assert nearest.text.tolist() == ["ein Vogel", "der Hund", "der Kater"]
    assert all(baseline.seconds >= 0 and not baseline.note for baseline in found.values())
    alike = TfidfVectorizer().fit(ENGLISH)
    cosine = (alike.transform(NEW) @ alike.transform(ENGLISH).T).toarray()
    assert nearest.text.tolist() == GERMAN[cosine.argmax(1)].tolist()


def test_of_rows_that_are_taught_each_is_nearest_to_itself() -> None:
    (found,) = texts_beside(outline(ENGLISH), outline(ENGLISH), GERMAN, which=["nearest"], seed=0).values()
    assert found.answer is not None and found.answer.text is not None
    assert found.answer.text.tolist() == GERMAN.tolist()


def test_a_row_that_is_like_none_gets_some_text() -> None:
    (found,) = texts_beside(outline(ENGLISH), outline(["", "zebra"]), GERMAN, which="nearest", seed=0).values()
    assert found.answer is not None and set(found.answer.text) <= set(GERMAN)  # type: ignore[arg-type]


def test_plain_columns_have_no_nearest_row() -> None:
    taught, judged = (
        Matrix.of({"number": np.zeros((rows, 1), np.float32)}, sizes=[], rows=rows) for rows in (5, 2)
    )  # fmt: skip
    found = texts_beside(taught, judged, GERMAN, which="all", seed=0)
    assert found["nearest"].answer is None and found["nearest"].note.startswith("left out: there is no picture")
    assert found["constant"].answer is not None


def test_names() -> None:
    assert texts_beside(outline(ENGLISH), outline(NEW), GERMAN, which="none", seed=0) == {}
    assert list(texts_beside(outline(ENGLISH), outline(NEW), GERMAN, which="constant", seed=0)) == ["constant"]
    with pytest.raises(SettingError, match=r"no such baseline of a text · got 'nearst' · .* did you mean nearest"):
        texts_beside(outline(ENGLISH), outline(NEW), GERMAN, which=["nearst"], seed=0)
