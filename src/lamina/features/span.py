"""Spans: a part of a text in the same row, or none, as the answer to a question."""

from __future__ import annotations

import dataclasses
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Literal, Self

import numpy as np
import polars as pl

from lamina.codecs.ragged import Ragged
from lamina.config import setting, settings
from lamina.errors import DataError
from lamina.features.base import Claim, Profile, blank_to_null, refuse
from lamina.features.media import Broken
from lamina.features.placed import Placed
from lamina.features.text import Text

__all__ = ["Span", "SpanSettings", "SpanState", "characters", "find"]

PART = pl.Struct({"text": pl.String, "start": pl.Int64})
STARTS = ("start", "answer_start")  # what the place is called; the second is SQuAD's word
GAP = 0  # between the parts of one row
ENOUGH, SURE = (
    20,
    0.95,
)  # cells that are texts are taken for parts of another column if so many are there, and this share


@settings
class SpanSettings:
    """How parts of a text are read."""

    of: str = setting("", "The column that they are parts of; nothing: the only text that there is.")
    empty: Literal["no answer", "unknown"] = setting(
        "no answer",
        "What an empty cell means: that there is no such part, which is learned too; or that nobody knows, so that the "
        "row teaches nothing. An empty list always means that there is none.",
    )


@dataclasses.dataclass
class SpanState:
    """What was learned from the training rows.

    Attributes:
        rows: cells with a part, and with none.
        none: those with none.
        missing: cells that are not known.
        several: those with more than one part that is right.
        length: characters of a long part, the 95th percentile.
    """

    rows: int
    none: int
    missing: int
    several: int
    length: int


class Span(Placed):
    """A part of a text in the same row: the part itself, which is looked for and first found; or {text, start} with
    its place in the text by characters, where SQuAD's name answer_start will do; or a list of such, each of which is
    right. The first is learned from. No part at all is right, too.

    The encoded target is a row of whole numbers: the first token of the part and the one behind its last, 0 and 0 for
    none; then the characters of each right part by number, 0 between two of them.

    Example:
        >>> from lamina.features.text import TextSettings
        >>> feature, texts = Span("answer"), pl.Series(["It was Rome", "It was Rome", "Who?"])
        >>> cells = feature.read(pl.Series(["Rome", "", None]))
        >>> passage = Text("passage", TextSettings(tokens="pieces", lower=False)).fit(texts)
        >>> feature.fit(cells).encode_in(cells, texts, passage).values.tolist()
        [2, 3, 82, 111, 109, 101, 0, 0, 0, 0]
    """

    kind: ClassVar[str] = "span"
    target_group: ClassVar[str] = "span"
    Settings = SpanSettings
    State = SpanState

    @classmethod
    def recognise(cls, profile: Profile) -> Claim | None:
        if not profile.is_target or not profile.present or not _holds_parts(profile.values.dtype):
            return None
        of, share = _found_in(profile)
        settings = {"of": of} if share > 0.5 else {}
        evidence = f"in {of!r} in {share:.0%} of the rows" if settings else "in no other column"
        if _holds_places(profile.values.dtype):
            return Claim(0.95, f"texts with their places, {evidence}", settings)
        if profile.present >= ENOUGH and profile.distinct > 0.5 * profile.present and share >= SURE:
            return Claim(0.7, f"parts of texts, {evidence}", settings)
        return Claim(0.0, f"texts, {evidence}", settings)

    def read(self, values: pl.Series, first_row: int = 0) -> pl.Series:
        if values.dtype in (pl.String, pl.Categorical, pl.Enum):
            values = blank_to_null(values)
        if values.dtype != pl.Null and not _holds_parts(values.dtype):
            do = "give the part itself, {text, start}, or a list of such"
            refuse(
                self, values, values.is_not_null(), first_row, f"is to hold a part of a text, not {values.dtype}", do
            )
        nothing: list[dict[str, Any]] | None = [] if self.settings.empty == "no answer" else None
        cells = [nothing if cell is None else list(_parts(cell)) for cell in values.to_list()]
        return pl.Series(values.name, cells, dtype=pl.List(PART))

    def partial_fit(self, values: pl.Series) -> Self:
        if not isinstance(self.state, _Seen):
            self.state = _Seen()
        self.state.add(values)
        return self

    def finish(self) -> Self:
        seen = self.state
        lengths = np.sort(np.fromiter(seen.lengths.elements(), np.int64))
        length = int(np.quantile(lengths, 0.95, method="lower")) if len(lengths) else 1
        self.state = SpanState(seen.rows, seen.none, seen.missing, seen.several, length)
        return self

    def encode_in(
        self, values: pl.Series, texts: pl.Series, text: Text, refused: Broken | None = None, first_row: int = 0
    ) -> Ragged:
        """The first token of the part and the one behind its last, then the characters of all right parts, (n,) rows
        of int32; a cell that nobody knows has none.

        Args:
            values: the cells.
            texts: the texts that they are parts of.
            text: the feature of these, whose tokens spell them to the last character.
            refused: takes the places of rows whose part is not there, or beyond where the text is cut.
            first_row: number of the first row, for messages.

        Raises:
            DataError: if such a row is there and ``refused`` is None.
        """
        tokens = text.encode(texts)["tokens"]
        size = np.array([len(one) for one in text.tokens.spelling], np.int64)
        rows: list[list[int]] = []
        for row, (parts, cell) in enumerate(zip(values.to_list(), texts.to_list(), strict=True)):
            if parts is None:
                rows.append([])
                continue
            place, fault = (0, 0), None
            if parts:
                place, fault = self._place(parts[0], cell or "", size[tokens[row : row + 1].values], text)
            if fault and refused is None:
                raise DataError(
                    fault, got=f"{parts[0]['text']!r} in row {row + first_row} (counted from 0)",
                    do="write it as it stands in the text, or leave the row out",
                )  # fmt: skip
            if fault:
                refused[row] = fault  # type: ignore[index]
            rows.append([*place, *characters([part["text"] for part in parts])])
        return Ragged.of([np.array(row, np.int32) for row in rows] or [np.empty(0, np.int32)])[: len(rows)]

    def _place(
        self, part: dict[str, Any], cell: str, sizes: np.ndarray, text: Text
    ) -> tuple[tuple[int, int], str | None]:
        """The tokens that cover a part, first and behind the last, and what is wrong with it if anything is."""
        start = find(part["text"], part["start"], cell)
        if start is None:
            return (0, 0), f"what {self.column!r} says is not in {text.column!r}"
        ends = np.cumsum(sizes)
        first = len(cell[:start].encode())
        last = first + len(part["text"].encode())
        if not len(ends) or last > ends[-1]:
            return (
                0,
                0,
            ), f"what {self.column!r} says is beyond the first {text.settings.longest} tokens of {text.column!r}"
        return (int(np.searchsorted(ends, first, "right")), int(np.searchsorted(ends, last)) + 1), None

    def decode(self, encoded: Any) -> pl.Series:
        """The first right part of each row as text, empty where there is none; null where nobody knows.

        Args:
            encoded: a :class:`~lamina.codecs.ragged.Ragged`, as :meth:`encode_in` gives it.
        """
        lengths, parts = encoded.lengths, self.parts(encoded)
        texts = [(row or [""])[0] if length else None for row, length in zip(parts, lengths, strict=True)]
        return pl.Series(self.column, texts, dtype=pl.String)

    def parts(self, encoded: Ragged) -> list[list[str]]:
        """All right parts of each row; none where there is none."""
        rows = (encoded[row : row + 1].values[2:] for row in range(len(encoded)))
        return ["".join(map(chr, row)).split(chr(GAP)) if len(row) else [] for row in rows]

    def summary(self) -> dict[str, Any]:
        state = self.state
        return {
            "of": self.settings.of,
            "rows without an answer": state.none,
            "rows with several": state.several,
            "characters of a long one": state.length,
        }


