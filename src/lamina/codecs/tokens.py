"""Text as tokens: words, characters, pieces of words, or the tokens of a pre-trained model."""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np

from lamina.codecs.letters import MOST_CHARACTERS, lowered, parts_of
from lamina.errors import DataError
from lamina.extras import need

__all__ = [
    "FILL",
    "FIRST",
    "MASK",
    "START",
    "UNKNOWN",
    "Characters",
    "Pieces",
    "Pretrained",
    "Tokens",
    "Words",
    "tokenizer_of",
]

# What fills up short rows of a batch, what was never seen, what is hidden in pre-training, and where a text starts and
# ends that is to be written; then come the tokens.
FILL, UNKNOWN, MASK, START, FIRST = range(5)
_NO_TOKENS = (b"",) * FIRST

CACHE = 200_000  # parts whose pieces are kept in memory


class Tokens(ABC):
    """Abstract: one text to ids and back. Ids below ``FIRST`` are no tokens.

    Attributes:
        size: how many ids there are.
        spelling: what each id stands for, in UTF-8, with the blank before a word; nothing for ids that are no tokens.
            Empty where that is not known.
    """

    size: int
    spelling: tuple[bytes, ...] = ()

    @abstractmethod
    def of(self, text: str) -> list[int]:
        """The ids of one text."""

    @abstractmethod
    def text(self, ids: np.ndarray) -> str:
        """A row of ids, (length,), as a person reads it; what fills up is left out."""

    def first(self, text: str, longest: int) -> list[int]:
        """The first ids of one text, at most ``longest``."""
        # A part has at most so many characters and gives a token at least: the rest of a long cell cannot matter.
        return self.of(text[: MOST_CHARACTERS * longest])[:longest]


class Words(Tokens):
    """Words and marks, as :func:`~lamina.codecs.letters.parts_of` finds them; those that are not among the names are
    unknown.

    Example:
        >>> Words(["good", "film", "."], lower=True).of("Good film. Bad")
        [4, 5, 6, 1]
    """

    def __init__(self, names: Sequence[str], *, lower: bool) -> None:
        self.names, self.lower = list(names), lower
        self.size = FIRST + len(self.names)
        self.spelling = (*_NO_TOKENS, *(b" " + name.encode() for name in self.names))
        self._id_of_word = {name: one for one, name in enumerate(self.names, FIRST)}

    def of(self, text: str) -> list[int]:
        words: Sequence[str] = parts_of(text)
        known = self._id_of_word
        return [known.get(word, UNKNOWN) for word in (map(lowered, words) if self.lower else words)]

    def text(self, ids: np.ndarray) -> str:
        return " ".join(_named(ids, self.names))


class Characters(Tokens):
    """Characters, each by its code point; those that are not among the names are unknown.

    Example:
        >>> Characters(["a", "b"], lower=False).of("bac")
        [5, 4, 1]
    """

    def __init__(self, names: Sequence[str], *, lower: bool) -> None:
        self.names, self.lower = list(names), lower
        self.size = FIRST + len(self.names)
        self.spelling = (*_NO_TOKENS, *(name.encode() for name in self.names))
        self._id_of_letter = {name: one for one, name in enumerate(self.names, FIRST)}

    def of(self, text: str) -> list[int]:
        known = self._id_of_letter
        return [known.get(letter, UNKNOWN) for letter in (lowered(text) if self.lower else text)]

    def text(self, ids: np.ndarray) -> str:
        return "".join(_named(ids, self.names))


