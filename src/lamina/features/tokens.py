"""Text as tokens: words, characters, pieces of words, or the tokens of a pre-trained model."""

from __future__ import annotations

import heapq
import itertools
import sys
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from lamina.errors import DataError
from lamina.extras import need
from lamina.features.ragged import Ragged

__all__ = [
    "FILL",
    "FIRST",
    "MASK",
    "START",
    "UNKNOWN",
    "UNSPACED",
    "Characters",
    "Pieces",
    "Pretrained",
    "Tokens",
    "Words",
    "code_points",
    "learn_pieces",
    "split",
    "tokenizer_of",
]

# What fills up short rows of a batch, what was never seen, what is hidden in pre-training, and where a text starts and
# ends that is to be written; then come the tokens.
FILL, UNKNOWN, MASK, START, FIRST = range(5)
_NO_TOKENS = (b"",) * FIRST

MOST_CHARACTERS = 64  # of a part; a longer one is taken apart, so that no cell makes the work grow faster than its size
CACHE = 200_000  # parts whose pieces are kept in memory

# Scripts that put no blanks between words are taken character by character.
UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
_LETTERS = rf"[\w--[{UNSPACED}]]+"
_WORD = rf"(?:[{UNSPACED}]|{_LETTERS}(?:['’]{_LETTERS})*|[^\w\s])"  # a word or a mark
_PART = rf" ?{_WORD}|\s+"  # with the blank before it, so that parts joined are the text


def split(texts: pl.Series, *, blanks: bool = False) -> tuple[pl.Series, np.ndarray]:
    """Take texts apart into words and marks.

    Args:
        texts: (n,) text, null where missing.
        blanks: keep blanks: one before a word as part of it, others as parts of their own; joined again, the parts are
            the text. Otherwise blanks are left out.

    Returns:
        The parts of all texts, (total,), and how many each text has, (n,) int64.

    Example:
        >>> split(pl.Series(["It's 3 o'clock!"]))[0].to_list()
        ["It's", '3', "o'clock", '!']
    """
    found = texts.str.extract_all(_PART if blanks else _WORD)
    counts = found.list.len().fill_null(0).to_numpy().astype(np.int64)
    parts = found.explode().drop_nulls()
    if ((parts.str.len_bytes() > MOST_CHARACTERS) & (parts.str.len_chars() > MOST_CHARACTERS)).any():
        shorter = parts.str.extract_all(rf"(?s).{{1,{MOST_CHARACTERS}}}")
        rows = np.repeat(np.arange(len(texts)), counts)
        counts = np.bincount(rows, weights=shorter.list.len().to_numpy(), minlength=len(texts)).astype(np.int64)
        parts = shorter.explode()
    return parts, counts


def learn_pieces(parts: Sequence[str], counts: Sequence[int], most: int) -> list[bytes]:
    """Byte-pair encoding: join the most frequent pair of neighbours, again and again (Sennrich et al. 2016).

    Only the words that hold the pair are looked at in a step, and the next pair lies on a heap.

    Args:
        parts: different parts, as :func:`split` gives them with ``blanks``.
        counts: how often each came.
        most: stop at so many pieces.

    Returns:
        All 256 bytes, then the pieces in the order in which they were joined.

    Example:
        >>> learn_pieces([" low", " lower", " slow"], [5, 2, 1], 259)[256:]
        [b'lo', b'low', b' low']
    """
    pieces = [bytes([byte]) for byte in range(256)]
    place_of = {piece: place for place, piece in enumerate(pieces)}
    words = [list(part.encode()) for part in parts]
    total: dict[tuple[int, int], int] = defaultdict(int)
    holders: dict[tuple[int, int], set[int]] = defaultdict(set)
    for number, word in enumerate(words):
        for pair in itertools.pairwise(word):
            total[pair] += counts[number]
            holders[pair].add(number)
    heap = [(-count, pair) for pair, count in total.items()]
    heapq.heapify(heap)
    while heap and len(pieces) < most:
        count, pair = heapq.heappop(heap)
        if -count != total[pair]:  # it has changed since it was laid on the heap
            if total[pair] > 1:
                heapq.heappush(heap, (-total[pair], pair))
            continue
        if -count < 2:
            break
        piece = pieces[pair[0]] + pieces[pair[1]]
        if piece not in place_of:  # the same piece may come from other halves
            place_of[piece] = len(pieces)
            pieces.append(piece)
        changed: set[tuple[int, int]] = set()
        for number in holders.pop(pair):
            before, after = words[number], _joined(words[number], pair, place_of[piece])
            words[number] = after
            for old in itertools.pairwise(before):
                total[old] -= counts[number]
            for new in itertools.pairwise(after):
                total[new] += counts[number]
                holders[new].add(number)
                changed.add(new)
        for new in changed:
            if place_of[piece] in new:
                heapq.heappush(heap, (-total[new], new))
    return pieces


