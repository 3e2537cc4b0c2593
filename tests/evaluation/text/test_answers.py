"""Answers are judged by the rules of SQuAD's own scripts."""

from __future__ import annotations

import re
import string
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lamina.evaluation.text.answers import (
    EXACT_MATCH,
    HAS_ANSWER_F1,
    IDENTICAL,
    NO_ANSWER,
    TOKEN_F1,
    plain,
    statistics,
)


@pytest.mark.parametrize(
    "answer, as_compared",
    [
        ("The Eiffel-Tower", "eiffeltower"),
        ("  an   apple a day ", "apple day"),
        ("theatre", "theatre"),
        ("«the» 3,5 %", "« » 35"),
        ("A.", ""),
    ],
)
def test_plain(answer: str, as_compared: str) -> None:
    assert plain(answer) == as_compared


@pytest.mark.parametrize(
    "references, said, exact, f1",
    [
        (["in the city of Paris", "Paris"], "paris.", 1, 1),
        (["city of Paris"], "Paris, France", 0, 2 * (1 / 2) * (1 / 3) / (1 / 2 + 1 / 3)),
        (["to to be"], "to be be", 0, 2 / 3),
        (["Paris"], "", 0, 0),
        ([], "", 1, 1),
        ([], "Paris", 0, 0),
        (["", "the"], "", 1, 1),
        (["", "Paris"], "", 0, 0),  # an empty answer beside a real one is none
        (["Paris"], "The", 0, 0),
    ],
)
def test_by_hand(references: list[str], said: str, exact: int, f1: float) -> None:
    row = statistics([references], [said])[0]
    assert row[1:3].tolist() == pytest.approx([exact, f1])


def test_with_and_without_answer_apart() -> None:
    references, said = [["Paris"], [], [""], ["a red fox"]], ["Paris", "", "Rome", "red"]
    assert EXACT_MATCH(references, said) == 0.5
    assert TOKEN_F1(references, said) == pytest.approx((1 + 1 + 0 + 2 / 3) / 4)
    assert HAS_ANSWER_F1(references, said) == pytest.approx((1 + 2 / 3) / 2)
    assert NO_ANSWER(references, said) == 0.5
    assert np.isnan(NO_ANSWER(["Paris"], ["Paris"]))
    assert np.isnan(HAS_ANSWER_F1([[]], [""]))


def test_identical_is_as_it_stands() -> None:
    assert IDENTICAL(["a red shoe .", "A hat", "a hat"], [" a red shoe .", "a hat", "a  hat"]) == pytest.approx(1 / 3)


# The functions of evaluate-v2.0.py, by Rajpurkar et al.


def _normalised(text: str) -> str:
    text = "".join(character for character in text.lower() if character not in set(string.punctuation))
    return " ".join(re.sub(re.compile(r"\b(a|an|the)\b", re.UNICODE), " ", text).split())


def _f1(gold: str, said: str) -> float:
    gold_tokens, said_tokens = _normalised(gold).split(), _normalised(said).split()
    same = sum((Counter(gold_tokens) & Counter(said_tokens)).values())
    if len(gold_tokens) == 0 or len(said_tokens) == 0:
        return int(gold_tokens == said_tokens)
    if same == 0:
        return 0
    precision, recall = same / len(said_tokens), same / len(gold_tokens)
    return (2 * precision * recall) / (precision + recall)


ANSWERS = st.lists(st.sampled_from(["the ", "An ", "fox", " fox ", "red ", ".", "-", "é "]), max_size=6).map("".join)


@given(st.lists(st.tuples(st.lists(ANSWERS, max_size=3), ANSWERS), min_size=1, max_size=5))
def test_equals_the_script(rows: list[tuple[list[str], str]]) -> None:
    golds = [[gold for gold in references if _normalised(gold)] or [""] for references, _ in rows]
    pairs = list(zip(golds, [said for _, said in rows], strict=True))
    exact = np.mean([max(_normalised(gold) == _normalised(said) for gold in row) for row, said in pairs])
    f1 = np.mean([max(_f1(gold, said) for gold in row) for row, said in pairs])
    references, said = [row[0] for row in rows], [row[1] for row in rows]
    assert EXACT_MATCH(references, said) == pytest.approx(exact, abs=1e-9)
    assert TOKEN_F1(references, said) == pytest.approx(f1, abs=1e-9)
