"""Dialogues: turns of a user and an assistant, as a row of tokens."""

from __future__ import annotations

import dataclasses
import functools
import json
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
import polars as pl
from pydantic import Field

from lamina.codecs.ragged import Ragged
from lamina.config import check, setting, settings
from lamina.features.base import Claim, Feature, Profile, Slot, blank_to_null, refuse
from lamina.features.text import Text, TextSettings
from lamina.features.tokens import START, Pieces
from lamina.features.wording import ASSISTANT, PlainWording, Wording, messages_of, said_by, wording_from

__all__ = ["Dialogue", "DialogueSettings", "DialogueState"]

TURNS = pl.List(pl.Struct({"role": pl.String, "content": pl.String}))
FORM = "give a list of {role, content}"
SAMPLE = 1000  # dialogues that lengths are learned from
LOOKED_AT = 100  # cells of text that may hold dialogues as JSON


@settings
class DialogueSettings:
    """How dialogues are turned into tokens."""

    vocabulary: Annotated[int, Field(ge=256)] | Literal["auto"] = setting(
        "auto", "Most tokens, pieces of words that are learned from the dialogues; auto: 8000."
    )
    longest: int = setting(1024, "Tokens kept of a dialogue; the rest is cut off.", ge=2)
    weights: str = setting("", "Folder of a chat model, whose tokens and template are taken instead.")


@dataclasses.dataclass
class DialogueState:
    """What was learned from the training rows.

    Attributes:
        count, missing: cells that are there, and that are not.
        turns, answers: of all dialogues together, and how many of them are the assistant's.
        said: what a chat model's folder says of how it is spoken to (see :func:`lamina.features.wording.said_by`); None
            where the tokens are our own.
        names: our own pieces, a character for each byte.
        length: tokens of a long dialogue, the 95th percentile, the longest setting at most.
        cut: dialogues that are longer than the longest setting.
    """

    count: int
    missing: int
    turns: int
    answers: int
    said: dict[str, Any] | None
    names: list[str]
    length: int
    cut: int


