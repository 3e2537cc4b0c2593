"""Text as tokens: words, characters, pieces of words, or the tokens of a pre-trained model."""

from __future__ import annotations

import heapq
import itertools
import sys
from abc import abstractmethod
from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import polars as pl

from lamina.codecs import tokens as plain
from lamina.codecs.letters import MOST_CHARACTERS
from lamina.codecs.ragged import Ragged
from lamina.codecs.tokens import FILL, FIRST, MASK, START, UNKNOWN, tokenizer_of

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
    "spelled_out",
    "split",
    "tokenizer_of",
]

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


def spelled_out(cells: Ragged, spelling: Sequence[bytes]) -> list[str]:
    """Rows of ids as the texts that they spell.

    Args:
        cells: n rows of ids.
        spelling: bytes of each token, as :attr:`lamina.features.base.Slot.spelling` has them.

    Example:
        >>> spelled_out(Ragged.of([np.array([0, 1]), np.array([2])]), [b"sea", b" bed", b"sun"])
        ['sea bed', 'sun']
    """
    rows = (cells[row : row + 1].values.tolist() for row in range(len(cells)))
    return [b"".join(spelling[token] for token in row).decode(errors="replace") for row in rows]


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


class Tokens(plain.Tokens):
    """Abstract: text to ids and back, whole columns at once. Ids below ``FIRST`` are no tokens.

    A subclass writes ``ids``, ``of`` and ``text``.
    """

    @abstractmethod
    def ids(self, texts: pl.Series) -> Ragged:
        """All ids of texts: (n,) -> n rows of int32; missing texts have none."""

    def encode(self, texts: pl.Series, longest: int) -> Ragged:
        """The first ids of texts, at most ``longest`` of each: (n,) -> n rows of int32."""
        # A part has at most so many characters and gives a token at least: the rest of a long cell cannot matter.
        return _cut(self.ids(texts.str.head(MOST_CHARACTERS * longest)), longest)


class Words(Tokens, plain.Words):
    """Words and marks, as :func:`split` finds them; those that are not among the names are unknown.

    Example:
        >>> words = Words(["good", "film", "."], lower=True)
        >>> words.encode(pl.Series(["Good film.", None, "Bad film"]), 10).values.tolist()
        [4, 5, 6, 1, 5]
    """

    def __init__(self, names: Sequence[str], *, lower: bool) -> None:
        super().__init__(names, lower=lower)
        self._codes = pl.Enum(self.names)

    def ids(self, texts: pl.Series) -> Ragged:
        words, counts = split(texts)
        words = words.str.to_lowercase() if self.lower else words
        codes = words.cast(self._codes, strict=False).to_physical().cast(pl.Int32) + FIRST
        return Ragged(codes.fill_null(UNKNOWN).to_numpy(), np.cumsum(counts))


class Characters(Tokens, plain.Characters):
    """Characters, each by its code point; those that are not among the names are unknown.

    Example:
        >>> Characters(["a", "b"], lower=False).encode(pl.Series(["ab", "bac"]), 2).values.tolist()
        [4, 5, 5, 4]
    """

    def __init__(self, names: Sequence[str], *, lower: bool) -> None:
        super().__init__(names, lower=lower)
        self._id_of = np.full(sys.maxunicode + 1, UNKNOWN, np.int32)
        self._id_of[[ord(name) for name in self.names]] = np.arange(FIRST, self.size)

    def ids(self, texts: pl.Series) -> Ragged:
        texts = texts.str.to_lowercase() if self.lower else texts
        points, ends = code_points(texts)
        return Ragged(self._id_of[points], ends)


class Pieces(Tokens, plain.Pieces):
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

    def ids(self, texts: pl.Series) -> Ragged:
        parts, counts = split(texts.str.to_lowercase() if self.lower else texts, blanks=True)
        different = parts.unique()
        codes = parts.cast(pl.Enum(different)).to_physical().to_numpy()
        rows = [self.of_part(part) for part in different.to_list()]
        ends = np.cumsum([len(row) for row in rows], dtype=np.int64)
        pieces = Ragged(np.fromiter(itertools.chain.from_iterable(rows), np.int32), ends).take(codes)
        return Ragged(pieces.values, np.concatenate([[0], pieces.ends])[np.cumsum(counts)])


class Pretrained(Tokens, plain.Pretrained):
    """The tokens of a pre-trained model, with the marks that it puts around a text. Needs ``tokenizers``.

    Its own ids count from 0, which fills up rows here: each is given plus one.

    Args:
        definition: the content of the model's ``tokenizer.json``.

    Raises:
        MissingExtraError: if ``tokenizers`` is not installed.
        DataError: if the definition cannot be read.
    """

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
