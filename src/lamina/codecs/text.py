"""Text: running words to rows of tokens."""

from __future__ import annotations

import dataclasses
import re
import unicodedata
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np

from lamina.codecs.base import BLANKS, Codec, as_text, plain
from lamina.codecs.ragged import Ragged
from lamina.codecs.tokens import Characters, Pieces, Pretrained, Tokens, Words

__all__ = ["BETWEEN", "HOLLOW", "TextCodec"]

BETWEEN = "\u2029"  # between sentences that are given one by one: Unicode's paragraph separator, which is a blank
HOLLOW = "_"  # what a blank within a word, and a word of nothing, is read as, where words are kept apart

_GAP, _WORD = re.compile(f"[{BLANKS}]+"), re.compile(f"[^{BLANKS}]+")
_KINDS: dict[str, Callable[..., Tokens]] = {"words": Words, "pieces": Pieces, "characters": Characters}


@dataclasses.dataclass
class TextCodec(Codec):
    """Running words: one ``tokens`` slot; a missing or blank cell is a row without tokens.

    Attributes:
        tokens: words, pieces, characters or pretrained.
        lower: whether all is read in lower case.
        names: the tokens in the order of their ids; of pieces, a character for each byte.
        definition: the tokenizer.json of a pre-trained model, or nothing.
        is_whole: whether the blanks at its ends are kept, and words that mean "missing".
        longest: tokens kept of a text.
        by_word: whether words are kept apart, as blanks or the items of a list do.

    Example:
        >>> codec = TextCodec("review", "words", True, ["good", "plot"], "", False, 512, False)
        >>> rows = codec.encode(["good plot !", None])["tokens"]
        >>> rows.values.tolist(), rows.lengths.tolist()
        ([4, 5, 1], [3, 0])
    """

    kind: ClassVar[str] = "text"
    column: str
    tokens: str
    lower: bool
    names: list[str]
    definition: str
    is_whole: bool
    longest: int
    by_word: bool

    def __post_init__(self) -> None:
        if self.tokens == "pretrained":
            self._tokens: Tokens = Pretrained(self.definition)
        else:
            self._tokens = _KINDS[self.tokens](self.names, lower=self.lower)
        self._read = self._by_word if self.by_word else self._whole if self.is_whole else self._stripped

    def encode(self, cells: Sequence[Any], first_row: int = 0) -> dict[str, Ragged]:
        ids: list[int] = []
        ends = np.empty(len(cells), np.int64)
        for row, cell in enumerate(cells):
            text = self._read(cell)
            if text is not None:
                ids += self._tokens.first(text, self.longest)
            ends[row] = len(ids)
        return {"tokens": Ragged(np.array(ids, np.int32), ends)}

    def _stripped(self, cell: Any) -> str | None:
        if _is_list_of_text(cell):
            cell = BETWEEN.join(item for item in cell if item is not None)
        text = as_text(plain(cell))
        return text if text is None or text.isascii() else unicodedata.normalize("NFC", text)

    def _whole(self, cell: Any) -> str | None:
        text = _any_text(cell)
        return None if text is None or not text.strip(BLANKS) else unicodedata.normalize("NFC", text)

    def _by_word(self, cell: Any) -> str | None:
        if isinstance(cell, (list, tuple, np.ndarray)):
            words = (_GAP.sub(HOLLOW, _any_text(item) or "") or HOLLOW for item in cell)
            text: str | None = " ".join(words)
        else:
            text = _any_text(cell)
        if text is None or not _WORD.search(text):
            return None
        return " " + " ".join(_WORD.findall(unicodedata.normalize("NFC", text)))


def _any_text(cell: Any) -> str | None:
    """A cell as text, as it is; None if there is none."""
    if isinstance(cell, str):
        return str(cell)
    if isinstance(cell, (float, np.floating)) and cell != cell:
        return "NaN"
    return as_text(plain(cell))


def _is_list_of_text(cell: Any) -> bool:
    if isinstance(cell, np.ndarray):
        cell = cell.tolist()
    return isinstance(cell, (list, tuple)) and all(item is None or isinstance(item, str) for item in cell)
