"""Tags: a label for each word of a text."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, NamedTuple, Self

import numpy as np
import polars as pl

from lamina.codecs.ragged import Ragged
from lamina.config import setting, settings
from lamina.errors import DataError
from lamina.features.answer import Answer
from lamina.features.base import Claim, Profile, blank_to_null, refuse
from lamina.features.media import Broken
from lamina.features.placed import Placed
from lamina.features.text import Text
from lamina.features.words import count_words, holds_words, place_words, words_read

__all__ = [
    "OUTSIDE",
    "Tags",
    "TagsSettings",
    "TagsState",
    "WordSpan",
    "as_array",
    "labels_of_spans",
    "marked",
    "spans_of",
]

OUTSIDE = "O"  # the label of a word that is in no span
UNSEEN = "?"  # what a label is called that no training row has
MOST = 200  # different labels of a column that is recognised as one
OFTEN = 3  # times that each of them comes at least, on average
LABEL = r"^([A-Z]-.+|[^\p{Ll}]+)$"  # B-time, O, NOUN: what a label in running text is known by
INSIDE = 0.01  # share of the spans that may begin with I- where spans begin with B-: beyond, I- may stand anywhere
SPAN = pl.Struct({"start": pl.Int64, "end": pl.Int64, "label": pl.String})


class WordSpan(NamedTuple):
    """Words that belong together.

    Attributes:
        kind: what they are.
        first: the number of the first word.
        end: the number of the word behind the last.
    """

    kind: str
    first: int
    end: int


@settings
class TagsSettings:
    """How labels of words are read."""

    of: str = setting("", "The column whose words they label; nothing: the only text that there is.")
    scheme: Literal["auto", "spans", "words"] = setting(
        "auto",
        "Labels make spans: B-x begins one, I-x goes on with it, O is outside; or each word has its own. auto: spans "
        "where all labels of the training rows are of that form.",
    )


@dataclasses.dataclass
class TagsState:
    """What was learned from the training rows.

    Attributes:
        names: labels, in the order of their codes, which count from 1.
        counts: how often each came.
        rows, missing: cells that are there, and that are not.
        spans: whether labels make spans.
        strict: whether a span begins with B- always: I-x then stands behind B-x or I-x alone.
        native: how cells were spelt: ``list``, ``string`` or ``spans``.
    """

    names: list[str]
    counts: list[int]
    rows: int
    missing: int
    spans: bool
    strict: bool
    native: str


class Tags(Placed):
    """A label for each word of a text in the same row: a list, text with blanks between the labels, or a list of spans
    {start, end, label} by characters of the text, of which each word is part that it touches.

    Words stand between blanks, or are the items of a list. The encoded target is a row of codes from 1.

    Example:
        >>> feature = Tags("slots")
        >>> feature.fit(feature.read(pl.Series(["O B-time I-time", "B-time"]))).names
        ['O', 'B-time', 'I-time']
    """

    kind: ClassVar[str] = "tags"
    target_group: ClassVar[str] = "tags"
    Settings = TagsSettings
    State = TagsState

    @classmethod
    def recognise(cls, profile: Profile) -> Claim | None:
        values = profile.values
        if not profile.is_target or not profile.present:
            return None
        if _is_spans(values.dtype):
            return Claim(0.95, "lists of start, end and label")
        if not _is_labels(values.dtype):
            return None
        counts = count_words(values)
        if counts.sum() < 2 * profile.present or counts.filter(counts > 0).n_unique() < 2:
            return None  # that a row has as many words would say little
        labels = _labels_of(values)
        different = labels.n_unique()
        if different > MOST or counts.sum() < OFTEN * different:
            return None
        if values.dtype == pl.String and not labels.str.contains(LABEL).all():
            return None  # sentences of few words, such as a translation word by word
        for name, cells in profile.beside.items():
            both = values.is_not_null() & cells.is_not_null()
            if holds_words(cells.dtype) and (count_words(cells) == counts).filter(both).all():
                evidence = f"{different} different labels, as many in each row as {name!r} has words"
                return Claim(0.9, evidence, {"of": name})
        return None

    def read(self, values: pl.Series, first_row: int = 0) -> pl.Series:
        values = blank_to_null(values)
        if values.dtype == pl.Null:
            return values.cast(pl.List(pl.String))
        if not (_is_labels(values.dtype) or _is_spans(values.dtype)):
            do = "give a list of labels, text with blanks between them, or a list of {start, end, label}"
            what = f"is to hold a label for each word, and came as {values.dtype}"
            refuse(self, values, values.is_not_null(), first_row, what, do)
        if not isinstance(self.state, TagsState):
            self._native = "string" if values.dtype == pl.String else "spans" if _is_spans(values.dtype) else "list"
        if _is_spans(values.dtype):
            read = values.cast(pl.List(SPAN))
            parts = [pl.element().struct.field(name).is_null() for name in ("start", "end", "label")]
            hollow = read.list.eval(pl.any_horizontal(parts)).list.any()
            refuse(self, values, hollow, first_row, "has spans without start, end or label", "give all three")
            return read
        if values.dtype == pl.String:
            return values.str.extract_all(r"\S+")
        read = values.cast(pl.List(pl.String))
        lacking = read.list.eval(pl.element().is_null()).list.any()
        refuse(self, values, lacking, first_row, "has words without a label", f"label them, as {OUTSIDE} say")
        return read

    def partial_fit(self, values: pl.Series) -> Self:
        if self.state is None:
            self.state = _Seen()
        self.state.add(values)
        return self

    def finish(self) -> Self:
        seen, scheme = self.state, self.settings.scheme
        native = getattr(self, "_native", "list")
        spans = native == "spans" or (_make_spans(seen.counts) if scheme == "auto" else scheme == "spans")
        counts = dict(seen.counts)
        if spans:
            counts = {OUTSIDE: 0} | counts
            for kind in {name[2:] for name in counts if name[:2] in ("B-", "I-")}:
                counts = {f"B-{kind}": 0, f"I-{kind}": 0} | counts
        names = sorted(counts, key=_span_order) if spans else sorted(counts, key=lambda name: (-counts[name], name))
        starts = sum(count for name, count in counts.items() if name.startswith("B-"))
        self.state = TagsState(
            names,
            [counts[name] for name in names],
            seen.rows,
            seen.missing,
            spans,
            seen.inside <= INSIDE * (starts + seen.inside),
            native,
        )
        return self

    @property
    def names(self) -> list[str]:
        """The labels in the order of their codes, which count from 1."""
        return self.state.names

    def encode_in(
        self, values: pl.Series, texts: pl.Series, text: Text, refused: Broken | None = None, first_row: int = 0
    ) -> Ragged:
        """Codes of the labels of all words that a network sees, (n,) rows of int32 from 1; 0 is a label that no
        training row has, and a missing cell has none.

        Raises:
            DataError: if a row has not one label for each word, whether or not ``refused`` is there.
        """
        wanted = count_words(texts)
        if _is_spans(values.dtype):
            values = self._of_spans(values, texts, first_row)
        given = values.list.len()
        bad = (given != wanted.cast(given.dtype)).fill_null(False).arg_true()
        if len(bad):
            row = int(bad[0])
            raise DataError(
                f"column {self.column!r} has not one label for each word of {text.column!r}",
                got=f"{given[row]} labels and {wanted[row]} words in row {row + first_row} (counted from 0)"
                + (f", and {len(bad) - 1} more such rows" if len(bad) > 1 else ""),
                do="words stand between blanks, or are the items of a list: label each of them",
            )
        seen = words_read(text.encode(texts)["tokens"], text.tokens.spelling)
        kept = pl.select(pl.lit(values).list.head(pl.lit(pl.Series(seen)))).to_series()
        codes = kept.explode().drop_nulls().replace_strict(
            self.names, list(range(1, len(self.names) + 1)), default=0, return_dtype=pl.Int32
        )  # fmt: skip
        lengths = kept.list.len().fill_null(0).to_numpy().astype(np.int64)
        return Ragged(codes.to_numpy(), np.cumsum(lengths))

    def _of_spans(self, values: pl.Series, texts: pl.Series, first_row: int) -> pl.Series:
        """Spans by characters as labels of words."""
        rows: list[list[str] | None] = []
        for row, (spans, text) in enumerate(zip(values.to_list(), texts.to_list(), strict=True)):
            try:
                rows.append(None if spans is None else labels_of_spans(spans, text or ""))
            except DataError as error:
                raise DataError(f"column {self.column!r}, row {row + first_row} (counted from 0): {error}") from None
        return pl.Series(self.column, rows, dtype=pl.List(pl.String))

    def decode(self, encoded: Any) -> pl.Series:
        """Rows of codes as lists of labels.

        Args:
            encoded: a :class:`~lamina.codecs.ragged.Ragged` of codes.
        """
        rows = [self.labels(encoded[row : row + 1].values) for row in range(len(encoded))]
        return pl.Series(self.column, rows, dtype=pl.List(pl.String))

    def labels(self, codes: Sequence[int] | np.ndarray) -> list[str]:
        """The labels of a row. Words next to each other whose label no training row has are one span, if any are."""
        found: list[str] = []
        for code in codes:
            unseen = f"{'I' if found and found[-1][2:] == UNSEEN else 'B'}-{UNSEEN}" if self.state.spans else UNSEEN
            found.append(self.names[code - 1] if code else unseen)
        return found

    def answer(self, codes: Sequence[Sequence[int]], sureness: Sequence[float] | None = None) -> Answer:
        """Rows of codes as an answer: labels, and the spans that they make, if they make any."""
        labels = [self.labels(row) for row in codes]
        spans = as_array([spans_of(row) for row in labels]) if self.state.spans else None
        return Answer(labels=as_array(labels), spans=spans, sureness=None if sureness is None else np.array(sureness))

    def may_follow(self) -> np.ndarray:
        """Which code may follow which, (labels + 1, labels + 1) bool, from the row's to the column's; code 0 is before
        the first word and behind the last. All may, but I-x where spans begin with B- always.

        Example:
            >>> feature = Tags("slots")
            >>> feature.fit(feature.read(pl.Series(["O B-x I-x"]))).may_follow()[:, 3].tolist()
            [False, False, True, True]
        """
        names = ["", *self.names]
        may = np.ones((len(names), len(names)), bool)
        if self.state.spans and self.state.strict:
            for place, name in enumerate(names):
                if name.startswith("I-"):
                    may[:, place] = [before[:2] in ("B-", "I-") and before[2:] == name[2:] for before in names]
        return may

    def summary(self) -> dict[str, Any]:
        state = self.state
        most = sorted(zip(state.counts, state.names, strict=True), key=lambda item: (-item[0], item[1]))[:10]
        return {
            "labels": len(state.names),
            "most frequent": {name: count for count, name in most},
            "labels make": "spans" if state.spans else "no spans",
            "of": self.settings.of,
        }


class _Seen:
    """What training cells hold: how often each label came, and how often I- began a span."""

    def __init__(self) -> None:
        self.rows = self.missing = self.inside = 0
        self.counts: Counter[str] = Counter()

    def add(self, values: pl.Series) -> None:
        self.rows += len(values)
        self.missing += values.null_count()
        if _is_spans(values.dtype):
            self.counts.update(f"B-{span['label']}" for spans in values.drop_nulls() for span in spans)
            return
        pairs = pl.DataFrame({"row": np.arange(len(values)), "name": values}).explode("name").drop_nulls()
        self.counts.update(dict(pairs["name"].value_counts(name="count").iter_rows()))
        before = pl.col("name").shift(1).over("row").fill_null("")
        goes_on = before.str.contains("^[BI]-") & (before.str.slice(2) == pl.col("name").str.slice(2))
        self.inside += pairs.filter(pl.col("name").str.starts_with("I-") & ~goes_on).height


def marked(words: Sequence[str], labels: Sequence[str], spans: bool) -> str:
    """Words with their labels, for people; those behind a text's cut have none.

    Example:
        >>> marked(["at", "6:00", "pm", "please"], ["O", "B-time", "I-time", "O"], spans=True)
        'at [6:00 pm: time] please'
        >>> marked(["go", "home"], ["VERB", "NOUN"], spans=False)
        'go/VERB home/NOUN'
    """
    if not spans:
        return " ".join([f"{word}/{label}" for word, label in zip(words, labels, strict=False)])
    shown, last = [], 0
    for span in spans_of(labels):
        inside = " ".join(words[span.first : span.end])
        shown += [*words[last : span.first], f"[{inside}: {span.kind}]"]
        last = span.end
    return " ".join([*shown, *words[last:]])


def as_array(rows: Sequence[Any]) -> np.ndarray:
    """Lists as the items of an array, (n,) object, whether or not they are of one length."""
    found = np.empty(len(rows), object)
    found[:] = rows
    return found


def labels_of_spans(spans: Sequence[Mapping[str, Any]], text: str) -> list[str]:
    """A label for each word of a text from spans by characters; a word is part of each span that it touches.

    Raises:
        DataError: if a span is not in the text or touches no word, or two touch the same one.

    Example:
        >>> labels_of_spans([{"start": 3, "end": 10, "label": "time"}], "at 6:00 pm, please")
        ['O', 'B-time', 'I-time', 'O']
    """
    places = place_words(text)
    labels = [OUTSIDE] * len(places)
    for span in sorted(spans, key=lambda span: int(span["start"])):
        start, end, label = span["start"], span["end"], span["label"]
        touched = [word for word, (first, last) in enumerate(places) if first < end and start < last]
        if not touched or start < 0 or end > len(text):
            raise DataError("a span lies on no word", got=f"{start} to {end} of {len(text)} characters",
                            do="start counts from 0, and end is that of the character after the last")  # fmt: skip
        for word in touched:
            if labels[word] != OUTSIDE:
                raise DataError("two spans touch one word", got=repr(text[slice(*places[word])]), do="leave one out")
            labels[word] = f"{'B' if word == touched[0] else 'I'}-{label}"
    return labels


def spans_of(labels: Sequence[str]) -> list[WordSpan]:
    """The spans that labels make, as conlleval (and seqeval by default) reads them: I-x begins one too where no x is
    before it.

    Example:
        >>> spans_of(["O", "B-time", "I-time", "I-date"])
        [WordSpan(kind='time', first=1, end=3), WordSpan(kind='date', first=3, end=4)]
    """
    spans: list[WordSpan] = []
    for place, label in enumerate(labels):
        if label == OUTSIDE:
            continue
        kind = label[2:]
        if label.startswith("I-") and spans and spans[-1].end == place and spans[-1].kind == kind:
            spans[-1] = spans[-1]._replace(end=place + 1)
        else:
            spans.append(WordSpan(kind, place, place + 1))
    return spans


def _make_spans(names: Mapping[str, int]) -> bool:
    """Whether all labels are O, B-x or I-x, and some are not O."""
    kinds = [name for name in names if name != OUTSIDE]
    return bool(kinds) and all(name[:2] in ("B-", "I-") and name[2:] for name in kinds)


def _span_order(name: str) -> tuple[bool, str, str]:
    """O first, then B- and I- of each kind."""
    return name != OUTSIDE, name[2:], name


def _labels_of(values: pl.Series) -> pl.Series:
    """All labels of all cells."""
    lists = values.str.extract_all(r"\S+") if values.dtype == pl.String else values
    return lists.explode().drop_nulls()


def _is_spans(dtype: Any) -> bool:
    inner = dtype.inner if isinstance(dtype, pl.List) else None
    return isinstance(inner, pl.Struct) and {"start", "end", "label"} <= {field.name for field in inner.fields}


def _is_labels(dtype: Any) -> bool:
    inner = dtype.inner if isinstance(dtype, pl.List) else None
    return dtype == pl.String or (inner is not None and (inner in (pl.String, pl.Null) or inner.is_integer()))
