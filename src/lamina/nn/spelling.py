"""From tokens to words by how they are spelled, so that words of different columns can be told to be the same."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lamina.nn.wide import places_there

__all__ = ["SHAPES", "Spelling", "Words", "hashed"]

LETTERS = 16  # bytes of a word that tell it from others
STEM, ENDING = 5, 3  # bytes at its start by which it is like others, and at its end
SHAPES = 5  # a capital at the start, another one, a digit, a letter, none of them
MULTIPLIER = 0x5851F42D4C957F2D - 2**63  # odd, so that no byte is lost (Knuth's for linear congruences)


class Words(NamedTuple):
    """The words of some rows.

    Attributes:
        of: (B, T) int64, place of the word that each token is of.
        counts: (B,) int64, words of each row.
        there: (B, W) bool, which places have a word.
        whole, stem, ending: (B, W) int64, a number that is the same for the same word, whatever its letter case; for
            words that begin with the same five bytes; and for those with the same last three. The case of a letter of
            several bytes counts where no token has it whole.
        shapes: (B, W, 5) float32 of 0 and 1: a capital at the start, another one, a digit, a letter, none of these.
        rarity: (B, W) float32, 0 for the most frequent words of the training rows, 1 for those that were not seen.
    """

    of: Tensor
    counts: Tensor
    there: Tensor
    whole: Tensor
    stem: Tensor
    ending: Tensor
    shapes: Tensor
    rarity: Tensor

    @property
    def named(self) -> Tensor:
        """Words that are no marks, (B, W) bool."""
        return self.there & (self.shapes[..., -1] == 0)


class Spelling(nn.Module):
    """Tokens as words: a word is a run of letters and digits; every mark is a word, too. Nothing here is learned.

    How rare a word is comes from its token's place in the vocabulary, where frequent ones stand first; a word of
    several tokens was seldom seen.

    Args:
        spelling: what each token stands for, in UTF-8, as :class:`lamina.features.base.Slot` has it.

    Shape:
        tokens (B, T) int64, lengths (B,) -> :class:`Words`; there is a place at least, even if no row has a word

    Example:
        >>> spelling = Spelling((b"", b"No", b"r", b"mans", b" nor", b"."))
        >>> words = spelling(torch.tensor([[1, 2, 3, 5], [4, 3, 5, 0]]), torch.tensor([4, 3]))
        >>> words.of.tolist(), (words.whole[0] == words.whole[1]).tolist(), words.shapes[:, 0].tolist()
        ([[0, 0, 0, 1], [0, 0, 1, 1]], [True, True], [[1.0, 0.0, 0.0, 1.0, 0.0], [0.0, 0.0, 0.0, 1.0, 0.0]])
    """

    letters: Tensor
    sizes: Tensor
    blank: Tensor
    opens: Tensor
    closes: Tensor
    shapes: Tensor
    rarity: Tensor
    powers: Tensor

    def __init__(self, spelling: Sequence[bytes]) -> None:
        super().__init__()
        looks = [_look(one) for one in spelling]
        width = max(1, *(len(look.letters) for look in looks))
        letters = torch.tensor([[*look.letters, *[0] * (width - len(look.letters))] for look in looks])
        several = torch.tensor([len(one) > 1 for one in spelling])
        rank = (several.cumsum(0) - 1).clamp(min=0) * several
        powers = torch.full((LETTERS,), MULTIPLIER).cumprod(0)
        tables = {
            "letters": letters.to(torch.uint8),
            "sizes": (letters > 0).sum(1),
            "blank": torch.tensor([not one.strip() and len(one) > 0 for one in spelling]),
            "opens": torch.tensor([look.opens for look in looks]),
            "closes": torch.tensor([look.closes for look in looks]),
            "shapes": torch.tensor([look.shapes for look in looks], dtype=torch.float32),
            "rarity": torch.log1p(rank.float()) / math.log1p(max(1, int(rank.max()))),
            "powers": powers,
        }
        for name, table in tables.items():
            self.register_buffer(name, table, persistent=False)

    def forward(self, tokens: Tensor, lengths: Tensor) -> Words:
        if not tokens.shape[1]:
            tokens = F.pad(tokens, (0, 1))
        there = places_there(lengths, tokens.shape[1])
        begins = self.opens[tokens]
        before = tokens[:, :-1]
        begins[:, 1:] = (begins[:, 1:] | self.closes[before]) & ~self.blank[before]  # a blank belongs to what follows
        begins[:, 0] = True
        begins &= there
        of = (begins.cumsum(1) - 1).clamp(min=0)  # (B, T)
        counts = begins.sum(1)
        letters = self._letters(tokens, there, of, int(counts.max().clamp(min=1)))  # (B, W, LETTERS)
        sizes = (letters > 0).sum(2)
        last = sizes[..., None] - ENDING + torch.arange(ENDING)
        ending = letters.gather(2, last.clamp(min=0)) * (last >= 0)
        tokens_of = _of_words((self.sizes[tokens] > 0) * there * 1.0, of, letters.shape[1], "sum")
        rarity = _of_words(self.rarity[tokens] * there, of, letters.shape[1], "amax")
        return Words(
            of,
            counts,
            places_there(counts, letters.shape[1]),
            self._number(letters),
            self._number(letters[..., :STEM]),
            self._number(ending),
            self._shapes(tokens, there, begins, of, letters.shape[1]),
            torch.where(tokens_of > 1, 1.0, rarity),
        )

    def _letters(self, tokens: Tensor, there: Tensor, of: Tensor, words: int) -> Tensor:
        """The first bytes of each word, zeros behind its end: (B, words, LETTERS) int64."""
        sizes = self.sizes[tokens] * there
        before = sizes.cumsum(1) - sizes
        start = torch.full((len(tokens), words), 2**31).scatter_reduce(1, of, before, "amin")
        offset = (before - start.gather(1, of))[..., None] + torch.arange(self.letters.shape[1])
        letters = self.letters[tokens].long() * there[..., None]
        # What is beyond the first bytes of a word goes to a place that is thrown away.
        place = torch.where((offset < LETTERS) & (letters > 0), of[..., None] * LETTERS + offset, words * LETTERS)
        made = torch.zeros(len(tokens), words * LETTERS + 1, dtype=torch.int64)
        return made.scatter_(1, place.flatten(1), letters.flatten(1))[:, :-1].unflatten(1, (words, LETTERS))

    def _shapes(self, tokens: Tensor, there: Tensor, begins: Tensor, of: Tensor, words: int) -> Tensor:
        """What the words look like, (B, words, 5)."""
        first, other, digit, letter = (self.shapes[tokens] * there[..., None]).unbind(2)
        begins[:, 1:] |= begins[:, :-1] & self.blank[tokens[:, :-1]]
        other = torch.maximum(other, first * ~begins)
        found = _of_words(torch.stack([first * begins, other, digit, letter], 2), of, words, "amax")
        return torch.cat([found, 1 - found[..., 2:].amax(2, keepdim=True)], 2)

    def _number(self, letters: Tensor) -> Tensor:
        """One number for a row of bytes, as good as never the same for two: (..., n) -> (...)."""
        return (letters * self.powers[: letters.shape[-1]]).sum(-1)


def hashed(numbers: Tensor, buckets: int, seed: int = 0) -> Tensor:
    """Numbers as one of so many buckets each, a power of 2 (Weinberger et al. 2009).

    Example:
        >>> hashed(torch.tensor([5, 5, 6]), 1024).unique().numel()
        2
    """
    mixed = (numbers + seed) * MULTIPLIER
    return (mixed ^ (mixed >> 29)) * MULTIPLIER >> 33 & (buckets - 1)


def _of_words(values: Tensor, of: Tensor, words: int, how: str) -> Tensor:
    """Values of tokens as those of their words: (B, T), or (B, T, k) -> (B, words, ...)."""
    place = of if values.dim() == 2 else of[..., None].expand_as(values)
    made = torch.zeros(len(values), words, *values.shape[2:], device=values.device)
    return made.scatter_reduce(1, place, values, how)


class _Look(NamedTuple):
    """What one token looks like: its bytes in lower case without blanks; whether a word begins with it, and whether
    none goes on behind it; and for its shape whether it begins with a capital, has another one, a digit, a letter."""

    letters: bytes
    opens: bool
    closes: bool
    shapes: tuple[bool, bool, bool, bool]


def _look(spelled: bytes) -> _Look:
    try:
        text = spelled.decode()
    except UnicodeDecodeError:  # a part of a character, which is a letter as most are
        text = "".join(chr(byte) if byte < 128 else "ª" for byte in spelled)
        folded = spelled.lower()
    else:
        folded = text.lower().encode()
    body = text.strip()
    return _Look(
        folded.strip(),
        not text[:1].isalnum(),
        not text[-1:].isalnum(),
        (
            body[:1].isupper(),
            any(one.isupper() for one in body[1:]),
            any(one.isdigit() for one in body),
            any(one.isalpha() for one in body),
        ),
    )