class _Seen:
    """What training cells hold."""

    def __init__(self) -> None:
        self.rows = self.none = self.missing = self.several = 0
        self.lengths: Counter[int] = Counter()

    def add(self, values: pl.Series) -> None:
        counts = values.list.len()
        self.rows += int(counts.is_not_null().sum())
        self.missing += values.null_count()
        self.none += int((counts == 0).sum())
        self.several += int((counts > 1).sum())
        self.lengths.update(len(parts[0]["text"]) for parts in values.drop_nulls().to_list() if parts)


def find(part: str, start: int | None, text: str) -> int | None:
    """Where a part of a text begins: where it is said to, else at the nearest place to that, else at the first.

    Blanks at the ends of the text may have gone since its places were counted.

    Example:
        >>> find("a", None, "banana"), find("a", 4, "banana"), find("c", 0, "banana")
        (1, 3, None)
    """
    if start is None:
        found = text.find(part)
        return found if found >= 0 else None
    if start >= 0 and text.startswith(part, start):
        return start
    places = [found.start() for found in re.finditer(f"(?={re.escape(part)})", text)]
    return min(places, key=lambda place: abs(place - start), default=None)


def characters(parts: Sequence[str]) -> list[int]:
    """Texts as the numbers of their characters, 0 between two of them.

    Example:
        >>> characters(["ab", "c"])
        [97, 98, 0, 99]
    """
    return [ord(one) for one in chr(GAP).join(parts)]


def _holds_parts(dtype: pl.DataType) -> bool:
    """Whether cells can name parts of a text, with places or without."""
    return dtype in (pl.String, pl.List(pl.String), pl.List(pl.Null)) or _holds_places(dtype)


def _found_in(profile: Profile) -> tuple[str, float]:
    """The column beside a target in which most of its cells stand, longer than they are, and the share that does."""
    firsts = [next(_parts(cell), {"text": ""})["text"] if cell is not None else "" for cell in profile.values.to_list()]
    first = pl.Series("part", firsts, dtype=pl.String).replace("", None)
    best = ("", 0.0)
    for name, texts in profile.beside.items():
        if texts.dtype == pl.String and first.null_count() < len(first):
            part, text = pl.col("part"), pl.col("text")
            held = (part != text) & text.str.contains(part, literal=True)
            found = pl.DataFrame([first, texts.alias("text")]).select(held.fill_null(False)).to_series().to_numpy()
            share = float(found.sum() / (len(first) - first.null_count()))
            best = max(best, (name, share), key=lambda one: one[1])
    return best


def _holds_places(dtype: pl.DataType) -> bool:
    """Whether cells are {text, start}, or lists of them."""
    inner = dtype.inner if isinstance(dtype, pl.List) else dtype
    if not isinstance(inner, pl.Struct):
        return False
    kinds = {field.name: field.dtype for field in inner.fields}
    places = [kinds[name] for name in STARTS if name in kinds]
    return kinds.get("text") in (pl.String, pl.Null) and any(kind.is_integer() or kind == pl.Null for kind in places)


def _parts(cell: Any) -> Iterator[dict[str, Any]]:
    """The parts that one cell names, without blanks at their ends; what is empty is none."""
    for one in cell if isinstance(cell, list) else [cell]:
        given = one if isinstance(one, dict) else {"text": one}
        text = unicodedata.normalize("NFC", given.get("text") or "")
        start = next((given[name] for name in STARTS if given.get(name) is not None), None)
        if start is not None:
            start += len(text) - len(text.lstrip())
        if text := text.strip().replace(chr(GAP), ""):
            yield {"text": text, "start": start}
