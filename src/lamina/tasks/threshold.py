"""From which probability on the answer is yes."""

from __future__ import annotations

from typing import Literal

import numpy as np

__all__ = ["Threshold", "choose"]

Threshold = Literal["auto", "f1", "balanced"] | float

RARE = 0.2  # a class with a smaller share of the rows is rare, and 0.5 would seldom find it


def choose(rule: Threshold, probability: np.ndarray, target: np.ndarray) -> tuple[float, str | None]:
    """The decision threshold, from validation rows.

    Args:
        rule: a number; ``f1`` or ``balanced``, the threshold that is best by F1 or balanced accuracy; ``auto``, 0.5
            unless class 1 is rare, then as ``f1``.
        probability: (n,) of class 1.
        target: (n,) codes 0 and 1.

    Returns:
        The threshold, and a sentence on what was done unasked (None if nothing).

    Example:
        >>> choose("f1", np.array([0.1, 0.2, 0.3, 0.4]), np.array([0, 0, 1, 1]))
        (0.25, None)
    """
    if isinstance(rule, float):
        return rule, None
    share = float(target.mean()) if len(target) else 0.5
    if rule == "auto" and (min(share, 1 - share) >= RARE or not 0 < share < 1):
        return 0.5, None
    if not 0 < share < 1:
        return 0.5, None
    threshold = _best(probability, target, "balanced" if rule == "balanced" else "f1")
    if rule != "auto":
        return threshold, None
    return threshold, (
        f"The classes are unbalanced ({min(share, 1 - share):.1%} of the validation rows in the rarer one), so the "
        f"decision threshold was set to {threshold:.3f}, where F1 on the validation rows is best, instead of 0.5."
    )


def _best(probability: np.ndarray, target: np.ndarray, by: str) -> float:
    """The cut between two neighbouring probabilities with the best score; among equals the one nearest to 0.5."""
    order = np.argsort(-probability, kind="stable")
    ranked, hits = probability[order], target[order]
    found = np.cumsum(hits)  # positives above each cut
    above = np.arange(1, len(ranked) + 1)
    positives = found[-1]
    if by == "f1":
        score = 2 * found / (above + positives)
    else:
        score = found / positives + 1 - (above - found) / (len(ranked) - positives)
    # A cut may only lie between different probabilities.
    cut = np.append((ranked[:-1] + ranked[1:]) / 2, ranked[-1] / 2)
    score[:-1][ranked[:-1] == ranked[1:]] = -np.inf
    best = np.flatnonzero(score >= score.max() - 1e-12)
    return float(cut[best[np.argmin(np.abs(cut[best] - 0.5))]])
