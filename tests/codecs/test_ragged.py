"""Rows of different lengths, against plain lists."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from lamina.codecs.ragged import Ragged

ROWS = st.lists(st.lists(st.integers(1, 99), max_size=5), min_size=1, max_size=8)


def make(rows: list[list[int]]) -> Ragged:
    return Ragged.of([np.array(row, np.int32) for row in rows])


def lists(ragged: Ragged) -> list[list[int]]:
    padded, lengths = ragged.padded()
    assert (padded[np.arange(padded.shape[1]) >= lengths[:, None]] == 0).all()
    return [row[:length].tolist() for row, length in zip(padded, lengths, strict=True)]


@given(ROWS, st.data())
@settings(derandomize=True, deadline=None, max_examples=60)
def test_rows_are_those_of_lists(rows: list[list[int]], data: st.DataObject) -> None:
    ragged = make(rows)
    assert len(ragged) == len(rows)
    assert ragged.lengths.tolist() == [len(row) for row in rows]
    assert lists(ragged) == rows
    places = data.draw(st.lists(st.integers(0, len(rows) - 1), max_size=6))
    assert lists(ragged.take(np.array(places, np.uint32))) == [rows[place] for place in places]
    first, last = sorted(data.draw(st.tuples(*[st.integers(0, len(rows))] * 2)))
    assert lists(ragged[first:last]) == rows[first:last]


def test_items_have_a_form() -> None:
    pictures = Ragged.of([np.ones((1, 2, 3), np.uint8), np.ones((0, 2, 3), np.uint8)])
    padded, lengths = pictures.padded()
    assert padded.shape == (2, 1, 2, 3)
    assert lengths.tolist() == [1, 0]
    assert pictures.nbytes == 6 + 16
