"""What a system answers to the rows that it is judged on."""

from __future__ import annotations

import dataclasses

from lamina.features.answer import Answer

__all__ = ["KINDS", "Baseline"]

KINDS = (
    "binary",
    "multiclass",
    "multilabel",
    "regression",
    "write",
    "continue",
    "transcribe",
    "point",
    "extract",
    "compose",
    "tag",
    "chat",
)


@dataclasses.dataclass(frozen=True)
class Baseline:
    """What a baseline answered, what it cost, and what a reader must know of it.

    Attributes:
        answer: None where the baseline was left out; the note then says why.
        seconds: time to fit and to answer.
        note: one sentence, or nothing.
    """

    answer: Answer | None
    seconds: float = 0.0
    note: str = ""
