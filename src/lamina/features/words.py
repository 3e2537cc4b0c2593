"""Words as blanks part them, so that each can have a label."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from lamina.codecs.base import BLANKS
from lamina.codecs.ragged import Ragged
from lamina.codecs.text import HOLLOW

__all__ = ["as_words", "begins_word", "count_words", "holds_words", "place_words", "spelled", "words_read"]

_WORD = f"[^{BLANKS}]+"


def as_words(cells: pl.Series) -> pl.Series:
    """Text as it is; lists of words as text, with a blank between them; null where there is no word.

    Blanks within a word of a list become an underscore, and so does a word of nothing: there are as many words after
    as before.

    Example:
        >>> as_words(pl.Series([["New York", "", "?"], []])).to_list()
        ['New_York _ ?', None]
    """
    if isinstance(cells.dtype, pl.List):
        words = pl.element().cast(pl.String).fill_null("").str.replace_all(f"[{BLANKS}]+", HOLLOW)
        cells = cells.list.eval(words.replace("", HOLLOW)).list.join(" ")
    return cells.set(~cells.str.contains(_WORD), None)


def count_words(cells: pl.Series) -> pl.Series:
    """How many words each cell has, (n,): of text, or of a list of words; 0 where it is missing.

    Example:
        >>> count_words(pl.Series(["two, words", " ", None])).to_list()
        [2, 0, 0]
    """
    counts = cells.list.len() if isinstance(cells.dtype, pl.List) else cells.str.count_matches(_WORD)
    return counts.cast(pl.Int64).fill_null(0)


def holds_words(dtype: Any) -> bool:
    """Whether cells of a dtype are text, or lists of words."""
    return dtype == pl.String or (isinstance(dtype, pl.List) and dtype.inner == pl.String)


def spelled(texts: pl.Series) -> pl.Series:
    """Text with one blank before each word and no other, null where it is missing: a word is then spelled the same
    wherever it stands, and its first token has the blank.

    Example:
        >>> spelled(pl.Series(["two,  words "])).to_list()
        [' two, words']
    """
    return " " + texts.str.normalize("NFC").str.extract_all(_WORD).list.join(" ")


def place_words(text: str) -> list[tuple[int, int]]:
    """Where each word of a text starts and ends, by characters.

    Example:
        >>> place_words("two, words")
        [(0, 4), (5, 10)]
    """
    return [found.span() for found in re.finditer(_WORD, text)]


def begins_word(spelling: Sequence[bytes]) -> np.ndarray:
    """Which ids begin a word of a text that was :func:`spelled`: those with the blank before it.

    Args:
        spelling: what each id stands for, (size,).

    Returns:
        (size,) bool.
    """
    return np.array([piece.startswith(b" ") for piece in spelling], bool)


def words_read(ids: Ragged, spelling: Sequence[bytes]) -> np.ndarray:
    """How many words the tokens of each row begin, (n,) int64; fewer than the text has, where it was cut.

    Example:
        >>> words_read(Ragged.of([np.array([0, 1, 0]), np.array([2])]), [b" a", b"b", b" c"]).tolist()
        [2, 1]
    """
    begun = np.concatenate([[0], np.cumsum(begins_word(spelling)[ids.values], dtype=np.int64)])
    return np.diff(begun[ids.ends], prepend=0)
