"""Metrics, written so that a thousand bootstrap replicates cost little more than one.

A metric is a formula over statistics, and statistics are a function of row weights: given the answers once, they take
weights of shape (R, n), one row of weights per replicate, and give arrays whose first axis is R. Sums over rows are
then one matrix product; ranks are sorted once. Metrics that rest on the same statistics share them. Each metric equals
scikit-learn's of the same name with ``sample_weight``; where a replicate leaves it undefined it is NaN.

Macro averages run over the classes that occur in the replicate, as scikit-learn's do on the resampled rows.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Sequence

import numpy as np

from lamina.evaluation import tags
from lamina.evaluation.answer import KINDS
from lamina.evaluation.text import SCORES
from lamina.evaluation.text.base import RowStatistics, ratio
from lamina.evaluation.text.perplexity import bits_per_byte, nats_per_step, perplexity
from lamina.features.answer import Answer

__all__ = ["METRICS", "Metric", "Statistics", "measure", "metrics_for"]

Statistics = Callable[[np.ndarray], np.ndarray]  # weights (R, n) -> (R, ...)


@dataclasses.dataclass(frozen=True)
class Metric:
    """One way to judge answers.

    Attributes:
        name: its name in files.
        label: its name for people.
        kinds: the kinds of task that it fits.
        greater_is_better: None where neither is: a coverage should be what was promised.
        needs: the field of :class:`Answer` that it is computed from.
        statistics: (target, answer) -> a function from weights (R, n) to statistics (R, ...).
        formula: statistics -> values (R,).
    """

    name: str
    label: str
    kinds: tuple[str, ...]
    greater_is_better: bool | None
    needs: str
    statistics: Callable[[np.ndarray, Answer], Statistics]
    formula: Callable[[np.ndarray], np.ndarray]

    def fits(self, answer: Answer) -> bool:
        """Whether the answer has what the metric needs."""
        return getattr(answer, self.needs) is not None

    def __call__(self, target: np.ndarray, answer: Answer, weights: np.ndarray | None = None) -> float:
        """The metric of one answer, with weights (n,) if given."""
        weights = np.ones(len(target)) if weights is None else weights
        return float(measure([self], target, answer)(weights[None])[0, 0])


def metrics_for(kind: str, answer: Answer) -> list[Metric]:
    """The metrics of a kind of task that the answer allows, the headline first."""
    return [metric for metric in METRICS[kind] if metric.fits(answer)]


def measure(metrics: Sequence[Metric], target: np.ndarray, answer: Answer) -> Statistics:
    """Bind metrics to answers: weights (R, n) -> values (R, len(metrics)). Shared statistics are computed once."""
    # By identity: two metrics share statistics where they name the same function.
    bound = {statistics: statistics(target, answer) for statistics in {metric.statistics for metric in metrics}}

    def values(weights: np.ndarray) -> np.ndarray:
        found = {source: statistics(weights) for source, statistics in bound.items()}
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.stack([metric.formula(found[metric.statistics]) for metric in metrics], axis=1)

    return values


# --- statistics -----------------------------------------------------------------------------------------------------


def _sums(rows: np.ndarray) -> Statistics:
    """Weighted sums of per-row statistics (n, k), the sum of weights first: (R, 1 + k)."""
    rows = np.column_stack([np.ones(len(rows)), rows])
    return lambda weights: weights @ rows


def _totals(codes: np.ndarray, size: int, rows: np.ndarray | None = None) -> Statistics:
    """The weight of each code among all or the given rows: (R, size)."""
    rows = np.arange(len(codes)) if rows is None else rows
    order = rows[np.argsort(codes[rows], kind="stable")]
    present, starts = np.unique(codes[order], return_index=True)

    def totals(weights: np.ndarray) -> np.ndarray:
        out = np.zeros((len(weights), size))
        if len(order):
            out[:, present] = np.add.reduceat(weights[:, order], starts, axis=1)
        return out

    return totals


def _confusion(target: np.ndarray, answer: Answer) -> Statistics:
    """For each class the weight of rows that are it, that are called it, and both: (R, 3, C)."""
    decision = answer.decision
    assert decision is not None
    size = int(max(target.max(initial=0), decision.max(initial=0))) + 1
    # Rows go into pairs of truth and decision first: there are few pairs.
    pairs, pair = np.unique(target.astype(np.int64) * size + decision, return_inverse=True)
    true, said = pairs // size, pairs % size
    by_pair = _totals(pair, len(pairs))
    parts = [_totals(true, size), _totals(said, size), _totals(true, size, np.flatnonzero(true == said))]

    def counts(weights: np.ndarray) -> np.ndarray:
        of_pairs = by_pair(weights)
        return np.stack([part(of_pairs) for part in parts], axis=1)

    return counts


def _rank(positive: np.ndarray, score: np.ndarray) -> Statistics:
    """Area under the ROC curve and average precision of one score: (R, 2)."""
    up = np.flatnonzero(positive)
    up = up[np.argsort(score[up], kind="stable")]
    down = np.flatnonzero(~positive)
    down = down[np.argsort(score[down], kind="stable")]
    # For each positive: how many positives lie below its score, how many negatives below, and at or below it.
    ups_below = np.searchsorted(score[up], score[up], "left")
    downs_below = np.searchsorted(score[down], score[up], "left")
    downs_up_to = np.searchsorted(score[down], score[up], "right")

    def areas(weights: np.ndarray) -> np.ndarray:
        own = weights[:, up]
        ups, downs = _running(own), _running(weights[:, down])
        positives, negatives = ups[:, -1], downs[:, -1]
        true_above = positives[:, None] - ups[:, ups_below]
        false_above = negatives[:, None] - downs[:, downs_below]
        with np.errstate(invalid="ignore", divide="ignore"):
            # A positive wins against each negative below it, and half against each at the same score.
            area = (own * (downs[:, downs_below] + downs[:, downs_up_to])).sum(axis=1) / 2 / (positives * negatives)
            precision = np.where(own > 0, own * true_above / (true_above + false_above), 0.0)
            return np.stack([area, precision.sum(axis=1) / positives], axis=1)

    return areas


def _running(weights: np.ndarray) -> np.ndarray:
    """Running sums from zero: (R, n) -> (R, n + 1)."""
    out = np.zeros((len(weights), weights.shape[1] + 1))
    np.cumsum(weights, axis=1, out=out[:, 1:])
    return out


def _ranks(target: np.ndarray, answer: Answer) -> Statistics:
    """Area and average precision of each class against the rest, or of each label: (R, C, 2)."""
    score = answer.probability
    assert score is not None
    if target.ndim == 2:
        positive = target == 1
    elif score.shape[1] == 2:
        positive, score = (target == 1)[:, None], score[:, 1:]
    else:
        positive = target[:, None] == np.arange(score.shape[1])
    parts = [_rank(positive[:, column], score[:, column]) for column in range(score.shape[1])]
    return lambda weights: np.stack([part(weights) for part in parts], axis=1)


def _surprise(target: np.ndarray, answer: Answer) -> Statistics:
    """Minus the logarithm of the true class's probability."""
    assert answer.probability is not None
    true = answer.probability[np.arange(len(target)), target].astype(np.float64)
    limit = np.finfo(np.float64).eps  # one certain mistake must not make everything infinite
    return _sums(-np.log(np.clip(true, limit, 1 - limit)))


