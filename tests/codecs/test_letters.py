"""Text is taken apart as the regular expressions of polars do it, at every code point."""

from __future__ import annotations

import unicodedata

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lamina.codecs.base import BLANKS
from lamina.codecs.letters import MOST_CHARACTERS, lowered, parts_of
from lamina.features.tokens import split

EVERY = [chr(point) for point in range(0x110000) if not 0xD800 <= point < 0xE000]
LETTERS = st.sampled_from(
    [*"aB9_ '’.,!-\n\t ", *"数ひカไລာខΣσςİıßﬀ", "\u0301", "\u200d", "\xa0", "\x1f", "🙂", "𝒳", "𠀀", "\u2029"]
)


@pytest.mark.slow
@pytest.mark.parametrize("blanks", [False, True])
def test_every_character_among_letters(blanks: bool) -> None:
    # Beyond the third plane there are a few marks alone.
    for first in range(0, 0x33000, 0x800):
        text = "".join(f"x{letter}y {letter}'{letter}. " for letter in EVERY[first : first + 0x800])
        assert parts_of(text, blanks=blanks) == split(pl.Series([text]), blanks=blanks)[0].to_list()
    text = "".join(f"x{letter}y {letter}" for letter in EVERY[0x33000::97])
    assert parts_of(text, blanks=blanks) == split(pl.Series([text]), blanks=blanks)[0].to_list()


@given(st.lists(LETTERS, max_size=30).map("".join), st.integers(0, 150))
def test_any_text(text: str, more: int) -> None:
    text += "a" * more
    for blanks in (False, True):
        parts, counts = split(pl.Series([text]), blanks=blanks)
        assert parts_of(text, blanks=blanks) == parts.to_list()
        assert int(counts[0]) == len(parts)
    assert "".join(parts_of(text, blanks=True)) == text
    assert max(map(len, parts_of(text)), default=0) <= MOST_CHARACTERS


def test_every_letter_in_small() -> None:
    small = pl.Series(EVERY).str.to_lowercase().to_list()
    assert [letter for letter, known in zip(EVERY, small, strict=True) if lowered(letter) != known] == []


@given(st.lists(LETTERS, max_size=8).map("".join))
def test_any_text_in_small_and_composed(text: str) -> None:
    series = pl.Series([text])
    assert lowered(text) == series.str.to_lowercase()[0]
    assert unicodedata.normalize("NFC", text) == series.str.normalize("NFC")[0]


def test_every_character_composed() -> None:
    known = pl.Series(EVERY).str.normalize("NFC").to_list()
    assert [
        letter for letter, one in zip(EVERY, known, strict=True) if unicodedata.normalize("NFC", letter) != one
    ] == []


def test_every_blank() -> None:
    is_blank = (pl.Series(EVERY).str.strip_chars() == "").to_numpy()
    assert "".join(np.array(EVERY)[is_blank]) == BLANKS
