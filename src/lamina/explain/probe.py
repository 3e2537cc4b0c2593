"""How much a classical model can tell from vectors of a network (a probe, Alain and Bengio 2017)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from lamina.config import check
from lamina.data.split import OPEN, Keys, SplitSettings, assign
from lamina.errors import DataError, UsageError, nearest
from lamina.evaluation.baselines import baselines
from lamina.evaluation.figures import figure, together
from lamina.evaluation.matrix import Matrix
from lamina.evaluation.scores import NETWORK, scores
from lamina.features.base import Feature

__all__ = ["PROBES", "probe"]

PROBES = {"logistic": "linear", "svm": "svm"}  # as people call them -> baseline
CALLED = {"logistic": "A linear model", "svm": "A support vector machine"}
TRAIN, TEST = 0, 2
SECONDS = 600.0


def probe(
    name: str, vectors: np.ndarray, inputs: np.ndarray, target: pl.Series, feature: Feature, *, seed: int = 0
) -> dict[str, Any]:
    """Fit a classical model on the vectors of most rows, and judge it on those of the others.

    A fifth of the rows judges, by their hash, as in training; rows that are equal on every input stay together.

    Args:
        name: ``logistic`` (for numbers a linear regression) or ``svm``.
        vectors: (n, width).
        inputs: (n,) uint64, equal for rows with the same inputs.
        target: (n,) raw cells; rows without one are left out.
        feature: of the target, not fitted: a number, category or boolean.
        seed: of the split.

    Returns:
        A JSON document: ``probe``, ``kind``, ``rows`` (train, test, left_out), ``width``, ``metrics``, ``scores``
        (metric -> value, low, high), ``constant`` (the same of the constant baseline) and ``sentence``.

    Raises:
        UsageError: if there is no such probe.
        DataError: if the target cannot be predicted, or rows of it are too few.
    """
    if name not in PROBES:
        raise UsageError("no such probe", got=name, allowed=", ".join(PROBES), do=nearest(name, PROBES))
    if feature.kind not in ("number", "category", "boolean"):
        raise DataError(
            f"a probe cannot predict {target.name!r}",
            got=f"a {feature.kind} column",
            allowed="number, category, boolean",
        )
    cells = feature.read(target)
    known = np.flatnonzero(cells.is_not_null().to_numpy())
    cells, vectors, inputs = cells.gather(known), vectors[known], inputs[known]
    kind, names, codes = _coded(feature, cells)
    part = np.full(len(known), OPEN, np.uint8)
    stratum = np.zeros(len(known), np.int32) if kind == "regression" else codes.astype(np.int32)
    assign(Keys(part, inputs, stratum), check(SplitSettings, {"valid": 0.0}), seed)
    train, test = np.flatnonzero(part == TRAIN), np.flatnonzero(part == TEST)
    given = Matrix.of({"number": vectors.astype(np.float32)}, sizes=[], rows=len(vectors))
    systems = baselines(
        kind, given[train], given[test], codes[train],
        which=["constant", PROBES[name]], seed=seed, seconds=SECONDS, classes=len(names) or None,
    )  # fmt: skip
    found = systems.pop(PROBES[name])
    if found.answer is None:
        raise DataError(
            f"the probe {name} could not be fitted", got=found.note, do="bring other rows, or another probe"
        )
    judged = scores(kind, codes[test], {NETWORK: found, **systems}, seed=seed, names=names)
    rows = {"train": len(train), "test": len(test), "left_out": len(target) - len(train) - len(test)}
    own, constant = (judged["systems"][one]["scores"] for one in (NETWORK, "constant"))
    return {
        "probe": name, "target": target.name, "kind": kind, "rows": rows, "width": vectors.shape[1], "note": found.note,
        "metrics": judged["metrics"], "scores": own, "constant": constant,
        "sentence": _sentence(name, judged["metrics"][0], own, constant, rows["test"]),
    }  # fmt: skip


def _coded(feature: Feature, cells: pl.Series) -> tuple[str, Sequence[str], np.ndarray]:
    """What is to be predicted: the kind of task, the classes, and (n,) codes or values."""
    if feature.kind == "number":
        return "regression", [], cells.cast(pl.Float64).to_numpy()
    names = sorted(cells.cast(pl.String).unique().to_list())
    if len(names) < 2:
        raise DataError(f"{cells.name!r} has one value only", got=names[0] if names else "no known cell")
    codes = cells.cast(pl.String).replace_strict(names, list(range(len(names))), return_dtype=pl.Int64).to_numpy()
    return "binary" if len(names) == 2 else "multiclass", names, codes


def _sentence(name: str, metric: dict[str, Any], own: dict[str, Any], constant: dict[str, Any], rows: int) -> str:
    score, other = own[metric["name"]], constant.get(metric["name"], {}).get("value")
    if score["value"] is None:
        return f"{metric['label']} is not defined on the {rows:,} rows held out."
    beside = "" if other is None else f"; the constant reaches {figure(other)}"
    if score["low"] is None:
        said = figure(score["value"])
    else:
        value, low, high = together([score["value"], score["low"], score["high"]])
        said = f"{value} (95% interval {low} to {high})"
    return f"{CALLED[name]} on the vectors reaches {metric['label']} {said} on {rows:,} rows held out{beside}."