def _labels(target: np.ndarray, answer: Answer) -> Statistics:
    """For each label the weight of rows that have it, are said to have it, and both: (R, 3, L)."""
    assert answer.decision is not None
    true, said = target.astype(np.float64), answer.decision.astype(np.float64)
    rows = np.concatenate([true, said, true * said], axis=1)
    return lambda weights: (weights @ rows).reshape(len(weights), 3, -1)


def _mistakes(target: np.ndarray, answer: Answer) -> Statistics:
    """Whether any label of a row is wrong, and the share of its labels that are."""
    wrong = target != answer.decision
    return _sums(np.column_stack([wrong.any(axis=1), wrong.mean(axis=1)]))


def _errors(target: np.ndarray, answer: Answer) -> Statistics:
    """y, y squared, squared error, absolute error; y around its mean, so that nothing cancels."""
    assert answer.value is not None
    target, value = target.astype(np.float64), answer.value.astype(np.float64)
    centred, error = target - target.mean(), value - target
    return _sums(np.column_stack([centred, centred**2, error**2, np.abs(error)]))


def _middle_error(target: np.ndarray, answer: Answer) -> Statistics:
    """The weighted median of the absolute error: (R,). Of an even number of rows, the mean of the middle two."""
    assert answer.value is not None
    error = np.abs(answer.value.astype(np.float64) - target)
    order = np.argsort(error, kind="stable")
    error = error[order]

    def median(weights: np.ndarray) -> np.ndarray:
        running = np.cumsum(weights[:, order], axis=1)
        half = running[:, -1:] / 2
        lower = np.minimum((running < half).sum(axis=1), len(error) - 1)
        upper = np.minimum((running <= half).sum(axis=1), len(error) - 1)
        return (error[lower] + error[upper]) / 2

    return median


