"""n-grams counted by sorting are those counted one by one."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lamina.evaluation.text.grams import characters, documents, tables, words


@given(st.lists(st.lists(st.text("abc", max_size=8), min_size=2, max_size=3), min_size=1, max_size=4))
def test_counts_are_those_of_a_counter(rows: list[list[str]]) -> None:
    said, references = [row[0] for row in rows], [row[1:] for row in rows]
    flat = [*said, *(text for row in references for text in row)]
    for order, (row_of, counts) in enumerate(tables(documents(characters(flat), references), 4), 1):
        for row, given_texts in enumerate(rows):
            here = counts[:, row_of == row]
            wanted = [Counter(text[at : at + order] for at in range(len(text) - order + 1)) for text in given_texts]
            grams = sorted(set().union(*wanted))
            rows_wanted = sorted(tuple(counter[gram] for counter in wanted) for gram in grams)
            found = sorted(map(tuple, here[: len(given_texts)].T.tolist()))
            assert found == rows_wanted


def test_words_and_odd_characters() -> None:
    assert words([]).values.tolist() == []
    assert words([[], ["b", "a", "b"]]).ends.tolist() == [0, 3]
    found = characters(["a\ud800", "", "\U0001f600"])  # half a pair is a character too
    assert found.values.tolist() == [97, 0xD800, 0x1F600]
    assert found.ends.tolist() == [2, 2, 3]


def test_texts_without_any_gram() -> None:
    found = list(tables(documents(words([[], []]), [["x"]]), 2))
    assert [(len(rows), counts.shape) for rows, counts in found] == [(0, (2, 0))] * 2
    assert found[0][1].dtype.kind == "i" and np.issubdtype(found[0][0].dtype, np.integer)
