"""A text that was written."""

from __future__ import annotations

import dataclasses
import math
from typing import Literal

__all__ = ["Ending", "Written"]

Ending = Literal["end", "stop", "longest"]


@dataclasses.dataclass(frozen=True)
class Written:
    """A text, and how likely the network holds it.

    Attributes:
        text: what was written, without what it continues, and without the stop string.
        ids: the tokens that were written, without the end; the last one may reach into a stop string.
        logs: the log-probability of each token, and of the end where the network ended the text: the network's own,
            before temperature, penalties and filters.
        score: what alternatives are ranked by: of a beam the log-probability over the length penalty.
        ended: by what: the network's ``end``, a ``stop`` string, or the ``longest`` setting, which cuts.
    """

    text: str
    ids: list[int]
    logs: list[float]
    score: float
    ended: Ending

    @property
    def log_probability(self) -> float:
        """Of the whole text."""
        return math.fsum(self.logs)

    @property
    def probabilities(self) -> list[float]:
        """Of each token."""
        return [math.exp(log) for log in self.logs]
