"""What a report shows beside the scores: confusion, curves, calibration, residuals. JSON, bounded in size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from lamina.features.answer import Answer

__all__ = ["confusion", "curves", "detail", "per_class", "per_label", "reliability", "residuals"]

MOST_CLASSES = 30  # rows of a confusion matrix
MOST_LISTED = 100  # rows of a table of classes or labels
MOST_POINTS = 200  # points of a curve
MOST_SHOWN = 500  # points of a scatter
BINS = 10  # of the reliability diagram
COLUMNS = 40  # of the histogram of residuals


def detail(kind: str, target: np.ndarray, answer: Answer, names: Sequence[str], *, seed: int) -> dict[str, Any]:
    """Everything of this file that fits the kind of task and that the answer allows."""
    if kind == "regression":
        return residuals(target, answer, seed=seed)
    if answer.decision is None:
        return {}
    if kind == "multilabel":
        return {"per_class": per_label(target, answer, names)}
    assert answer.decision is not None
    found: dict[str, Any] = {
        "confusion": confusion(target, answer.decision, names),
        "per_class": per_class(target, answer.decision, names),
    }
    if answer.probability is None:
        return found
    if kind == "binary":
        found |= curves(target, answer.probability[:, 1])
        found["reliability"] = reliability(target == 1, answer.probability[:, 1])
    else:
        likeliest = answer.probability.argmax(axis=1)
        found["reliability"] = reliability(likeliest == target, answer.probability.max(axis=1))
    return found


def confusion(target: np.ndarray, decision: np.ndarray, names: Sequence[str]) -> dict[str, Any]:
    """How many rows of each class (rows) were called what (columns); of very many classes the rarest stand together.

    Example:
        >>> confusion(np.array([0, 0, 1]), np.array([0, 1, 1]), ["no", "yes"])
        {'classes': ['no', 'yes'], 'counts': [[1, 1], [0, 1]]}
    """
    size = len(names)
    place, shown = np.arange(size), list(names)
    if size > MOST_CLASSES:
        often = _most_frequent(np.bincount(target, minlength=size), MOST_CLASSES - 1)
        place = np.full(size, len(often))
        place[often] = np.arange(len(often))
        shown = [*(names[code] for code in often), f"{size - len(often)} others"]
    pairs = place[target] * len(shown) + place[decision]
    counts = np.bincount(pairs, minlength=len(shown) ** 2).reshape(len(shown), len(shown))
    return {"classes": shown, "counts": counts.tolist()}


def per_class(target: np.ndarray, decision: np.ndarray, names: Sequence[str]) -> list[dict[str, Any]]:
    """Rows, precision, recall and F1 of each class; None where there is nothing to divide by."""
    size = len(names)
    true, said = np.bincount(target, minlength=size), np.bincount(decision, minlength=size)
    both = np.bincount(target[target == decision], minlength=size)
    return _shares(true, said, both, names)


def per_label(target: np.ndarray, answer: Answer, names: Sequence[str]) -> list[dict[str, Any]]:
    """The same for labels, where a row may have several: target (n, L)."""
    assert answer.decision is not None
    true, said = (target == 1), (answer.decision == 1)
    return _shares(true.sum(axis=0), said.sum(axis=0), (true & said).sum(axis=0), names)


def _shares(true: np.ndarray, said: np.ndarray, both: np.ndarray, names: Sequence[str]) -> list[dict[str, Any]]:
    return [
        {
            "name": names[code],
            "rows": int(true[code]),
            "precision": _ratio(both[code], said[code]),
            "recall": _ratio(both[code], true[code]),
            "f1": _ratio(2 * both[code], true[code] + said[code]),
        }
        for code in _most_frequent(true, MOST_LISTED)
    ]


def _most_frequent(counts: np.ndarray, most: int) -> np.ndarray:
    """The codes of the most frequent classes, in the order of their codes."""
    return np.sort(np.argsort(-counts, kind="stable")[:most])


def _ratio(part: int, whole: int) -> float | None:
    return float(part / whole) if whole else None


def curves(target: np.ndarray, score: np.ndarray) -> dict[str, Any]:
    """The ROC and precision-recall curves of a score for class 1, as points [x, y]; nothing if a class is not there."""
    order = np.argsort(-score, kind="stable")
    hits = (target[order] == 1).astype(np.int64)
    last = np.append(score[order][1:] != score[order][:-1], True)  # the last row of each distinct score
    true, false = np.cumsum(hits)[last], np.cumsum(1 - hits)[last]
    positives, negatives = int(hits.sum()), int(len(hits) - hits.sum())
    if not positives or not negatives:
        return {}
    recall = true / positives
    roc = np.column_stack([np.append(0.0, false / negatives), np.append(0.0, recall)])
    precision = np.column_stack([recall, true / (true + false)])
    return {"roc": _thin(roc), "precision_recall": _thin(precision), "positive_share": positives / len(hits)}


def _thin(points: np.ndarray) -> list[list[float]]:
    """At most 200 points of a curve (n, 2), the ends included, at even steps along it."""
    if len(points) > MOST_POINTS:
        way = np.append(0.0, np.cumsum(np.abs(np.diff(points, axis=0)).sum(axis=1)))
        picked = np.searchsorted(way, np.linspace(0, way[-1], MOST_POINTS))
        points = points[np.unique(np.append(np.minimum(picked, len(points) - 1), [0, len(points) - 1]))][:MOST_POINTS]
    return [[round(float(x), 6), round(float(y), 6)] for x, y in points]


def reliability(happened: np.ndarray, probability: np.ndarray) -> list[dict[str, Any]]:
    """How often what was given a probability came true, in ten even bins; empty bins are left out."""
    bins = np.minimum((probability * BINS).astype(np.int64), BINS - 1)
    rows = np.bincount(bins, minlength=BINS)
    said = np.bincount(bins, weights=probability, minlength=BINS)
    came = np.bincount(bins, weights=happened, minlength=BINS)
    return [
        {
            "predicted": float(said[place] / rows[place]),
            "observed": float(came[place] / rows[place]),
            "rows": int(count),
        }
        for place, count in enumerate(rows)
        if count
    ]


def residuals(target: np.ndarray, answer: Answer, *, seed: int) -> dict[str, Any]:
    """Prediction minus truth as a histogram, [truth, prediction] of some rows, and the rows below each quantile."""
    assert answer.value is not None
    error = answer.value.astype(np.float64) - target
    # The rare far ends would squeeze all else into one column: they stand in the outermost ones.
    low, high = np.quantile(error, [0.005, 0.995])
    # Errors that are all the same leave nothing to divide into columns.
    size = max(abs(low), abs(high))
    room = (size or 1.0) if high - low <= 1e-9 * size else 0.0
    counts, edges = np.histogram(np.clip(error, low, high), bins=COLUMNS, range=(low - room / 2, high + room / 2))
    rows = np.arange(len(target))
    if len(rows) > MOST_SHOWN:
        rows = np.sort(np.random.default_rng([seed, len(rows)]).choice(rows, MOST_SHOWN, replace=False))
    found: dict[str, Any] = {
        "residuals": {"edges": edges.tolist(), "counts": counts.tolist()},
        "predicted": [[float(target[row]), float(answer.value[row])] for row in rows],
    }
    if answer.quantiles:
        found["quantiles"] = [
            {"share": float(share), "observed": float((target <= value).mean())}
            for share, value in sorted(answer.quantiles.items())
        ]
    return found
