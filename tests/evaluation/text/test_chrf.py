"""chrF and chrF++ are sacrebleu's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lamina.evaluation.text.chrf import CHRF, CHRF_WORDS, figure, statistics

from .sentences import FIRST, REFERENCES, SAID

TEXTS = st.lists(st.sampled_from([*"ab .!(é\u2028", "the ", "cat. ", "(so)"]), max_size=12).map("".join)
ROWS = st.lists(st.tuples(st.lists(TEXTS, min_size=1, max_size=3), TEXTS), min_size=1, max_size=4)


def test_golden_numbers() -> None:
    """Made with sacrebleu 2.6.0."""
    assert CHRF(FIRST, SAID) == pytest.approx(51.20348641162876, abs=1e-9)
    assert CHRF(REFERENCES, SAID) == pytest.approx(51.11390170142685, abs=1e-9)
    assert CHRF_WORDS(FIRST, SAID) == pytest.approx(51.131709798063284, abs=1e-9)
    assert CHRF_WORDS(REFERENCES, SAID) == pytest.approx(50.99419931063511, abs=1e-9)


def test_blanks_do_not_count_in_characters_and_part_words() -> None:
    assert CHRF(["a cat sat"], ["acat  sat"]) == pytest.approx(100.0)
    assert CHRF_WORDS(["a cat sat"], ["acat  sat"]) < 100


def test_the_best_reference_is_taken() -> None:
    several = statistics([["xyz", "a cat", "dog"], ["b"]], ["a cart", "b"])
    np.testing.assert_array_equal(several, statistics(["a cat", "b"], ["a cart", "b"]))


def test_nothing_in_common_is_zero() -> None:
    assert CHRF(["abc"], ["xyz"]) == CHRF([""], ["a"]) == CHRF(["a"], [""]) == CHRF([""], [""]) == 0.0
    assert figure(np.zeros((2, 3, 24))).shape == (2, 3)


@given(ROWS)
def test_equals_sacrebleu(rows: list[tuple[list[str], str]]) -> None:
    library = pytest.importorskip("sacrebleu.metrics")
    references, said = [row[0] for row in rows], [row[1] for row in rows]
    columns = [[row[place] if place < len(row) else None for row in references] for place in range(3)]
    columns = [column for column in columns if any(text is not None for text in column)]
    for order, score in ((0, CHRF), (2, CHRF_WORDS)):
        theirs = library.CHRF(word_order=order)
        assert score.statistics(references, said).tolist() == theirs._extract_corpus_statistics(said, columns)
        assert score(references, said) == pytest.approx(theirs.corpus_score(said, columns).score, abs=1e-9)
