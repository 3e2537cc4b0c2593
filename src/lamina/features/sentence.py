"""Summaries, each as the sentence of a text in the same row that is most like it."""

from __future__ import annotations

import dataclasses
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from typing import Any, ClassVar, Self

import numpy as np
import polars as pl

from lamina.codecs.ragged import Ragged
from lamina.config import setting, settings
from lamina.errors import DataError
from lamina.features.base import Claim, Profile, blank_to_null, refuse
from lamina.features.media import Broken
from lamina.features.placed import Placed
from lamina.features.sentences import one_by_one, sentence_of
from lamina.features.span import GAP, characters
from lamina.features.text import Text
from lamina.features.words import holds_words

__all__ = ["WHOLE", "Sentence", "SentenceSettings", "SentenceState", "likeness", "texts_of"]

WHOLE = 1000  # a likeness of 1, as a whole number
# Scripts that leave no blank between words: there each character counts for one.
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
_WORD = re.compile(rf"[{_UNSPACED}]|[^\W_{_UNSPACED}]+")


@settings
class SentenceSettings:
    """What summaries are of."""

    of: str = setting("", "The column that they are summaries of; nothing: the only text that there is.")


@dataclasses.dataclass
class SentenceState:
    """What was learned from the training rows.

    Attributes:
        rows: cells with a summary.
        missing: cells without.
        several: those with more than one summary that is right.
        length: characters of a long summary, the 95th percentile.
    """

    rows: int
    missing: int
    several: int
    length: int


class Sentence(Placed):
    """A summary of a text in the same row, or a list of several, each of which is right. It need not stand there: it is
    the sentence of the text that is most like it which is learned.

    The encoded target is a row of whole numbers: how many sentences the text has; for each of them its likeness to the
    summary, the best one's of several, in thousandths; then the characters of each summary by number, 0 between two of
    them.

    Example:
        >>> from lamina.features.text import TextSettings
        >>> feature, texts = Sentence("tldr"), pl.Series(["We train. It works well."] * 2)
        >>> cells = feature.read(pl.Series(["works", None]))
        >>> text = Text("abstract", TextSettings(tokens="pieces", lower=False)).fit(texts)
        >>> feature.fit(cells).encode_in(cells, texts, text).values.tolist()
        [2, 0, 500, 119, 111, 114, 107, 115]
    """

    kind: ClassVar[str] = "sentence"
    target_group: ClassVar[str] = "sentence"
    Settings = SentenceSettings
    State = SentenceState

    @classmethod
    def recognise(cls, profile: Profile) -> Claim | None:
        """Of itself, a text that is predicted is written; but here is which column it would be a summary of."""
        if not profile.is_target or not profile.present or not holds_words(profile.values.dtype):
            return None
        of = _longest(profile)
        return Claim(0.0, f"texts, the longest beside them in {of!r}", {"of": of}) if of else None

    def read(self, values: pl.Series, first_row: int = 0) -> pl.Series:
        if values.dtype in (pl.String, pl.Categorical, pl.Enum):
            values = blank_to_null(values)
        elif values.dtype not in (pl.Null, pl.List(pl.String), pl.List(pl.Null)):
            do = "give a text, or a list of texts"
            refuse(self, values, values.is_not_null(), first_row, f"is to hold summaries, not {values.dtype}", do)
        cells = [_summaries(cell) or None for cell in values.to_list()]
        return pl.Series(values.name, cells, dtype=pl.List(pl.String))

    def partial_fit(self, values: pl.Series) -> Self:
        if not isinstance(self.state, _Seen):
            self.state = _Seen()
        self.state.add(values)
        return self

    def finish(self) -> Self:
        seen = self.state
        lengths = np.sort(np.fromiter(seen.lengths.elements(), np.int64))
        length = int(np.quantile(lengths, 0.95, method="lower")) if len(lengths) else 1
        self.state = SentenceState(len(lengths), seen.missing, seen.several, length)
        return self

    def encode_in(
        self, values: pl.Series, texts: pl.Series, text: Text, refused: Broken | None = None, first_row: int = 0
    ) -> Ragged:
        """How many sentences the text has, the likeness of each, and the characters of all summaries, (n,) rows of
        int32; a cell without a summary has none. A text without a sentence has nothing to learn.

        Args:
            values: the cells.
            texts: the texts that they are summaries of.
            text: the feature of these, whose tokens spell them to the last character.
            refused: takes the places of rows without a text.
            first_row: number of the first row, for messages.

        Raises:
            DataError: if there is such a row and ``refused`` is None.
        """
        tokens, spelling = text.encode(texts)["tokens"], text.tokens.spelling
        rows: list[list[int]] = []
        for row, summaries in enumerate(values.to_list()):
            if summaries is None:
                rows.append([])
                continue
            found = texts_of(tokens[row : row + 1].values, spelling)
            if not found:
                fault = f"there is no text in {text.column!r} to take a sentence of"
                if refused is None:
                    raise DataError(fault, got=f"row {row + first_row} (counted from 0)", do="leave the row out")
                refused[row] = fault
            like = [round(WHOLE * likeness(one, summaries)) for one in found]
            rows.append([len(found), *like, *characters(summaries)])
        return Ragged.of([np.array(row, np.int32) for row in rows] or [np.empty(0, np.int32)])[: len(rows)]

    def decode(self, encoded: Any) -> pl.Series:
        """The first summary of each row; null where there is none.

        Args:
            encoded: a :class:`~lamina.codecs.ragged.Ragged`, as :meth:`encode_in` gives it.
        """
        texts = [row[0] if row else None for row in self.summaries(encoded)]
        return pl.Series(self.column, texts, dtype=pl.String)

    def summaries(self, encoded: Ragged) -> list[list[str]]:
        """All summaries of each row."""
        rows = (encoded[row : row + 1].values for row in range(len(encoded)))
        parts = (row[1 + row[0] :] if len(row) else row for row in rows)
        return ["".join(map(chr, part)).split(chr(GAP)) if len(part) else [] for part in parts]

    def summary(self) -> dict[str, Any]:
        state = self.state
        return {
            "of": self.settings.of,
            "rows with several": state.several,
            "characters of a long one": state.length,
        }