def _pinball(target: np.ndarray, answer: Answer) -> Statistics:
    """The pinball loss, averaged over the quantiles: share of the gap below the truth, 1 - share of that above it."""
    assert answer.quantiles is not None
    losses = [
        np.maximum(share * (target - value), (share - 1) * (target - value))
        for share, value in answer.quantiles.items()
    ]
    return _sums(np.stack(losses, axis=1).mean(axis=1, dtype=np.float64))


def _coverage(target: np.ndarray, answer: Answer) -> Statistics:
    """Whether the truth lies in the interval."""
    return _sums((answer.lower <= target) & (target <= answer.upper))


# --- formulas -------------------------------------------------------------------------------------------------------


def _mean(column: int) -> Callable[[np.ndarray], np.ndarray]:
    """The weighted mean of the statistic at a place of :func:`_sums`."""
    return lambda sums: sums[:, column] / sums[:, 0]


def _average(values: np.ndarray) -> np.ndarray:
    """The mean over the last axis of those that are numbers; NaN where none is."""
    known = ~np.isnan(values)
    return np.where(known, values, 0.0).sum(axis=-1) / known.sum(axis=-1)


def _area(ranks: np.ndarray) -> np.ndarray:
    return _average(ranks[..., 0])


def _precision(ranks: np.ndarray) -> np.ndarray:
    return _average(ranks[..., 1])


def _accuracy(counts: np.ndarray) -> np.ndarray:
    return counts[:, 2].sum(axis=1) / counts[:, 0].sum(axis=1)


def _balanced_accuracy(counts: np.ndarray) -> np.ndarray:
    return _average(counts[:, 2] / counts[:, 0])


def _f1_of_each(counts: np.ndarray) -> np.ndarray:
    true, said, both = counts[:, 0], counts[:, 1], counts[:, 2]
    return 2 * both / (true + said)


def _f1_of_one(counts: np.ndarray) -> np.ndarray:
    """F1 of class 1; NaN where no row is it or is called it."""
    return _f1_of_each(counts)[:, 1] if counts.shape[2] > 1 else np.full(len(counts), np.nan)


def _f1_macro(counts: np.ndarray) -> np.ndarray:
    return _average(_f1_of_each(counts))


def _f1_micro(counts: np.ndarray) -> np.ndarray:
    return _f1_of_each(counts.sum(axis=2))


def _matthews(counts: np.ndarray) -> np.ndarray:
    """Gorodkin's generalisation to many classes; 0 where answers or truth are all of one class."""
    true, said, both = counts[:, 0], counts[:, 1], counts[:, 2].sum(axis=1)
    rows = true.sum(axis=1)
    agreement = both * rows - (true * said).sum(axis=1)
    spread = np.sqrt((rows**2 - (true**2).sum(axis=1)) * (rows**2 - (said**2).sum(axis=1)))
    return np.where(spread > 0, agreement / spread, 0.0)


def _none_wrong(sums: np.ndarray) -> np.ndarray:
    return 1 - sums[:, 1] / sums[:, 0]


def _root_mean_square(sums: np.ndarray) -> np.ndarray:
    return np.sqrt(sums[:, 3] / sums[:, 0])


def _r2(sums: np.ndarray) -> np.ndarray:
    spread = sums[:, 2] - sums[:, 1] ** 2 / sums[:, 0]
    return np.where(spread > 1e-12 * sums[:, 2], 1 - sums[:, 3] / spread, np.nan)


_CLASSES = ("binary", "multiclass")
_LABELS = ("multilabel",)
_REGRESSION = ("regression",)

