"""What the ids that a network writes stand for."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from lamina.features.tokens import FILL, MASK, START, UNKNOWN, Tokens

__all__ = ["BROKEN", "Lexicon"]

BROKEN = "\ufffd"  # what stands for bytes that are no character, or not yet one


@dataclasses.dataclass(frozen=True)
class Lexicon:
    """Tokens, and which ids are none.

    The defaults suit every kind of token but those of a pre-trained model, which has ids of its own for them.

    Attributes:
        tokens: ids to text and back.
        start: what a text begins with that nothing else is given of.
        ends: ids that end a text; at least one.
        never: ids that are not written.

    Example:
        >>> from lamina.features.tokens import Words
        >>> lexicon = Lexicon(Words(["to", "be"], lower=True))
        >>> lexicon.continued([3, 4], [5, 4])
        ' be to'
    """

    tokens: Tokens
    start: int = START
    ends: tuple[int, ...] = (START,)
    never: tuple[int, ...] = (FILL, UNKNOWN, MASK)

    def text(self, ids: Sequence[int]) -> str:
        """Ids as a person reads them."""
        return self.tokens.text(np.asarray(ids, np.int64))

    def continued(self, before: Sequence[int], ids: Sequence[int]) -> str:
        """What ids add to the text of those before them: a word brings the blank that parts it from the last one."""
        return self.text([*before, *ids])[len(self.text(before).rstrip(BROKEN)) :]
