"""Where a probability becomes a decision."""

from __future__ import annotations

from typing import Annotated, Literal, NamedTuple

import numpy as np
from pydantic import Field

from lamina.errors import SettingError

__all__ = ["Rule", "Threshold", "choose"]

Rule = Literal["auto", "f1", "balanced"] | Annotated[float, Field(ge=0, le=1)]

RARE = 0.2  # below this share of rows the rarer class counts as rare
ENOUGH = 10  # rows of the rarer class below which a threshold cannot be learned


class Threshold(NamedTuple):
    """A row is decided to be class 1 where its probability is at least ``value``; ``sentence`` says why there."""

    value: float
    sentence: str


def choose(target: np.ndarray, probability: np.ndarray, rule: Rule = "auto") -> Threshold:
    """Choose the decision threshold of a binary task on the validation rows.

    Args:
        target: (n,) of 0 and 1.
        probability: (n,), of class 1.
        rule: "auto": 0.5, unless the rarer class has less than 20% of the rows, then as "f1" for that class;
            "f1": the best F1 of class 1; "balanced": the best balanced accuracy; or a number between 0 and 1.

    Raises:
        SettingError: if the rule is none of these.

    Example:
        >>> choose(np.array([0, 1]), np.array([0.2, 0.7]), 0.3).value
        0.3
    """
    target = np.asarray(target)
    if rule not in ("auto", "f1", "balanced"):
        return Threshold(_number(rule), f"The decision threshold is {float(rule):g}, as set.")
    positives = int(target.sum())
    rarer = int(positives * 2 <= len(target))
    rare = min(positives, len(target) - positives)
    share = rare / max(1, len(target))
    if rule == "auto" and share >= RARE:
        return Threshold(
            0.5, f"The decision threshold is 0.5: the rarer class has {share:.0%} of the validation rows, enough."
        )
    if rare < ENOUGH:
        few = f"{rare} validation rows of the rarer class are too few to choose it on"
        return Threshold(0.5, f"The decision threshold is 0.5: {few}.")
    value = _best(target, probability, rule, positive=rarer if rule == "auto" else 1)
    goal = "balanced accuracy" if rule == "balanced" else "F1"
    why = f", since the rarer class has only {share:.1%} of them" if rule == "auto" else ", as asked"
    return Threshold(value, f"The decision threshold is {value:.3g}, where {goal} is best on the validation rows{why}.")


def _number(rule: object) -> float:
    if isinstance(rule, bool) or not isinstance(rule, (int, float)) or not 0 <= rule <= 1:
        raise SettingError(
            "no such rule for the decision threshold", got=repr(rule), allowed="auto, f1, balanced, or a number 0 to 1"
        )
    return float(rule)


def _best(target: np.ndarray, probability: np.ndarray, rule: str, positive: int) -> float:
    """The threshold with the best score, midway between neighbouring probabilities; of equals the one nearest 0.5."""
    values, where = np.unique(probability.astype(np.float64), return_inverse=True)
    ones = np.bincount(where, weights=target, minlength=len(values))
    zeros = np.bincount(where, minlength=len(values)) - ones
    # Row i of these: what is decided to be class 1 when the cut lies below the i-th value; the last decides none.
    called = np.append(np.cumsum(ones[::-1])[::-1], 0.0)  # rightly
    wrongly = np.append(np.cumsum(zeros[::-1])[::-1], 0.0)
    all_ones, all_zeros = ones.sum(), zeros.sum()
    if rule == "balanced":
        score = called / all_ones + (all_zeros - wrongly) / all_zeros
    elif positive == 1:
        score = 2 * called / (all_ones + called + wrongly)
    else:
        kept = all_zeros - wrongly  # class 0, rightly
        score = 2 * kept / (all_zeros + kept + all_ones - called)
    best = np.flatnonzero(score >= score.max() - 1e-12)
    edges = np.concatenate([[0.0], values, [1.0]])
    nearest = [_nearest(edges[cut], edges[cut + 1]) for cut in best]
    return min(nearest, key=lambda value: abs(value - 0.5))


def _nearest(below: float, above: float) -> float:
    """0.5 if the cut may lie there (above ``below``, at most ``above``), else the middle."""
    return 0.5 if below < 0.5 <= above else float((below + above) / 2)
