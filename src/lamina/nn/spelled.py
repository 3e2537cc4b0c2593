"""Vectors of words from the tokens that spell them: one of the word itself, by hashing, and one of its letters."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lamina.features.base import Slot
from lamina.features.words import begins_word
from lamina.nn.steps import Words
from lamina.nn.wide import places_there

__all__ = ["SpelledWords"]

DEVIATION = 0.01  # of words' vectors at the start: a word that no training row has says nothing then
LETTERS = 20  # bytes of a word that are looked at, the blank before it among them
LETTER_WIDTH, LETTER_DEVIATION = 16, 0.3
REACH = 3  # letters that are seen together
RESPELLED = 0.8  # share of the hidden words whose letters become others
# Bytes that stand for each other: so a word in other letters still looks like one.
ALIKE = (b"0123456789", b"aeiouy", b"bcdfghjklmnpqrstvwxz", b"AEIOUY", b"BCDFGHJKLMNPQRSTVWXZ")
PRIME, FACTOR = 2**31 - 1, 741_103_597  # by which the tokens of a word are mixed; products stay below 2^63
PLACES = 64  # tokens of a word whose order counts


class _Read(NamedTuple):
    """A batch of tokens, looked at.

    Attributes:
        tokens: (B, T).
        begins: (B, T) bool, tokens that begin a word.
        word: (B, T) the number of the word that each token is part of; W where none is.
        present: (B, W) bool, words that are there.
        chance: (B, W) of each word to be hidden in training.
    """

    tokens: Tensor
    begins: Tensor
    word: Tensor
    present: Tensor
    chance: Tensor


class SpelledWords(nn.Module):
    """A vector a word, of a text that is spelled so that its tokens say where a word begins.

    Words share vectors by hashing, which begin near nothing; letters go through a convolution and their maximum (Chiu
    and Nichols 2016). In training words are hidden, the rarer the more often (Kiperwasser and Goldberg 2016): their
    vector is nothing, as that of a word is that no training row has, and most are spelled in other letters, digits
    staying digits and vowels vowels. So what they are must be told from their form and from the words around them.

    Args:
        slot: of a text that keeps its words apart (``by_word``).
        width: of the word's own vector.
        buckets: vectors that words share.
        letters: width of the vector of its letters; 0: none.
        rare: a word that came so often in the training texts is hidden in half of its places; 0: none ever.

    Shape:
        tokens (B, T) int64, lengths (B,) -> (B, W, width + letters), and (B, W) bool of words that are there; W is at
        least 1

    Example:
        >>> spelling, counts = (b"", b"", b"", b"", b" go", b" on", b"e"), (0, 0, 0, 0, 9, 5, 1)
        >>> slot = Slot("said", "value", "tokens", size=7, spelling=spelling, counts=counts)
        >>> words = SpelledWords(slot, width=4, buckets=50, letters=2, rare=5)
        >>> x, there = words(torch.tensor([[4, 5, 6], [5, 0, 0]]), torch.tensor([3, 1]))
        >>> x.shape, there.tolist()
        (torch.Size([2, 2, 6]), [[True, True], [True, False]])
    """

    def __init__(self, slot: Slot, width: int, buckets: int, letters: int, rare: float) -> None:
        super().__init__()
        self.buckets, self.rare = buckets, rare
        self.width = width + letters
        self.word = Words(buckets, width, DEVIATION)
        self.letter = Words(256, LETTER_WIDTH, LETTER_DEVIATION) if letters else None
        self.together = nn.Conv1d(LETTER_WIDTH, letters, REACH, padding=REACH // 2) if letters else None
        self.begins: Tensor
        self.powers: Tensor
        self.bytes: Tensor
        self.sizes: Tensor
        self.counts: Tensor
        powers = [pow(FACTOR, place + 1, PRIME) for place in range(PLACES)]
        pieces = [piece[:LETTERS] for piece in slot.spelling]
        longest = max(map(len, pieces), default=1)
        self.register_buffer("begins", torch.from_numpy(begins_word(slot.spelling)), persistent=False)
        self.register_buffer("powers", torch.tensor(powers), persistent=False)
        self.register_buffer("sizes", torch.tensor([len(piece) for piece in slot.spelling]), persistent=False)
        self.register_buffer("counts", torch.tensor(slot.counts, dtype=torch.float), persistent=False)
        spelled = torch.tensor([list(piece.ljust(longest, b"\0")) for piece in pieces], dtype=torch.uint8)
        self.register_buffer("bytes", spelled, persistent=False)

    def forward(self, tokens: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        read = self._read(tokens, lengths)
        if not self.training:
            return self._vectors(read, None), read.present
        return self._vectors(read, torch.rand_like(read.chance) < read.chance), read.present

    def renamed(self, tokens: Tensor, lengths: Tensor, spans: Tensor, names: float) -> tuple[Tensor, Tensor, Tensor]:
        """The same in training, with some names hidden as a whole, which then have fewer words too.

        Args:
            tokens, lengths: as for :meth:`forward`.
            spans: (B, W) the number of the name that each word is part of, from 1 in each row; 0 where it is of none.
            names: how much more often than a word by itself a name is hidden, by its rarest word.

        Returns:
            Vectors (B, W, width) and which words are there, (B, W); and the places that they come from, (B, W).
        """
        read = self._read(tokens, lengths)
        spans = F.pad(spans, (0, read.present.shape[1] - spans.shape[1]))  # what fills up rows may be more or less
        inside = spans > 0
        # The chance of a name is that of its rarest word, and all its words share one draw.
        rarest = read.chance.new_zeros(len(spans), spans.shape[1] + 1).scatter_reduce_(1, spans, read.chance, "amax")
        often = names * rarest / (1 + (names - 1) * rarest)
        gone = (torch.rand_like(often) < often).gather(1, spans) & inside
        hidden = torch.where(inside, gone, torch.rand_like(read.chance) < read.chance)
        firsts = inside & (spans != F.pad(spans, (1, 0))[:, :-1])
        place = inside.cumsum(1) - torch.where(firsts, inside.cumsum(1), 0).cummax(1).values  # in the name, from 0
        size = torch.zeros_like(often).scatter_add_(1, spans, torch.ones_like(read.chance))
        left = (torch.rand_like(often) * size).ceil().clamp(min=1).gather(1, spans)
        kept = read.present & ~(gone & (place >= left))
        order = (~kept).long().argsort(dim=1, stable=True)
        x = self._vectors(read, hidden).gather(1, order[..., None].expand(-1, -1, self.width))
        there = places_there(kept.sum(1), kept.shape[1])
        return x * there[..., None], there, order

    def _read(self, tokens: Tensor, lengths: Tensor) -> _Read:
        """Where words are, and how likely each is to be hidden."""
        tokens = tokens if tokens.shape[1] else F.pad(tokens, (0, 1))
        there = places_there(lengths, tokens.shape[1])
        begins = self.begins[tokens] & there
        counts = begins.sum(1)
        words = max(1, int(counts.max()))
        # Tokens that are not there go to a word of their own behind the last, which is left out.
        word = torch.where(there, (begins.cumsum(1) - 1).clamp(min=0), words)
        often = self.counts.new_full((len(tokens), words + 1), torch.inf)
        often = often.scatter_reduce_(1, word, self.counts[tokens], "amin")[:, :words]
        chance = self.rare / (self.rare + often) if self.rare else torch.zeros_like(often)
        return _Read(tokens, begins, word, places_there(counts, words), chance)

    def _vectors(self, read: _Read, hidden: Tensor | None) -> Tensor:
        """A vector a word, some of them hidden: (B, W, width)."""
        tokens, begins, word, present, _ = read
        words = present.shape[1]
        vectors = self.word(self._codes(tokens, begins, word, words))
        vectors = vectors * (present if hidden is None else present & ~hidden)[..., None]
        if self.letter is None or self.together is None:
            return vectors
        letters = self._letters(tokens, begins, word, words)
        if hidden is not None:
            respelled = hidden & (torch.rand(hidden.shape, device=hidden.device) < RESPELLED)
            letters = torch.where(respelled[..., None], _respelled(letters), letters)
        seen = self.together(self.letter(letters.flatten(0, 1)).mT).relu().amax(2)  # (B * W, width)
        return torch.cat([vectors, seen.unflatten(0, present.shape) * present[..., None]], 2)

    def _codes(self, tokens: Tensor, begins: Tensor, word: Tensor, words: int) -> Tensor:
        """A bucket for each word, by its tokens and their order: (B, W)."""
        places = torch.arange(tokens.shape[1], device=tokens.device)
        place = (places - torch.where(begins, places, 0).cummax(1).values).clamp(max=PLACES - 1)  # in the word
        mixed = tokens * self.powers[place] % PRIME
        return _summed(mixed, word, words) % PRIME % self.buckets

    def _letters(self, tokens: Tensor, begins: Tensor, word: Tensor, words: int) -> Tensor:
        """The first bytes of each word, zeros behind its end: (B, W, LETTERS)."""
        sizes = self.sizes[tokens]
        before = sizes.cumsum(1) - sizes
        before = before - torch.where(begins, before, 0).cummax(1).values  # bytes of the word before this token
        inside = torch.arange(self.bytes.shape[1], device=tokens.device)
        place = before[..., None] + inside  # (B, T, bytes)
        holds = (inside < sizes[..., None]) & (place < LETTERS) & (word < words)[..., None]
        flat = torch.where(holds, word[..., None] * LETTERS + place, words * LETTERS).flatten(1)
        room = flat.new_zeros(len(tokens), words * LETTERS + 1)
        return room.scatter_(1, flat, self.bytes[tokens].long().flatten(1))[:, :-1].unflatten(1, (words, LETTERS))


def _respelled(letters: Tensor) -> Tensor:
    """Bytes with each digit, vowel and consonant another one of its case."""
    drawn = torch.rand(letters.shape, device=letters.device)
    found = letters
    for group in ALIKE:
        alike = torch.tensor(list(group), device=letters.device)
        found = torch.where(torch.isin(letters, alike), alike[(drawn * len(group)).long()], found)
    return found


def _summed(values: Tensor, word: Tensor, words: int) -> Tensor:
    """The sum over the tokens of each word: (B, T) -> (B, W)."""
    return values.new_zeros(len(values), words + 1).scatter_add_(1, word, values)[:, :words]
