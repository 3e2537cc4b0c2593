"""BLEU is sacrebleu's: its tokens, its counts, its score."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lamina.evaluation.text.bleu import BLEU, BLEU_LOWER, figure, statistics, tokenized

from .sentences import FIRST, REFERENCES, SAID

# Made with sacrebleu 2.6.0.
STATISTICS = [
    [10, 12, 9, 7, 4, 2, 10, 9, 8, 7],
    [8, 7, 7, 4, 1, 0, 8, 7, 6, 5],
    [10, 11, 9, 7, 5, 4, 10, 9, 8, 7],
    [0, 2, 0, 0, 0, 0, 0, 0, 0, 0],
]

PIECES = st.sampled_from(
    [*"ab .,-3\n\t&;<'\"()/é\u2028\xa0", "the ", "&quot;", "&amp;lt;", "<skipped>", "-\n", "3.5", " "]
)
TEXTS = st.lists(PIECES, max_size=14).map("".join)
ROWS = st.lists(st.tuples(st.lists(TEXTS, min_size=1, max_size=3), TEXTS), min_size=1, max_size=4)


def test_golden_numbers() -> None:
    assert statistics(REFERENCES, SAID).tolist() == STATISTICS
    assert BLEU(FIRST, SAID) == pytest.approx(39.40981855630032, abs=1e-9)
    assert BLEU(REFERENCES, SAID) == pytest.approx(47.77825585102277, abs=1e-9)
    assert BLEU_LOWER(REFERENCES, SAID) == pytest.approx(52.05276085405867, abs=1e-9)


def test_rows_by_themselves_leave_out_orders_that_are_too_long() -> None:
    found = figure(statistics(REFERENCES, SAID), effective=True)
    assert found.tolist() == pytest.approx([46.04061366599649, 30.2137539735677, 63.981667416455416, 0.0], abs=1e-9)
    assert figure(statistics(["Nein."], ["Nein."])[0]) == 0.0
    assert figure(statistics(["Nein."], ["Nein."])[0], effective=True) == pytest.approx(100.0)


def test_a_word_counts_as_often_as_one_reference_has_it() -> None:
    """The example of Papineni et al. 2002: 2 of 7."""
    found = statistics([["the cat is on the mat", "there is a cat on the mat"]], ["the the the the the the the"])
    assert found.tolist() == [[7, 7, 2, 0, 0, 0, 7, 6, 5, 4]]
    assert figure(found[0]) == pytest.approx(7.809849842300637, abs=1e-9)


def test_of_two_lengths_as_near_the_shorter() -> None:
    assert statistics([["a b c d e", "a b c"]], ["a b c d"])[0, 1] == 3


@pytest.mark.parametrize(
    "text, tokens",
    [
        ("1,000.50 euros, 3-4.", ["1,000.50", "euros", ",", "3", "-", "4", "."]),
        ("rock'n'roll & co.", ["rock'n'roll", "&", "co", "."]),
        ("a-\nb\nc", ["ab", "c"]),
        (".5 a.b ,", [".", "5", "a", ".", "b", ","]),
        ("&lt;p&gt; <skipped>x", ["<", "p", ">", "x"]),
        ("  ", []),
    ],
)
def test_tokens_are_those_of_mteval(text: str, tokens: list[str]) -> None:
    assert tokenized(["one", text, "two"]) == [["one"], tokens, ["two"]]


def test_nothing_said_is_zero() -> None:
    assert BLEU(["a b c d"], [""]) == 0.0
    assert BLEU([""], ["a b c d"]) == 0.0
    assert figure(np.zeros((2, 10))).tolist() == [0.0, 0.0]
    assert tokenized([]) == []


@given(ROWS)
def test_equals_sacrebleu(rows: list[tuple[list[str], str]]) -> None:
    library = pytest.importorskip("sacrebleu.metrics")
    references, said = [row[0] for row in rows], [row[1] for row in rows]
    columns = [[row[place] if place < len(row) else None for row in references] for place in range(3)]
    columns = [column for column in columns if any(text is not None for text in column)]
    for lower, score in ((False, BLEU), (True, BLEU_LOWER)):
        theirs = library.BLEU(lowercase=lower, force=True)
        assert score.statistics(references, said).tolist() == theirs._extract_corpus_statistics(said, columns)
        assert score(references, said) == pytest.approx(theirs.corpus_score(said, columns).score, abs=1e-9)


def test_ten_thousand_sentences_take_less_than_two_seconds() -> None:
    generator = np.random.default_rng(0)
    words = [f"w{number}" for number in range(5000)]
    rows = generator.zipf(1.3, (10_000, 14)) % len(words)
    references = [" ".join(words[word] for word in row) + "." for row in rows]
    said = [" ".join(words[word] for word in row[2:]) + "." for row in rows]
    start = time.process_time()  # of this process: the machine may be busy
    assert 60 < BLEU(references, said) < 90
    assert time.process_time() - start < 2
