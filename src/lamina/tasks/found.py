"""Texts that are found in what is read, rather than written."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from lamina.decoding.written import Written
from lamina.features.answer import Answer
from lamina.tasks.alone import Texts

__all__ = ["Found", "FoundTexts"]


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

    def answer(self, predicted: Sequence[Sequence[Written]]) -> Answer:
        """The best part of each row, how likely it is, and where it stands."""
        best: list[Any] = [row[0] for row in predicted]
        place = np.array([(one.start, one.end) for one in best], np.int64).reshape(-1, 2)
        return dataclasses.replace(super().answer(predicted), place=place)