def _joined(word: list[int], pair: tuple[int, int], piece: int) -> list[int]:
    """The word with each such pair as one piece."""
    out, place = [], 0
    while place < len(word):
        if word[place] == pair[0] and place + 1 < len(word) and word[place + 1] == pair[1]:
            out.append(piece)
            place += 2
        else:
            out.append(word[place])
            place += 1
    return out


class Tokens(ABC):
    """Abstract: text to ids and back. Ids below ``FIRST`` are no tokens.

    A subclass writes ``ids`` and ``text``.

    Attributes:
        size: how many ids there are.
        spelling: what each id stands for, in UTF-8, with the blank before a word; nothing for ids that are no tokens.
            Empty where that is not known.
    """

    size: int
    spelling: tuple[bytes, ...] = ()

    @abstractmethod
    def ids(self, texts: pl.Series) -> Ragged:
        """All ids of texts: (n,) -> n rows of int32; missing texts have none."""

    @abstractmethod
    def text(self, ids: np.ndarray) -> str:
        """A row of ids, (length,), as a person reads it; what fills up is left out."""

    def encode(self, texts: pl.Series, longest: int) -> Ragged:
        """The first ids of texts, at most ``longest`` of each: (n,) -> n rows of int32."""
        # A part has at most so many characters and gives a token at least: the rest of a long cell cannot matter.
        return _cut(self.ids(texts.str.head(MOST_CHARACTERS * longest)), longest)


class Words(Tokens):
    """Words and marks, as :func:`split` finds them; those that are not among the names are unknown.

    Example:
        >>> words = Words(["good", "film", "."], lower=True)
        >>> words.encode(pl.Series(["Good film.", None, "Bad film"]), 10).values.tolist()
        [4, 5, 6, 1, 5]
    """

    def __init__(self, names: Sequence[str], *, lower: bool) -> None:
        self.names, self.lower = list(names), lower
        self.size = FIRST + len(self.names)
        self.spelling = (*_NO_TOKENS, *(b" " + name.encode() for name in self.names))
        self._codes = pl.Enum(self.names)

    def ids(self, texts: pl.Series) -> Ragged:
        words, counts = split(texts)
        words = words.str.to_lowercase() if self.lower else words
        codes = words.cast(self._codes, strict=False).to_physical().cast(pl.Int32) + FIRST
        return Ragged(codes.fill_null(UNKNOWN).to_numpy(), np.cumsum(counts))

    def text(self, ids: np.ndarray) -> str:
        return " ".join(_named(ids, self.names))


class Characters(Tokens):
    """Characters, each by its code point; those that are not among the names are unknown.

    Example:
        >>> Characters(["a", "b"], lower=False).encode(pl.Series(["ab", "bac"]), 2).values.tolist()
        [4, 5, 5, 4]
    """

    def __init__(self, names: Sequence[str], *, lower: bool) -> None:
        self.names, self.lower = list(names), lower
        self.size = FIRST + len(self.names)
        self.spelling = (*_NO_TOKENS, *(name.encode() for name in self.names))
        self._id_of = np.full(sys.maxunicode + 1, UNKNOWN, np.int32)
        self._id_of[[ord(name) for name in self.names]] = np.arange(FIRST, self.size)

    def ids(self, texts: pl.Series) -> Ragged:
        texts = texts.str.to_lowercase() if self.lower else texts
        points, ends = code_points(texts)
        return Ragged(self._id_of[points], ends)

    def text(self, ids: np.ndarray) -> str:
        return "".join(_named(ids, self.names))