# The first metric of a kind is its headline.
_ALL = (
    Metric("roc_auc", "ROC-AUC", ("binary",), True, "probability", _ranks, _area),
    Metric("accuracy", "Accuracy", _CLASSES, True, "decision", _confusion, _accuracy),
    Metric("balanced_accuracy", "Balanced accuracy", _CLASSES, True, "decision", _confusion, _balanced_accuracy),
    Metric("roc_auc", "ROC-AUC (macro)", ("multiclass",), True, "probability", _ranks, _area),
    Metric("average_precision", "Average precision", ("binary",), True, "probability", _ranks, _precision),
    Metric("log_loss", "Log loss", _CLASSES, False, "probability", _surprise, _mean(1)),
    Metric("f1", "F1", ("binary",), True, "decision", _confusion, _f1_of_one),
    Metric("f1", "F1 (macro)", ("multiclass",), True, "decision", _confusion, _f1_macro),
    Metric("mcc", "Matthews correlation", _CLASSES, True, "decision", _confusion, _matthews),
    Metric("f1_micro", "F1 (micro)", _LABELS, True, "decision", _labels, _f1_micro),
    Metric("f1_macro", "F1 (macro)", _LABELS, True, "decision", _labels, _f1_macro),
    Metric("average_precision", "Average precision (macro)", _LABELS, True, "probability", _ranks, _precision),
    Metric("subset_accuracy", "Subset accuracy", _LABELS, True, "decision", _mistakes, _none_wrong),
    Metric("hamming_loss", "Hamming loss", _LABELS, False, "decision", _mistakes, _mean(2)),
    Metric("rmse", "RMSE", _REGRESSION, False, "value", _errors, _root_mean_square),
    Metric("mae", "MAE", _REGRESSION, False, "value", _errors, _mean(4)),
    Metric("r2", "R²", _REGRESSION, True, "value", _errors, _r2),
    Metric("median_absolute_error", "Median absolute error", _REGRESSION, False, "value", _middle_error, np.asarray),
    Metric("pinball", "Pinball loss", _REGRESSION, False, "quantiles", _pinball, _mean(1)),
    Metric("coverage", "Coverage of the interval", _REGRESSION, None, "lower", _coverage, _mean(1)),
)


@functools.cache
def _added(part: str, count: RowStatistics) -> Callable[[np.ndarray, Answer], Statistics]:
    """Weighted sums over rows of what is counted of a part of the answer. One function for each, so that scores share
    them."""

    def statistics(target: np.ndarray, answer: Answer) -> Statistics:
        rows = count(target, getattr(answer, part))
        return lambda weights: weights @ rows

    return statistics


# Task -> what its scores are listed under.
_TEXTS = {"write": "text", "transcribe": "transcript", "point": "answer", "extract": "summary"}
_WRITTEN = tuple(
    Metric(
        score.name,
        score.label,
        (task,),
        score.greater_is_better,
        "text",
        _added("text", score.statistics),
        score.figure,
    )
    for task, kind in _TEXTS.items()
    for score in SCORES[kind]
)


def _of_sums(target: np.ndarray, answer: Answer) -> Statistics:
    """Weighted sums of what a row's own probability is made from."""
    rows = answer.sums
    assert rows is not None
    return lambda weights: weights @ rows


def _frame_accuracy(sums: np.ndarray) -> np.ndarray:
    """Notes that came as expected, of those that came or were expected (Bay et al. 2009)."""
    return ratio(sums[:, 2], sums[:, 2:].sum(axis=1))


_CONTINUED = (
    Metric("bits_per_byte", "Bits a byte", ("continue",), False, "sums", _of_sums, bits_per_byte),
    Metric("nats", "Nats a token", ("continue",), False, "sums", _of_sums, nats_per_step),
    Metric("perplexity", "Perplexity", ("continue",), False, "sums", _of_sums, perplexity),
)

_TALKED = (
    Metric("nats", "Nats a token", ("chat",), False, "sums", _of_sums, nats_per_step),
    Metric("bits_per_byte", "Bits a byte", ("chat",), False, "sums", _of_sums, bits_per_byte),
    Metric("perplexity", "Perplexity", ("chat",), False, "sums", _of_sums, perplexity),
)

_COMPOSED = (
    Metric("nats", "Nats a step", ("compose",), False, "sums", _of_sums, nats_per_step),
    Metric("frame_accuracy", "Accuracy of frames", ("compose",), True, "sums", _of_sums, _frame_accuracy),
)


_TAGS = (
    Metric("span_f1", "F1 of spans", ("tag",), True, "spans", _added("labels", tags.span_counts), tags.f1),
    Metric(
        "span_precision",
        "Precision of spans",
        ("tag",),
        True,
        "spans",
        _added("labels", tags.span_counts),
        tags.precision,
    ),
    Metric("span_recall", "Recall of spans", ("tag",), True, "spans", _added("labels", tags.span_counts), tags.recall),
    Metric(
        "accuracy", "Accuracy of words", ("tag",), True, "labels", _added("labels", tags.words_right), tags.accuracy
    ),
    Metric(
        "f1_macro",
        "F1 of labels (macro)",
        ("tag",),
        True,
        "labels",
        _added("labels", tags.label_counts),
        tags.f1_of_labels,
    ),
    Metric("exact", "Rows all right", ("tag",), True, "labels", _added("labels", tags.words_right), tags.exact),
)

METRICS: dict[str, list[Metric]] = {
    kind: [metric for metric in (*_ALL, *_WRITTEN, *_CONTINUED, *_COMPOSED, *_TALKED, *_TAGS) if kind in metric.kinds]
    for kind in KINDS
}
