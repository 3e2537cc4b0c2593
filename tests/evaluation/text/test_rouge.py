"""ROUGE is rouge_score's, without its stemmer."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lamina.evaluation.text.rouge import ROUGE_1, ROUGE_2, ROUGE_L, ROUGE_LSUM, figure, statistics, tokenized

REFERENCES = [
    [
        "The quick brown fox jumps over the lazy dog.\nIt then sleeps in the sun.",
        "A fox jumps over a dog and sleeps.",
    ],
    ["We propose a method, RNN-3, for parsing.", "A method for parsing is proposed."],
    ["Nothing"],
]
SAID = [
    "A quick fox sleeps in the sun.\nThe dog jumps over the lazy fox.",
    "A parsing method, for RNN-3!",
    "",
]

# Precision, recall and F1 of ROUGE-1, -2, -L and -Lsum, made with rouge_score 0.1.2.
GOLDEN = [
    [6 / 7, 4 / 5, 24 / 29, 6 / 13, 3 / 7, 4 / 9, 3 / 7, 2 / 5, 12 / 29, 11 / 14, 11 / 15, 22 / 29],
    [1, 3 / 4, 6 / 7, 1 / 5, 1 / 5, 1 / 5, 2 / 3, 1 / 2, 4 / 7, 2 / 3, 1 / 2, 4 / 7],
    [0] * 12,
]

TEXTS = st.lists(st.sampled_from(["a ", "b ", "c ", "the ", "\n", "a\n", "É", "-", "3 "]), max_size=14).map("".join)
ROWS = st.lists(st.tuples(st.lists(TEXTS, min_size=1, max_size=3), TEXTS), min_size=1, max_size=3)


def test_golden_numbers() -> None:
    found = statistics(REFERENCES, SAID)
    assert found[:, 0].tolist() == [1.0] * 3
    np.testing.assert_allclose(found[:, 1:], GOLDEN, atol=1e-12)
    mean = np.mean(GOLDEN, axis=0)
    for place, score in enumerate((ROUGE_1, ROUGE_2, ROUGE_L, ROUGE_LSUM)):
        assert score(REFERENCES, SAID) == pytest.approx(mean[3 * place + 2], abs=1e-9)
    assert figure(found.sum(axis=0), "L", "recall") == pytest.approx(mean[7], abs=1e-9)


def test_names_are_those_of_files() -> None:
    names = [score.name for score in (ROUGE_1, ROUGE_2, ROUGE_L, ROUGE_LSUM)]
    assert names == ["rouge_1", "rouge_2", "rouge_l", "rouge_lsum"]


def test_other_letters_are_not_seen() -> None:
    assert tokenized("Größe: 3.5 m²") == ["gr", "e", "3", "5", "m"]


def test_order_counts_in_l_alone() -> None:
    assert ROUGE_1(["a b c"], ["c b a"]) == pytest.approx(1.0)
    assert ROUGE_L(["a b c"], ["c b a"]) == pytest.approx(1 / 3)


def test_lines_count_in_lsum_alone() -> None:
    assert ROUGE_L(["a b\nc d"], ["c d\na b"]) == pytest.approx(0.5)
    assert ROUGE_LSUM(["a b\nc d"], ["c d\na b"]) == pytest.approx(1.0)


@pytest.mark.parametrize("lengths", [(63, 64), (64, 200), (130, 129)])
def test_long_sequences(lengths: tuple[int, int]) -> None:
    """Against the table of dynamic programming."""
    generator = np.random.default_rng(sum(lengths))
    one, two = ([f"w{word}" for word in generator.integers(0, 9, length)] for length in lengths)
    table = np.zeros((len(one) + 1, len(two) + 1), int)
    for row, left in enumerate(one, 1):
        for place, right in enumerate(two, 1):
            table[row, place] = (
                table[row - 1, place - 1] + 1 if left == right else max(table[row - 1, place], table[row, place - 1])
            )
    found = statistics([" ".join(one)], [" ".join(two)])[0]
    assert found[7] == pytest.approx(table[-1, -1] / len(two))
    assert found[8] == pytest.approx(table[-1, -1] / len(one))


@given(ROWS)
def test_equals_rouge_score(rows: list[tuple[list[str], str]]) -> None:
    library = pytest.importorskip("rouge_score.rouge_scorer")
    kinds = ["rouge1", "rouge2", "rougeL", "rougeLsum"]
    theirs = library.RougeScorer(kinds)
    found = statistics([row[0] for row in rows], [row[1] for row in rows])[:, 1:]
    for place, (references, said) in enumerate(rows):
        scores = theirs.score_multi(references, said)
        wanted = [value for kind in kinds for value in scores[kind]]
        np.testing.assert_allclose(found[place], wanted, atol=1e-12)
