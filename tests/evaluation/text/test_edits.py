"""Word and character error rates are jiwer's, and so are the kinds of edits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lamina.evaluation.text.edits import CER, WER, align, statistics, tokenized

REFERENCES = ["the cat sat on the mat", "seven eight  nine", "", "oh"]
SAID = ["the cat sad on mat today", "seven ate nine nine", "uh", ""]

TEXTS = st.lists(st.sampled_from(["a ", "b ", "c ", "ab", " ", "\t", "é"]), max_size=14).map("".join)
ROWS = st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=4)


def test_golden_numbers() -> None:
    """Made with jiwer 4.0.0: hits and misses, too."""
    assert WER(REFERENCES, SAID) == pytest.approx(0.7, abs=1e-9)
    assert CER(REFERENCES, SAID) == pytest.approx(0.4634146341463415, abs=1e-9)
    assert statistics(REFERENCES, SAID).sum(axis=0).tolist() == [10, 4, 1, 2]
    assert statistics(REFERENCES, SAID, characters=True).sum(axis=0).tolist() == [41, 11, 2, 6]


def test_an_alignment_lays_words_side_by_side() -> None:
    steps = align(tokenized("the cat sat on the mat"), tokenized("cat sad on the mat today"))
    assert [(step.kind, step.reference, step.said) for step in steps] == [
        ("deletion", "the", None),
        ("same", "cat", "cat"),
        ("substitution", "sat", "sad"),
        ("same", "on", "on"),
        ("same", "the", "the"),
        ("same", "mat", "mat"),
        ("insertion", None, "today"),
    ]
    assert align([], []) == []


@given(st.text("abc", max_size=12), st.text("abc", max_size=12))
def test_an_alignment_is_whole_and_no_longer_than_needed(reference: str, said: str) -> None:
    steps = align(reference, said)
    assert "".join(step.reference or "" for step in steps) == reference
    assert "".join(step.said or "" for step in steps) == said
    assert all((step.kind == "same") == (step.reference == step.said) for step in steps)
    table = np.zeros((len(reference) + 1, len(said) + 1), int)
    table[:, 0], table[0] = np.arange(len(reference) + 1), np.arange(len(said) + 1)
    for row, left in enumerate(reference, 1):
        for place, right in enumerate(said, 1):
            change = table[row - 1, place - 1] + (left != right)
            table[row, place] = min(change, table[row - 1, place] + 1, table[row, place - 1] + 1)
    assert sum(step.kind != "same" for step in steps) == table[-1, -1]


def test_an_empty_reference_counts_what_was_said() -> None:
    assert WER(["one two", ""], ["one two", "uh oh"]) == 1.0
    assert WER(["one two", ""], ["one two", " "]) == 0.0
    assert np.isnan(WER(["", " "], ["", "uh"]))  # there is nothing to divide by


def test_the_nearest_reference_is_taken() -> None:
    assert WER([["three", "one two"]], ["one three"]) == 0.5
    assert statistics([["a b", "a b c d"]], ["x b c d"])[0].tolist() == [4, 1, 0, 0]
    assert statistics([["", "a"]], ["b"])[0].tolist() == [1, 1, 0, 0]


def test_long_texts() -> None:
    generator = np.random.default_rng(0)
    reference = "".join(generator.choice(list("abcd"), 2000))
    said = "".join(letter for letter in reference if generator.random() < 0.9)
    assert statistics([reference], [said], characters=True)[0, 1:].tolist() == [0, len(reference) - len(said), 0]


@given(ROWS)
def test_equals_jiwer(rows: list[tuple[str, str]]) -> None:
    jiwer = pytest.importorskip("jiwer")
    references, said = [row[0] for row in rows], [row[1] for row in rows]
    for characters, theirs in ((False, jiwer.process_words), (True, jiwer.process_characters)):
        found = theirs(references, said)
        length = found.hits + found.substitutions + found.deletions
        wanted = [length, found.substitutions, found.deletions, found.insertions]
        assert statistics(references, said, characters=characters).sum(axis=0).tolist() == wanted
        if length:
            rate = found.cer if characters else found.wer
            assert (CER if characters else WER)(references, said) == pytest.approx(rate, abs=1e-9)


@pytest.mark.parametrize("length", [60, 65, 300])
def test_equals_jiwer_in_long_texts(length: int) -> None:
    jiwer = pytest.importorskip("jiwer")
    generator = np.random.default_rng(length)
    reference = "".join(generator.choice(list("abcde"), length))
    said = "".join(generator.choice([letter, "x", ""], p=[0.7, 0.2, 0.1]) for letter in reference)
    found = jiwer.process_characters(reference, said)
    wanted = [length, found.substitutions, found.deletions, found.insertions]
    assert statistics([reference], [said], characters=True)[0].tolist() == wanted
