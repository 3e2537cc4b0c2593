"""Where the sentences of a text are: as a table gives them one by one, or as far as marks and blanks tell."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence

import numpy as np
import polars as pl

from lamina.codecs.text import BETWEEN

__all__ = ["BETWEEN", "one_by_one", "place_sentences", "sentence_of", "sentences"]

# A sentence ends at a full stop, a question or exclamation mark, with what closes behind it, before a blank and
# something that can begin another; at an empty line; and at the marks of scripts that leave no blank behind them.
_CLOSES, _OPENS = "[\"')\\]”’»]*", "[\"'(\\[“‘«¿¡]*"
_END = re.compile(rf"(?<=[.!?…]){_CLOSES}(?P<blank>\s+)(?={_OPENS}\w)|(?<=[。！？]){_CLOSES}\s*|\n\s*\n")
_WORD_BEFORE = re.compile(r"[\w.]*$")
_SHORT = re.compile(r"(?i:cf|vs|al|figs?|eqs?|refs?|sec|resp|approx|dr|mrs?|prof)|[A-Z]|(?:[^\W\d_]\.)+[^\W\d_]")
REACH = 20  # characters of a word that are looked at, to see whether it is a short form


def place_sentences(text: str) -> list[tuple[int, int]]:
    """Where each sentence of a text starts and ends, by characters, without blanks at its ends.

    A stop behind a usual abbreviation or a capital alone ends none, nor does one before a small letter.

    Example:
        >>> place_sentences("It works, e.g. here (J. Doe). Really?")
        [(0, 29), (30, 37)]
    """
    if BETWEEN in text:
        ends = [found.end() for found in re.finditer(BETWEEN, text)]
    else:
        ends = [found.end() for found in _END.finditer(text) if _is_end(text, found)]
    places = [_stripped(text, start, end) for start, end in itertools.pairwise([0, *ends, len(text)])]
    return [(start, end) for start, end in places if end > start]


def sentences(text: str) -> list[str]:
    """The sentences of a text.

    Example:
        >>> sentences("We train. Does it work? It does (mostly).")
        ['We train.', 'Does it work?', 'It does (mostly).']
    """
    return [text[start:end] for start, end in place_sentences(text)]


def sentence_of(tokens: Sequence[int], spelling: Sequence[bytes]) -> np.ndarray:
    """The sentence that each token of a text is of, counted from 0; a blank is of the one before it: (T,) int64.

    Args:
        tokens: the ids of the text, (T,).
        spelling: what each id stands for, in UTF-8.

    Example:
        >>> sentence_of([1, 2, 3, 1, 2], [b"", b" So", b".", b"\\n\\n"]).tolist()
        [0, 0, 0, 1, 1]
    """
    pieces = [spelling[token] for token in tokens]
    text = b"".join(pieces).decode(errors="replace")
    before = [len(text[:start].encode()) for start, _ in place_sentences(text)]  # bytes
    last = np.cumsum([len(piece) for piece in pieces], dtype=np.int64) - 1  # byte of each token
    return np.maximum(np.searchsorted(np.array(before, np.int64), last, "right") - 1, 0)


def one_by_one(cells: pl.Series) -> pl.Series:
    """Lists of sentences as text that keeps them apart; text as it is.

    Example:
        >>> sentences(one_by_one(pl.Series([["We train, e.g. this", "It works."]]))[0])
        ['We train, e.g. this', 'It works.']
    """
    if not (isinstance(cells.dtype, pl.List) and cells.dtype.inner == pl.String):
        return cells
    return cells.list.join(BETWEEN, ignore_nulls=True)


def _is_end(text: str, found: re.Match[str]) -> bool:
    """Whether a sentence ends where marks and blanks say so."""
    if found["blank"] is None or text[found.start() - 1] != ".":
        return True
    stop = found.start() - 1
    word = _WORD_BEFORE.search(text[max(0, stop - REACH) : stop])
    return not text[found.end()].islower() and not (word and _SHORT.fullmatch(word.group()))


def _stripped(text: str, start: int, end: int) -> tuple[int, int]:
    """The place of a part of a text without the blanks at its ends."""
    part = text[start:end]
    return start + len(part) - len(part.lstrip()), start + len(part.rstrip())
