"""Every setting of evaluation."""

from __future__ import annotations

from typing import Literal

from lamina.config import setting, settings

__all__ = ["EvaluateSettings"]


@settings
class EvaluateSettings:
    """How a network is judged."""

    baselines: list[str] | Literal["all", "none"] = setting(
        "all",
        "Plain systems to stand beside the network: all, none, or some of constant, linear, tree, svm, boosting. What "
        "is predicted alone has its own, beside constant: nearest, lead, textrank (texts), window (parts of a text), "
        "words (labels of words), unigram, ngram (texts that go on), repeat (music).",
    )
    resamples: int = setting(1000, "Bootstrap replicates behind each interval.", ge=10, le=100_000)
    look: bool = setting(False, "Draw the inside of the network, and what it does with a judged row, in the report.")
    seconds: float = setting(120.0, "Time for all baselines together; those that would not fit are left out.", gt=0)
