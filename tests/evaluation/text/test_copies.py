"""Copies from the training text: found where they are, in pieces of any size, and told whence they come."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lamina.errors import DataError
from lamina.evaluation.text import copies as module
from lamina.evaluation.text.copies import copies, figure
from lamina.features.tokens import split

TRAINING = [
    "Nothing here.",
    "It was the best of times, it was the worst of times, it was the age of wisdom.",
    "The end.",
]


def test_a_passage_and_whence_it_is() -> None:
    said = ["He wrote: It WAS the best  of times, it was the worst of days.", "Nothing like it."]
    found = copies(said, [TRAINING])
    assert found.statistics.tolist() == [[10, 5], [0, 0]]
    assert found.share == 0.5
    assert found.longest is not None
    assert found.longest.text == "It was the best of times, it was the worst of"
    assert (found.longest.length, found.longest.said_row, found.longest.row) == (12, 0, 1)
    assert said[0][found.longest.said_place :].startswith("It WAS the best")
    assert TRAINING[1][found.longest.place :].startswith(found.longest.text)


def test_characters_are_compared_as_they_are() -> None:
    found = copies(["the WORST of times"], [TRAINING], unit="characters", length=8)
    assert found.longest is not None
    assert (found.longest.text, found.longest.length) == (" of times", 9)
    assert found.statistics.tolist() == [[11, 2]]


def test_nothing_of_it_is_there() -> None:
    found = copies(["ask not what your country can do for you", ""], [TRAINING, []])
    assert (found.share, found.longest) == (0.0, None)
    assert np.isnan(copies(["too short"], [TRAINING]).share)
    assert copies(["ask not what your country can do for you"], []).share == 0.0


def test_rows_are_counted_over_pieces_and_missing_ones_too() -> None:
    found = copies(["the age of wisdom."], [["x", None], pl.Series([None, *TRAINING])], unit="characters", length=10)
    assert found.longest is not None
    assert (found.longest.row, found.longest.text) == (4, "the age of wisdom.")


def test_the_share_has_an_interval() -> None:
    rows = copies(["it was the best of times, it was so", "and then it was the end of it all"], [TRAINING], length=4)
    weights = np.array([[1.0, 1.0], [2.0, 0.0]])
    assert figure(weights @ rows.statistics).tolist() == pytest.approx([rows.share, 6 / 7])


def test_one_letter_again_and_again_is_no_more_work() -> None:
    found = copies(["a" * 5000], [["b", "a" * 50_000]], unit="characters")
    assert found.longest is not None
    assert (found.longest.length, found.longest.place, found.share) == (5000, 0, 1.0)


ALPHABETS = {"words": ["foo ", "Foo ", "bar  ", "a. ", " b,", "\nc ", "漢字"], "characters": [*"abAé. ", "  "]}


def _by_hand(said: list[str], training: list[str], unit: str, length: int) -> tuple[list[list[int]], int]:
    """Grams and those found of each text, and the length of the longest passage, one comparison after the other."""

    def tokens(text: str) -> list[str]:
        return list(text) if unit == "characters" else split(pl.Series([text]))[0].str.to_lowercase().to_list()

    def runs(text: list[str], size: int) -> list[tuple[str, ...]]:
        return [tuple(text[at : at + size]) for at in range(len(text) - size + 1)]

    texts = [tokens(text) for text in said]
    known = [tokens(text) for text in training]
    grams = {gram for text in known for gram in runs(text, length)}
    counts = [[len(runs(text, length)), sum(gram in grams for gram in runs(text, length))] for text in texts]
    longest = 0
    for size in range(length, max(map(len, texts), default=0) + 1):
        found = {gram for text in known for gram in runs(text, size)}
        if any(gram in found for text in texts for gram in runs(text, size)):
            longest = size
    return counts, longest


@st.composite
def cases(draw: st.DrawFn) -> tuple[str, int, list[str], list[str]]:
    unit = draw(st.sampled_from(sorted(ALPHABETS)))
    letters = st.sampled_from(ALPHABETS[unit])
    said = draw(st.lists(st.lists(letters, max_size=12).map("".join), min_size=1, max_size=3))
    training = draw(st.lists(st.lists(letters, max_size=40).map("".join), max_size=3))
    return unit, draw(st.integers(2, 4)), said, training


@given(cases(), st.sampled_from([1, 10**6]))
def test_equals_what_is_found_by_hand(case: tuple[str, int, list[str], list[str]], piece: int) -> None:
    unit, length, said, training = case
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "PIECE", piece)
        found = copies(said, [training[:1], training[1:]], unit=unit, length=length)
    counts, longest = _by_hand(said, training, unit, length)
    assert found.statistics.tolist() == counts
    assert (found.longest.length if found.longest else 0) == longest
    if found.longest:
        passage = found.longest
        assert training[passage.row][passage.place : passage.place + len(passage.text)] == passage.text


@pytest.mark.parametrize("unit", ["words", "characters"])
def test_long_cells_are_looked_at_in_parts(unit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(0)
    book = "".join(generator.choice(ALPHABETS[unit], 1000))
    monkeypatch.setattr(module, "PIECE", 1)
    for start in (333, len(book) - 60):
        said = "xyzzy. " + book[start : start + 60]
        found = copies([said], [["", book]], unit=unit, length=6)
        counts, longest = _by_hand([said], [book], unit, 6)
        assert found.statistics.tolist() == counts
        assert found.longest is not None
        assert found.longest.length == longest
        assert book[found.longest.place :].startswith(found.longest.text)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"said": []}, "no rows to judge on"),
        ({"said": [None]}, "null in row 0"),
        ({"training": ["one text"]}, "pieces of training text are columns of texts · got one text"),
        ({"unit": "letters"}, "got 'letters' · allowed: words, characters"),
        ({"length": 1}, "got length=1 · allowed: 2 or more"),
    ],
)
def test_what_is_not_allowed(change: dict, message: str) -> None:
    given_values = {"said": ["a"], "training": [TRAINING], **change}
    with pytest.raises(DataError) as error:
        copies(**given_values)
    assert message in str(error.value)
