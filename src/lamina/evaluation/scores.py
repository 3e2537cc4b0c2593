"""Scores with company: every number with its interval, beside what simpler systems reach on the same rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from lamina.errors import DataError
from lamina.evaluation.answer import Baseline
from lamina.evaluation.detail import detail
from lamina.evaluation.figures import figure, together
from lamina.evaluation.intervals import CONFIDENCE, Replicates, affordable, bootstrap, interval
from lamina.evaluation.metrics import Metric, measure, metrics_for
from lamina.features.answer import Answer

__all__ = ["NETWORK", "Verdict", "scores", "verdict"]

NETWORK = "network"  # the name of the system that is judged; all others are its baselines


class Verdict(NamedTuple):
    """Whether the network pays.

    Attributes:
        outcome: "better", "worse", "unclear", or "alone" where there is no baseline.
        against: the best baseline, or None.
        sentence: the same for people, with the figures.
    """

    outcome: str
    against: str | None
    sentence: str


def scores(
    kind: str,
    target: np.ndarray,
    systems: Mapping[str, Answer | Baseline],
    *,
    seed: int = 0,
    names: Sequence[str] = (),
    resamples: int = 1000,
) -> dict[str, Any]:
    """Judge systems on the same rows.

    Args:
        kind: of :data:`lamina.evaluation.answer.KINDS`.
        target: (n,) codes, values or texts, or (n, L) of 0 and 1.
        systems: name -> answer; "network" first, the others are baselines. One that was left out keeps its note.
        seed: of the bootstrap.
        names: the classes or labels, by code; class 1 of a binary task is the positive one.
        resamples: bootstrap replicates; fewer are drawn where there are very many rows, and the result says how many.

    Returns:
        A JSON document: ``kind``, ``rows``, ``classes``, ``confidence``, ``resamples``, ``headline`` (a metric's name),
        ``metrics`` (a list of name, label, greater_is_better), ``systems`` (name -> scores, difference, seconds, note,
        where ``scores`` is metric -> value, low, high and ``difference`` is network minus system on the headline),
        ``outcome``, ``against``, ``verdict``, and ``detail`` of the network.

    Raises:
        DataError: if there is no row to judge on.

    Example:
        >>> document = scores("regression", np.array([1.0, 2.0]), {"network": Answer(value=np.array([1.0, 4.0]))})
        >>> document["systems"]["network"]["scores"]["mae"]["value"]
        1.0
    """
    target = np.asarray(target)
    if not len(target):
        raise DataError("no rows to judge on", got="0 rows with a known target", do="give rows whose target is filled")
    baselines = {name: Baseline(system) if isinstance(system, Answer) else system for name, system in systems.items()}
    answers = {name: system.answer for name, system in baselines.items() if system.answer is not None}
    metrics = {name: metrics_for(kind, answer) for name, answer in answers.items()}
    judged = metrics[NETWORK]
    resamples = affordable(len(target), resamples, _rankings(kind, target, answers[NETWORK]))
    measures = {name: measure(metrics[name], target, answer) for name, answer in answers.items()}
    replicates = bootstrap(measures, len(target), seed=seed, resamples=resamples)
    document = {
        name: _system(name, system, metrics.get(name, []), replicates, len(target))
        for name, system in baselines.items()
    }
    outcome, against, sentence = verdict(judged[0], document, len(target))
    return {
        "kind": kind,
        "rows": len(target),
        "classes": list(names) or None,
        "confidence": CONFIDENCE,
        "resamples": resamples,
        "headline": judged[0].name,
        "metrics": [
            {"name": metric.name, "label": metric.label, "greater_is_better": metric.greater_is_better}
            for metric in judged
        ],
        "systems": document,
        "outcome": outcome,
        "against": against,
        "verdict": sentence,
        "detail": detail(kind, target, answers[NETWORK], _named(names, kind, target, answers[NETWORK]), seed=seed),
    }


def _rankings(kind: str, target: np.ndarray, answer: Answer) -> int:
    """How many scores are sorted for the ranking metrics."""
    if answer.probability is None or kind in ("binary", "regression"):
        return 1
    return int(answer.probability.shape[1])


def _named(names: Sequence[str], kind: str, target: np.ndarray, answer: Answer) -> list[str]:
    """The given names, or codes as names."""
    if names or answer.decision is None:
        return list(names)
    size = target.shape[1] if kind == "multilabel" else int(max(target.max(), answer.decision.max(), 1)) + 1
    return [str(code) for code in range(size)]


def _system(
    name: str, system: Baseline, metrics: Sequence[Metric], replicates: Mapping[str, Replicates], rows: int
) -> dict[str, Any]:
    """One system's part of the document."""
    found: dict[str, Any] = {"scores": {}, "difference": None, "seconds": round(system.seconds, 3), "note": system.note}
    if system.answer is None:
        return found
    own, network = replicates[name], replicates[NETWORK]
    for place, metric in enumerate(metrics):
        found["scores"][metric.name] = interval(own.value[place], own.drawn[:, place], rows)
    if name != NETWORK:
        # The headline is the first metric of either.
        found["difference"] = interval(network.value[0] - own.value[0], network.drawn[:, 0] - own.drawn[:, 0], rows)
    return found


def verdict(headline: Metric, systems: Mapping[str, Mapping[str, Any]], rows: int) -> Verdict:
    """Say in one sentence whether the network pays here, against the best baseline, by the interval of the difference.

    Args:
        headline: the metric that decides.
        systems: as in the document of :func:`scores`.
        rows: how many rows the scores rest on.
    """

    def value(name: str) -> float | None:
        score = systems[name]["scores"].get(headline.name)
        return None if score is None else score["value"]

    own, label = value(NETWORK), headline.label
    spoken = label[0].lower() + label[1:] if label[1].islower() else label
    if own is None:
        return Verdict("unclear", None, f"{label} is not defined on these {rows:,} rows.")
    sign = 1 if headline.greater_is_better else -1
    known = {name: sign * found for name in systems if name != NETWORK and (found := value(name)) is not None}
    if not known:
        return Verdict("alone", None, f"The network reaches {spoken} {figure(own)}; no baseline stands beside it.")
    best = max(known, key=lambda name: known[name])
    difference = systems[best]["difference"]
    mine, other = together([own, value(best)])
    figures = f"{spoken} {mine} against {other} of {_called(best)}, the best baseline"
    if difference["low"] is None:
        return Verdict("unclear", best, f"Whether the network pays cannot be told: {figures}, on {rows:,} row(s).")
    middle, low, high = together([difference["value"], difference["low"], difference["high"]], digits=2)
    figures += f" (difference {middle}, 95% interval {low} to {high})"
    if sign * (difference["low"] if sign > 0 else difference["high"]) > 0:
        return Verdict("better", best, f"The network pays here: {figures}.")
    if sign * (difference["high"] if sign > 0 else difference["low"]) < 0:
        return Verdict("worse", best, f"The network does not pay here: {figures}.")
    return Verdict("unclear", best, f"Whether the network pays cannot be told from these {rows:,} rows: {figures}.")


def _called(name: str) -> str:
    """A baseline as a sentence calls it."""
    articles = {
        "constant": "the constant",
        "linear": "the linear model",
        "tree": "the decision tree",
        "boosting": "gradient boosting",
        "svm": "the support vector machine",
        "nearest": "the most similar training row",
        "window": "the words that are most like the question",
        "lead": "the first sentence",
        "textrank": "TextRank",
        "unigram": "token frequencies",
        "before": "the network before it learned",
        "ngram": "counted n-grams",
        "words": "each word's most frequent label",
        "repeat": "repeating the step before",
    }
    return articles.get(name, name)