class _Seen:
    """What training cells hold."""

    def __init__(self) -> None:
        self.missing = self.several = 0
        self.lengths: Counter[int] = Counter()

    def add(self, values: pl.Series) -> None:
        self.missing += values.null_count()
        self.several += int((values.list.len() > 1).sum())
        self.lengths.update(len(cell[0]) for cell in values.drop_nulls().to_list())


def likeness(said: str, references: Sequence[str]) -> float:
    """F1 of the words that two texts have in common, the best of several references: ROUGE-1 (Lin 2004), of letters and
    digits of all scripts.

    Example:
        >>> likeness("A cat sat.", ["the cat sat", "nothing"])
        0.6666666666666666
    """
    own = Counter(_WORD.findall(said.lower()))
    best = 0.0
    for reference in references:
        other = Counter(_WORD.findall(reference.lower()))
        both, total = (own & other).total(), own.total() + other.total()
        best = max(best, 2 * both / total if total else 0.0)
    return best


def texts_of(tokens: np.ndarray, spelling: Sequence[bytes]) -> list[str]:
    """The sentences of a text, from its tokens (T,)."""
    of = sentence_of(tokens.tolist(), spelling)
    parts = [b""] * (int(of[-1]) + 1 if len(of) else 0)
    for place, token in zip(of.tolist(), tokens.tolist(), strict=True):
        parts[place] += spelling[token]
    return [part.decode(errors="replace").strip() for part in parts]


def _summaries(cell: Any) -> list[str]:
    """The summaries of one cell, without blanks at their ends; what is empty is none."""
    given = [cell] if isinstance(cell, str) else cell or []
    texts = (unicodedata.normalize("NFC", one or "").replace(chr(GAP), "").strip() for one in given)
    return [text for text in texts if text]


def _longest(profile: Profile) -> str:
    """The column beside a target whose texts are the longest."""
    sizes = {name: _size(cells) for name, cells in profile.beside.items() if holds_words(cells.dtype)}
    return max(sizes, key=lambda name: sizes[name], default="")


def _size(cells: pl.Series) -> float:
    """Characters a cell, on average."""
    texts = one_by_one(cells).drop_nulls()
    return float(texts.str.len_chars().to_numpy().mean()) if len(texts) else 0.0