class Pieces(Tokens):
    """Pieces of words, learned by byte-pair encoding; a word is joined from its bytes, so nothing is unknown.

    Each different word is taken apart once and remembered.

    Args:
        names: pieces in the order in which they were learned, a character for each byte (Latin-1), as JSON has no
            bytes.
        lower: read text in lower case.

    Example:
        >>> pieces = Pieces([*map(chr, range(256)), "ow", "low"], lower=False)
        >>> pieces.of("lower"), pieces.text(np.array([261, 105, 118]))
        ([261, 105, 118], 'lower')
    """

    def __init__(self, names: Sequence[str], *, lower: bool) -> None:
        self.pieces, self.lower = [name.encode("latin-1") for name in names], lower
        self.size = FIRST + len(self.pieces)
        self.spelling = (*_NO_TOKENS, *self.pieces)
        self._place_of = {piece: place for place, piece in enumerate(self.pieces)}
        self._known: dict[str, list[int]] = {}

    def of(self, text: str) -> list[int]:
        parts = parts_of(lowered(text) if self.lower else text, blanks=True)
        return list(itertools.chain.from_iterable(map(self.of_part, parts)))

    def text(self, ids: np.ndarray) -> str:
        pieces = [self.pieces[place] for place in ids - FIRST if place >= 0]
        return b"".join(pieces).decode(errors="replace")

    def of_part(self, part: str) -> list[int]:
        """The ids of one part, remembered."""
        known = self._known.get(part)
        if known is None:
            if len(self._known) >= CACHE:
                self._known.clear()
            known = self._known[part] = [FIRST + self._place_of[piece] for piece in self._apart(part.encode())]
        return known

    def _apart(self, part: bytes) -> list[bytes]:
        """Join neighbours, the pair that was learned first before others, until none can be joined."""
        if part in self._place_of:
            return [part]
        pieces, last = [part[place : place + 1] for place in range(len(part))], len(self.pieces)
        while True:
            ranks = [self._place_of.get(one + next_one, last) for one, next_one in itertools.pairwise(pieces)]
            best = min(ranks, default=last)
            if best == last:
                return pieces
            place = ranks.index(best)
            pieces[place : place + 2] = [pieces[place] + pieces[place + 1]]


class Pretrained(Tokens):
    """The tokens of a pre-trained model, with the marks that it puts around a text. Needs ``tokenizers``.

    Its own ids count from 0, which fills up rows here: each is given plus one.

    Args:
        definition: the content of the model's ``tokenizer.json``.

    Raises:
        MissingExtraError: if ``tokenizers`` is not installed.
        DataError: if the definition cannot be read.
    """

    def __init__(self, definition: str) -> None:
        self._tokenizer = tokenizer_of(definition, extra="transformers")
        self.size = 2 + max(self._tokenizer.get_vocab().values())

    def of(self, text: str) -> list[int]:
        return [one + 1 for one in self._tokenizer.encode(text).ids]

    def text(self, ids: np.ndarray) -> str:
        return str(self._tokenizer.decode((ids[ids > FILL] - 1).tolist()))

    def first(self, text: str, longest: int) -> list[int]:
        self._tokenizer.enable_truncation(longest)  # it cuts so that the mark at the end stays
        return self.of(text[: MOST_CHARACTERS * longest])


def tokenizer_of(definition: str, extra: str) -> Any:
    """What the content of a ``tokenizer.json`` stands for, without filling.

    Raises:
        MissingExtraError: if ``tokenizers`` is not installed.
        DataError: if the definition cannot be read.
    """
    tokenizers = need("tokenizers", extra=extra, why="for the tokens of a pre-trained model")
    try:
        tokenizer = tokenizers.Tokenizer.from_str(definition)
    except Exception as error:  # it raises nothing narrower
        raise DataError("the tokenizer.json of a pre-trained model cannot be read", got=str(error)) from None
    tokenizer.no_padding()
    return tokenizer


def _named(ids: np.ndarray, names: Sequence[str]) -> list[str]:
    """A row of ids as people see them."""
    special = {FILL: None, UNKNOWN: "<unknown>", MASK: "<mask>", START: None}
    found = (names[one - FIRST] if one >= FIRST else special[one] for one in ids.tolist())
    return [name for name in found if name is not None]
