"""The tokens of a pre-trained model as it counts them."""

from __future__ import annotations

import numpy as np
import polars as pl

from lamina.codecs.ragged import Ragged
from lamina.features.tokens import Tokens, tokenizer_of

__all__ = ["LibraryTokens"]


class LibraryTokens(Tokens):
    """The tokens of a pre-trained model by its own ids, without the marks that it may put around a text.

    :class:`lamina.features.tokens.Pretrained` gives each id plus one, since 0 fills up rows there; what a network
    writes is never filled up.

    Args:
        definition: the content of the model's ``tokenizer.json``.

    Raises:
        MissingExtraError: if ``tokenizers`` is not installed.
        DataError: if the definition cannot be read.
    """

    def __init__(self, definition: str) -> None:
        self._tokenizer = tokenizer_of(definition, extra="chat")
        self._tokenizer.no_truncation()
        self.size = 1 + max(self._tokenizer.get_vocab().values())

    def ids(self, texts: pl.Series) -> Ragged:
        rows = [[] if text is None else self.of(text) for text in texts]
        ends = np.cumsum([len(row) for row in rows], dtype=np.int64)
        return Ragged(np.array([one for row in rows for one in row], np.int32), ends)

    def of(self, text: str) -> list[int]:
        """The ids of one text."""
        return list(self._tokenizer.encode(text, add_special_tokens=False).ids)

    def spans(self, text: str) -> tuple[list[int], list[tuple[int, int]]]:
        """The ids of one text, and the characters that each stands for."""
        found = self._tokenizer.encode(text, add_special_tokens=False)
        return list(found.ids), list(found.offsets)

    def id_of(self, token: str) -> int | None:
        """The id of a token by its name, or None."""
        found = self._tokenizer.token_to_id(token)
        return None if found is None else int(found)

    def text(self, ids: np.ndarray) -> str:
        return str(self._tokenizer.decode(np.asarray(ids).tolist(), skip_special_tokens=True))
