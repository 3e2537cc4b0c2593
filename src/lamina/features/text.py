"""Text: running words, as a row of tokens."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
import polars as pl
from pydantic import Field

from lamina.codecs.text import TextCodec
from lamina.config import setting, settings
from lamina.errors import DataError, SettingError
from lamina.features.base import Claim, Feature, Profile, Slot, as_text, blank_to_null
from lamina.features.sentences import one_by_one
from lamina.features.tokens import (
    FIRST,
    UNSPACED,
    Characters,
    Pieces,
    Pretrained,
    Tokens,
    Words,
    code_points,
    learn_pieces,
    split,
)
from lamina.features.words import as_words, spelled

__all__ = ["Text", "TextSettings", "TextState"]

SAMPLE = 20_000  # texts that lengths are learned from; up to so many they are exact
SAMPLE_BYTES = 64 * 2**20
ENDLESS = 2**31 - 1  # tokens, more than any text has
LOOKED_AT = 256  # texts that lengths are learned from where texts are of any length
SPELLED = 4 * 2**20  # bytes of texts that are written on from nothing, up to which they are learned by character
MOST_PARTS = 1_000_000  # different words that are counted; beyond, those seen once are forgotten

# A word that came once is as likely as the next word is new (Good 1953): beyond this share, cells are codes rather than
# running words. Below, words do better: bags of embeddings over words against pieces, on validation rows, scored .805
# and .794 on sst2, .840 and .817 on trec, .873 and .852 on ag_news_small, .920 and .920 on clinc150; with 500 training
# rows of trec, where a quarter is new, .686 and .593. Lower case and min_count 2 came from the same rows.
OPEN = 0.5
TELLING = 1000  # of fewer words, most come once in any language
LEARNED_BYTES = 2 * 2**20  # of the most frequent parts, which pieces are learned from: about 200,000 words
SIZES = {"words": 20_000, "pieces": 8_000, "characters": 5_000}
KINDS: dict[str, Callable[..., Tokens]] = {"words": Words, "pieces": Pieces, "characters": Characters}


@settings
class TextSettings:
    """How text is turned into tokens."""

    tokens: Literal["auto", "words", "pieces", "characters", "pretrained"] = setting(
        "auto",
        "words and marks; pieces of words, learned by joining frequent neighbours, so that nothing is unknown; "
        "characters; those of a pretrained model, which needs weights; auto: pretrained where weights are given, else "
        "words, or pieces where over half of 1000 words or more came once; pieces where the text is "
        "predicted, but characters of up to 4 MiB of text that is predicted from nothing.",
    )
    vocabulary: Annotated[int, Field(ge=1)] | Literal["auto"] = setting(
        "auto", "Most tokens, the most frequent ones; auto: 20000 words, 5000 characters, or 8000 pieces, at least 256."
    )
    min_count: int = setting(2, "Words and characters that came less often in training are unknown.", ge=1)
    lower: bool | Literal["auto"] = setting(
        "auto", "Read all in lower case; auto: for words. Pretrained tokens see to it themselves."
    )
    longest: Annotated[int, Field(ge=2)] | Literal["all"] = setting(
        512, "Tokens kept of a text; the rest is cut off. all: every one, and the blanks at its ends."
    )
    weights: str = setting("", "Folder of a pre-trained model, or its tokenizer.json, for its tokens.")
    by_word: bool = setting(
        False, "Keep words apart, as blanks or the items of a list do, since each has a label; by pieces or characters."
    )


@dataclasses.dataclass
class TextState:
    """What was learned from the training rows.

    Attributes:
        count, missing: cells that are there, and that are not.
        tokens, lower: what the settings became.
        names: the tokens in the order of their ids, most frequent first; of pieces, a character for each byte.
        definition: the tokenizer.json of a pre-trained model, or nothing.
        unknown: share of the training tokens that are unknown.
        length: tokens of a long text, the 95th percentile, the longest setting at most.
        cut: texts that are longer than the longest setting.
        counts: how often each id came, where words are kept apart; else nothing.
    """

    count: int
    missing: int
    tokens: str
    lower: bool
    names: list[str]
    definition: str
    unknown: float
    length: int
    cut: int
    counts: list[int] = dataclasses.field(default_factory=list)


class Text(Feature):
    """Running words. One ``tokens`` slot: id 1 is unknown, 2 hides a token in pre-training, 3 starts a written text,
    then the tokens, the most frequent first; 0 fills up short rows and is never given.

    Text is brought to Unicode's composed form (NFC). Missing and blank cells are rows without tokens. Of a very long
    cell, the first 64 characters a token of the longest setting are looked at.

    Example:
        >>> feature = Text("review", TextSettings(min_count=1)).fit(pl.Series(["Good film", "a good plot"]))
        >>> rows = feature.encode(pl.Series(["good plot !", None]))["tokens"]
        >>> rows.values.tolist(), rows.lengths.tolist(), feature.decode(rows).to_list()
        ([4, 7, 1], [3, 0], ['good plot <unknown>', None])
    """

    kind: ClassVar[str] = "text"
    target_group: ClassVar[str] = "tokens"
    Settings = TextSettings
    State = TextState

    @classmethod
    def recognise(cls, profile: Profile) -> Claim | None:
        if profile.values.dtype != pl.String or not profile.present:
            return None
        cells = profile.values.drop_nulls()
        words = _words_a_cell(cells)
        if profile.distinct <= max(20, 0.5 * profile.present):
            return None
        if words >= 3:
            return Claim(0.65, f"{words:.1f} words a cell, {profile.distinct} different")
        # Cells of marks or of numbers are rather something else, if anything else claims them.
        marks = float(cells.str.count_matches(r"\S+").to_numpy().mean())
        return Claim(0.4, f"{marks:.1f} marks a cell, {profile.distinct} different") if marks >= 3 else None

    def read(self, values: pl.Series, first_row: int = 0) -> pl.Series:
        if self.settings.by_word:
            return as_words(values if isinstance(values.dtype, pl.List) else as_text(values))
        if self.settings.longest == "all":
            return _with_its_blanks(values)
        return as_text(blank_to_null(one_by_one(values))).str.normalize("NFC")

    def _spelled(self, values: pl.Series) -> pl.Series:
        """Cells as tokens are made of them."""
        return spelled(values) if self.settings.by_word else values

    def partial_fit(self, values: pl.Series) -> Self:
        if self.state is None:
            self.state = _Seen()
        self.state.add(self._spelled(values), 64 * (self._longest + 1))
        return self

    def finish(self) -> Self:
        seen, chosen = self.state, self.settings
        kind = chosen.tokens if chosen.tokens != "auto" else self._suited(seen.parts)
        if self.is_target and kind == "pretrained":
            raise SettingError("a text that is predicted is made of our own tokens", got="tokens=pretrained",
                               do=f"say tokens=pieces for column {self.column!r}")  # fmt: skip
        if chosen.by_word and kind not in ("pieces", "characters"):
            raise SettingError(f"the words of column {self.column!r} are labelled, and its tokens do not say where one "
                               "begins", got=f"tokens={kind}", allowed="pieces, characters")  # fmt: skip
        lower = kind == "words" if chosen.lower == "auto" else chosen.lower and kind != "pretrained"
        definition = _definition(chosen.weights) if kind == "pretrained" else ""
        names, unknown = self._learned(kind, lower, seen.parts)
        self.state = TextState(seen.count, seen.missing, kind, lower, names, definition, unknown, 1, 0)
        self.__dict__.pop("tokens", None)
        self._measure(seen)
        return self

    def _suited(self, parts: pl.DataFrame) -> str:
        """The kind of tokens that suits what was seen; what is written must be able to say everything."""
        if self.is_target and self.settings.longest == "all":
            size = int((parts["part"].str.len_bytes() * parts["count"]).sum())
            return "characters" if size < SPELLED else "pieces"
        if self.is_target or self.settings.by_word:
            return "pieces"
        if self.settings.weights:
            return "pretrained"
        counts = _summed(_words(_lowered(parts, True)))["count"]
        total, once = int(counts.sum()), int((counts == 1).sum())
        return "pieces" if total >= TELLING and once > OPEN * total else "words"

    def _learned(self, kind: str, lower: bool, parts: pl.DataFrame) -> tuple[list[str], float]:
        """The tokens of a kind by falling frequency, and which share of the training tokens is none of them."""
        if kind == "pretrained":
            return [], 0.0
        most = SIZES[kind] if self.settings.vocabulary == "auto" else self.settings.vocabulary
        if kind == "pieces":
            parts = _ranked(_lowered(parts, lower))
            parts = parts.filter(pl.col("part").str.len_bytes().cum_sum() <= LEARNED_BYTES)
            pieces = learn_pieces(parts["part"].to_list(), parts["count"].to_list(), most)
            return [piece.decode("latin-1") for piece in pieces], 0.0
        ranked = _ranked(_words(_lowered(parts, lower)) if kind == "words" else _characters(_lowered(parts, lower)))
        kept = ranked.filter(pl.col("count") >= self.settings.min_count).head(most)
        known, total = int(kept["count"].sum()), int(ranked["count"].sum())
        return kept["part"].to_list(), 1 - known / total if total else 0.0

    def _measure(self, seen: _Seen) -> None:
        """Learn how long texts are, in tokens."""
        longest = self._longest
        few = seen.sample if longest < ENDLESS else seen.sample.gather_every(max(1, seen.kept // LOOKED_AT))
        tokens = self.tokens.encode(few, longest + 1)
        lengths = tokens.lengths
        if len(lengths) and self.settings.by_word:
            often = np.bincount(tokens.values, minlength=self.tokens.size) * (seen.count / len(lengths))
            self.state.counts = often.round().astype(int).tolist()
        if len(lengths):
            self.state.length = max(1, int(np.quantile(np.minimum(lengths, longest), 0.95)))
            self.state.cut = round(float((lengths > longest).mean()) * seen.count)

    @functools.cached_property
    def tokens(self) -> Tokens:
        """What turns text into ids and back; made from the state."""
        state = self.state
        if state.tokens == "pretrained":
            return Pretrained(state.definition)
        return KINDS[state.tokens](state.names, lower=state.lower)

    @property
    def slots(self) -> list[Slot]:
        return [
            Slot(
                self.column,
                "value",
                "tokens",
                size=self.tokens.size,
                length=self.state.length,
                spelling=self.tokens.spelling,
                counts=tuple(self.state.counts),
            )
        ]

    def encode(self, values: pl.Series) -> dict[str, Any]:
        return {"tokens": self.tokens.encode(self._spelled(values), self._longest)}

    @property
    def _longest(self) -> int:
        """Tokens kept of a text."""
        return ENDLESS if self.settings.longest == "all" else self.settings.longest

    def decode(self, encoded: Any) -> pl.Series:
        """Rows of ids as text for people, null for a row without tokens.

        Args:
            encoded: a :class:`~lamina.codecs.ragged.Ragged` of ids.
        """
        rows = [encoded[row : row + 1].values for row in range(len(encoded))]
        texts = [self.tokens.text(ids) if len(ids) else None for ids in rows]
        found = pl.Series(self.column, texts, dtype=pl.String)
        return found.str.strip_chars() if self.settings.by_word else found

    def codec(self) -> TextCodec:
        state, chosen = self.state, self.settings
        return TextCodec(
            self.column,
            tokens=state.tokens,
            lower=bool(state.lower),
            names=state.names,
            definition=state.definition,
            is_whole=chosen.longest == "all",
            longest=self._longest,
            by_word=chosen.by_word,
        )

    def summary(self) -> dict[str, Any]:
        state = self.state
        found: dict[str, Any] = {"tokens": state.tokens + (", in lower case" if state.lower else "")}
        found["vocabulary"] = self.tokens.size - (1 if state.definition else FIRST)
        if state.tokens in ("words", "characters"):
            found["most frequent"] = state.names[:10]
            found["unknown"] = round(state.unknown, 4)
        found["tokens of a long text"] = state.length
        if self.settings.longest != "all":
            found[f"texts cut after {self.settings.longest} tokens"] = state.cut
        return found


class _Seen:
    """What training texts look like, gathered piece by piece in bounded memory.

    Attributes:
        count, missing: cells that are there, and that are not.
        parts: different words, marks and blanks, as :func:`split` gives them, and how often each came.
        kept: texts in the sample.
    """

    def __init__(self) -> None:
        self.count = self.missing = 0
        self.parts = pl.DataFrame(schema={"part": pl.String, "count": pl.Int64})
        self._pieces: list[pl.Series] = []
        self._step = 1
        self.kept = self._bytes = 0

    def add(self, texts: pl.Series, most: int) -> None:
        """Take in more texts; of each, so many characters are kept to learn lengths from."""
        self.missing += texts.null_count()
        texts = texts.drop_nulls()
        if not len(texts):
            return
        parts = split(texts, blanks=True)[0].alias("part").value_counts(name="count").cast({"count": pl.Int64})
        self.parts = _summed(pl.concat([self.parts, parts]))
        if len(self.parts) > MOST_PARTS:
            self.parts = self.parts.filter(pl.col("count") > 1)
        picked = texts.gather_every(self._step, -self.count % self._step).str.head(most)
        self.count += len(texts)
        self._take(picked)
        while self.kept > SAMPLE or self._bytes > SAMPLE_BYTES:
            halved = self.sample.gather_every(2)
            self._pieces, self.kept, self._bytes, self._step = [], 0, 0, self._step * 2
            self._take(halved)

    def _take(self, picked: pl.Series) -> None:
        self._pieces.append(picked.alias("text"))
        self.kept += len(picked)
        self._bytes += int(picked.str.len_bytes().sum())

    @property
    def sample(self) -> pl.Series:
        """Evenly picked texts."""
        return pl.concat([pl.Series("text", [], dtype=pl.String), *self._pieces])


def _with_its_blanks(values: pl.Series) -> pl.Series:
    """Cells as text, whole; those of blanks alone are missing."""
    texts = as_text(values)
    return texts.set(texts.str.strip_chars() == "", None).str.normalize("NFC")


def _summed(parts: pl.DataFrame) -> pl.DataFrame:
    return parts.group_by("part").agg(pl.sum("count"))


def _ranked(parts: pl.DataFrame) -> pl.DataFrame:
    """The most frequent first; ties by name, so that the order of rows never matters."""
    return _summed(parts).sort(["count", "part"], descending=[True, False])


def _lowered(parts: pl.DataFrame, lower: bool) -> pl.DataFrame:
    return parts.with_columns(pl.col("part").str.to_lowercase()) if lower else parts


def _words(parts: pl.DataFrame) -> pl.DataFrame:
    """Parts without the blank before them, and none of blanks alone."""
    return parts.with_columns(pl.col("part").str.strip_chars()).filter(pl.col("part") != "")


def _characters(parts: pl.DataFrame) -> pl.DataFrame:
    """How often each character came."""
    points, _ = code_points(parts["part"])
    lengths = parts["part"].str.len_chars().to_numpy()
    counts = np.bincount(points, weights=np.repeat(parts["count"].to_numpy(), lengths))
    found = np.flatnonzero(counts)
    return pl.DataFrame({"part": [chr(point) for point in found], "count": counts[found].astype(np.int64)})


def _definition(weights: str) -> str:
    """The content of a pre-trained model's tokenizer.json."""
    if not weights:
        raise SettingError(
            "the tokens of a pre-trained model were asked for, and no model", do="name its folder with weights="
        )
    path = Path(weights)
    path = path / "tokenizer.json" if path.is_dir() else path
    if not path.is_file():
        raise DataError(
            "the pre-trained model has no tokenizer.json", got=weights, do="save it there with its save_pretrained"
        )
    return path.read_text(encoding="utf-8")


def _words_a_cell(cells: pl.Series) -> float:
    """Words with a letter a cell, on average; of scripts without blanks, two characters are taken for a word."""
    spaced = cells.str.count_matches(rf"[\p{{L}}--[{UNSPACED}]]\S*")
    return float((spaced + cells.str.count_matches(f"[{UNSPACED}]") / 2).to_numpy().mean())
