"""Texts that are found in what is read, rather than written."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from lamina.config import defaults
from lamina.decoding.written import Written
from lamina.errors import UsageError, some
from lamina.features.answer import Answer
from lamina.features.base import Feature
from lamina.features.text import Text, TextSettings
from lamina.tasks.alone import Texts

__all__ = ["Found", "FoundTexts"]

LONGEST = 2048  # tokens of the text that is read where nobody says otherwise


@dataclasses.dataclass(frozen=True)
class Found(Written):
    """A part of a text that was found.

    Attributes:
        start, end: its place in the text by characters, without blanks at the text's ends, the second behind its last
            one; -1 where nothing is found.
    """

    start: int = -1
    end: int = -1


class FoundTexts(Texts):
    """A target whose answer is a part of a text that is read; ``texts`` gives :class:`Found`."""

    @classmethod
    def prepare(cls, target: Feature, inputs: Sequence[Feature]) -> None:
        """See which text the parts are of, and spell all texts so that nothing of them is lost."""
        texts = [one for one in inputs if isinstance(one, Text)]
        of = target.settings.of or (texts[0].column if len(texts) == 1 else "")
        if of not in [one.column for one in texts]:
            raise UsageError(
                f"which text are the cells of {target.column!r} parts of?",
                got=repr(of) if of else f"{len(texts)} texts",
                allowed=some((one.column for one in texts), 20) or "a text among the inputs",
                do=f"say --set data.features.{target.column}.of=NAME",
            )  # fmt: skip
        target.settings = dataclasses.replace(target.settings, of=of)
        for text in texts:
            text.settings = _spelled(text, whole=text.column == of)

    def answer(self, predicted: Sequence[Sequence[Written]]) -> Answer:
        """The best part of each row, how likely it is, and where it stands."""
        best: list[Any] = [row[0] for row in predicted]
        place = np.array([(one.start, one.end) for one in best], np.int64).reshape(-1, 2)
        return dataclasses.replace(super().answer(predicted), place=place)


def _spelled(text: Text, *, whole: bool) -> TextSettings:
    """How a text is spelled where nobody said: in pieces, with capitals, and the passage to its end."""
    said: TextSettings = text.settings
    tokens = "pieces" if said.tokens == "auto" else said.tokens
    if tokens == "pretrained" or (whole and (tokens != "pieces" or said.lower is True or said.by_word)):
        raise UsageError(
            f"column {text.column!r} is to be spelled so that its parts can be taken from it"
            if whole else f"column {text.column!r} is compared with the passage letter by letter",
            got=f"tokens={said.tokens}, lower={said.lower}, by_word={said.by_word}",
            do="leave these settings out",
        )  # fmt: skip
    is_usual = said.longest == defaults(TextSettings).longest
    longest = LONGEST if whole and is_usual else said.longest
    lower = False if said.lower == "auto" else said.lower
    return dataclasses.replace(said, tokens=tokens, lower=lower, longest=longest)