class Pieces(Tokens):
    """Pieces of words learned by :func:`learn_pieces`; a word is joined from its bytes, so nothing is unknown.

    Each different word is taken apart once and remembered.

    Args:
        names: pieces, a character for each byte (Latin-1), as JSON has no bytes.
        lower: read text in lower case.

    Example:
        >>> pieces = Pieces([*map(chr, range(256)), "ow", "low"], lower=False)
        >>> row = pieces.encode(pl.Series(["lower"]), 10).values
        >>> row.tolist(), pieces.text(row)
        ([261, 105, 118], 'lower')
    """

    def __init__(self, names: Sequence[str], *, lower: bool) -> None:
        self.pieces, self.lower = [name.encode("latin-1") for name in names], lower
        self.size = FIRST + len(self.pieces)
        self.spelling = (*_NO_TOKENS, *self.pieces)
        self._place_of = {piece: place for place, piece in enumerate(self.pieces)}
        self._known: dict[str, list[int]] = {}

    def ids(self, texts: pl.Series) -> Ragged:
        parts, counts = split(texts.str.to_lowercase() if self.lower else texts, blanks=True)
        different = parts.unique()
        codes = parts.cast(pl.Enum(different)).to_physical().to_numpy()
        rows = [self._of_part(part) for part in different.to_list()]
        ends = np.cumsum([len(row) for row in rows], dtype=np.int64)
        pieces = Ragged(np.fromiter(itertools.chain.from_iterable(rows), np.int32), ends).take(codes)
        return Ragged(pieces.values, np.concatenate([[0], pieces.ends])[np.cumsum(counts)])

    def text(self, ids: np.ndarray) -> str:
        pieces = [self.pieces[place] for place in ids - FIRST if place >= 0]
        return b"".join(pieces).decode(errors="replace")

    def _of_part(self, part: str) -> list[int]:
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

    def ids(self, texts: pl.Series) -> Ragged:
        rows = [np.empty(0, np.int32)] * len(texts)
        present = texts.is_not_null().arg_true().to_list()
        found = self._tokenizer.encode_batch_fast(texts.drop_nulls().to_list())
        for place, one in zip(present, found, strict=True):
            rows[place] = np.asarray(one.ids, np.int32) + 1
        return Ragged(np.concatenate([np.empty(0, np.int32), *rows]), np.cumsum([len(row) for row in rows]))

    def encode(self, texts: pl.Series, longest: int) -> Ragged:
        self._tokenizer.enable_truncation(longest)  # it cuts so that the mark at the end stays
        return self.ids(texts.str.head(MOST_CHARACTERS * longest))

    def text(self, ids: np.ndarray) -> str:
        return str(self._tokenizer.decode((ids[ids > FILL] - 1).tolist()))


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


def code_points(texts: pl.Series) -> tuple[np.ndarray, np.ndarray]:
    """All characters of texts by number, (total,) uint32, and where each text ends, (n,) int64."""
    joined = "".join(texts.drop_nulls().to_list())
    lengths = texts.str.len_chars().fill_null(0).to_numpy()
    return np.frombuffer(joined.encode("utf-32-le"), np.uint32), np.cumsum(lengths, dtype=np.int64)


def _cut(rows: Ragged, longest: int) -> Ragged:
    """The first items of each row."""
    lengths = rows.lengths
    if lengths.max(initial=0) <= longest:
        return rows
    places = np.arange(len(rows.values)) - np.repeat(rows.ends - lengths, lengths)
    return Ragged(rows.values[places < longest], np.cumsum(np.minimum(lengths, longest)))


def _named(ids: np.ndarray, names: Sequence[str]) -> list[str]:
    """A row of ids as people see them."""
    special = {FILL: None, UNKNOWN: "<unknown>", MASK: "<mask>", START: None}
    found = (names[one - FIRST] if one >= FIRST else special[one] for one in ids.tolist())
    return [name for name in found if name is not None]