class Dialogue(Feature):
    """Turns with a role and a content each, as lists, or as JSON in text. One ``tokens`` slot.

    Of a target, a dialogue in which the assistant says nothing counts as missing: nothing can be learned from it.
    Ids count from 1, one more than a network that writes counts them, since 0 fills up short rows. Of a target, what
    the network is not to learn, all that the assistant has not said, is given as minus its id.

    Example:
        >>> turns = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
        >>> feature = Dialogue("talk", is_target=True).fit(pl.Series([turns]))
        >>> row = feature.encode(pl.Series([turns]))["tokens"].values
        >>> feature.wording.tokens.text(row[row > 0] - 1), len(row)
        ('b', 22)
    """

    kind: ClassVar[str] = "dialogue"
    target_group: ClassVar[str] = "tokens"
    Settings = DialogueSettings
    State = DialogueState

    @classmethod
    def recognise(cls, profile: Profile) -> Claim | None:
        values = profile.values
        if not profile.present:
            return None
        if _is_turns(values.dtype):
            return Claim(0.95, "lists of turns with a role and a content")
        if values.dtype != pl.String:
            return None
        cells = values.drop_nulls().head(LOOKED_AT)
        if not cells.str.contains(r'^\s*\[\s*\{\s*"(role|content|from|value)"\s*:').all():
            return None
        return Claim(0.95, "turns with a role and a content, as JSON")

    def read(self, values: pl.Series, first_row: int = 0) -> pl.Series:
        values = blank_to_null(values)
        found, bad = [], []
        for cell in values.to_list():
            turns = _turns(cell)
            bad.append(turns is None)
            learned = not self.is_target or any(turn["role"] == ASSISTANT for turn in turns or ())
            found.append(turns if turns and learned else None)
        refuse(self, values, pl.Series(bad, dtype=pl.Boolean), first_row, "is to hold dialogues", FORM)
        return pl.Series(values.name, found, dtype=TURNS)

    def key(self, values: pl.Series) -> pl.Series:
        cells = [None if cell is None else json.dumps(cell, ensure_ascii=False) for cell in values.to_list()]
        return pl.Series(values.name, cells, dtype=pl.String)

    def partial_fit(self, values: pl.Series) -> Self:
        if not isinstance(self.state, _Seen):
            self.state = _Seen(self.settings)
        self.state.add(values)
        return self

    def finish(self) -> Self:
        seen, longest = self.state, self.settings.longest
        said = said_by(Path(self.settings.weights)) if self.settings.weights else None
        names = [] if said is not None else seen.pieces()
        self.state = DialogueState(seen.count, seen.missing, seen.turns, seen.answers, said, names, 1, 0)
        self.__dict__.pop("wording", None)
        lengths = np.array([len(self.wording.learned(cell)[0]) for cell in seen.sample])
        if len(lengths):
            self.state.length = max(1, int(np.quantile(np.minimum(lengths, longest), 0.95)))
            self.state.cut = round(float((lengths > longest).mean()) * seen.count)
        return self

    @functools.cached_property
    def wording(self) -> Wording:
        """What turns dialogues into a network's ids; made from the state."""
        if self.state.said is not None:
            return wording_from(self.state.said)
        return PlainWording(Pieces(self.state.names, lower=False), START)

    @property
    def slots(self) -> list[Slot]:
        return [Slot(self.column, "value", "tokens", size=1 + self.wording.tokens.size, length=self.state.length)]

    def encode(self, values: pl.Series) -> dict[str, Any]:
        rows = [np.empty(0, np.int32) if cell is None else self._row(cell) for cell in values.to_list()]
        ends = np.cumsum([len(row) for row in rows], dtype=np.int64)
        return {"tokens": Ragged(np.concatenate([np.empty(0, np.int32), *rows]), ends)}

    def _row(self, turns: list[dict[str, str]]) -> np.ndarray:
        ids, learned = self.wording.learned(turns)
        ids, learned = ids[: self.settings.longest] + 1, learned[: self.settings.longest]
        return np.where(learned | (not self.is_target), ids, -ids).astype(np.int32)

    def decode(self, encoded: Any) -> pl.Series:
        """Rows of ids as text for people, null for a row without tokens.

        Args:
            encoded: a :class:`~lamina.codecs.ragged.Ragged` of ids, marked or not.
        """
        rows = [np.abs(encoded[row : row + 1].values) - 1 for row in range(len(encoded))]
        texts = [self.wording.tokens.text(ids) if len(ids) else None for ids in rows]
        return pl.Series(self.column, texts, dtype=pl.String)

    def summary(self) -> dict[str, Any]:
        state = self.state
        found: dict[str, Any] = {
            "turns a dialogue": round(state.turns / max(1, state.count), 1),
            "of the assistant": round(state.answers / max(1, state.turns), 3),
            "tokens": "our own pieces" if state.said is None else "of the chat model",
            "turns are marked by": "their roles" if isinstance(self.wording, PlainWording) else "its template",
            "vocabulary": self.wording.tokens.size,
            "tokens of a long dialogue": state.length,
        }
        return {**found, f"dialogues cut after {self.settings.longest} tokens": state.cut}


class _Seen:
    """What training dialogues look like, gathered piece by piece.

    Attributes:
        sample: the first ones.
    """

    def __init__(self, settings: DialogueSettings) -> None:
        self.count = self.missing = self.turns = self.answers = 0
        self.sample: list[list[dict[str, str]]] = []
        chosen = check(TextSettings, {"tokens": "pieces", "vocabulary": settings.vocabulary})
        self._text = None if settings.weights else Text("contents", chosen, is_target=True)

    def add(self, values: pl.Series) -> None:
        """Take in more dialogues."""
        cells = values.drop_nulls().to_list()
        self.missing += values.null_count()
        self.count += len(cells)
        contents = [f"{turn['role']}:\n{turn['content']}" for cell in cells for turn in cell]
        self.turns += len(contents)
        self.answers += sum(turn["role"] == ASSISTANT for cell in cells for turn in cell)
        self.sample += cells[: SAMPLE - len(self.sample)]
        if self._text is not None:
            self._text.partial_fit(pl.Series("contents", contents, dtype=pl.String))

    def pieces(self) -> list[str]:
        """Pieces of words, learned from all contents."""
        assert self._text is not None
        if self._text.state is None:
            self._text.partial_fit(pl.Series("contents", [], dtype=pl.String))
        names: list[str] = self._text.finish().state.names
        return names


def _is_turns(dtype: pl.DataType) -> bool:
    """Whether cells of a type are lists of turns."""
    inner = getattr(dtype, "inner", None)
    if not isinstance(dtype, pl.List) or not isinstance(inner, pl.Struct):
        return False
    names = {field.name for field in inner.fields}
    return names >= {"role", "content"} or names >= {"from", "value"}


def _turns(cell: Any) -> list[dict[str, str]] | None:
    """A cell as turns: a list, or JSON; none where it is missing, None where it is none."""
    try:
        return [] if cell is None else messages_of(json.loads(cell) if isinstance(cell, str) else cell)
    except (ValueError, RecursionError):
        return None
