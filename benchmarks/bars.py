"""What is to be reached, in one place: the bars of the project, as the report lists them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

__all__ = ["BARS", "Bar", "find", "judge"]


@dataclasses.dataclass(frozen=True)
class Bar:
    """One figure to reach.

    Attributes:
        what: the benchmark that measures it, as in a row's ``what``.
        metric: the name of the figure among the row's metrics.
        label: what a reader is told.
        bar: the figure; None where the row brings its own, measured in the same run.
        stretch: the figure to be proud of, where there is one.
        higher: whether more is better.
        strict: whether the stretch must be passed, not only reached.
        command: what measures it.
    """

    what: str
    metric: str
    label: str
    bar: float | None
    stretch: float | None
    higher: bool
    command: str
    strict: bool = False

    def met(self, value: float, limit: float) -> bool:
        """Whether a value reaches a limit, unrounded."""
        return value >= limit if self.higher else value <= limit

    def passed(self, value: float) -> bool | None:
        """Whether a value reaches the stretch; None where there is none."""
        if self.stretch is None:
            return None
        return self.met(value, self.stretch) and not (self.strict and value == self.stretch)


_ACCURACY = "python benchmarks/accuracy.py"
_PEERS = "python benchmarks/peers/run.py"
_PERCEPTION = "python benchmarks/perception.py"

BARS = (
    Bar("adult", "accuracy", "adult, accuracy", 0.870, 0.8741, True, f"{_ACCURACY} adult"),
    Bar("adult", "roc_auc", "adult, ROC-AUC", 0.9255, 0.9287, True, f"{_ACCURACY} adult"),
    Bar("california_housing", "rmse", "california_housing, RMSE", 45_438, 43_700, False,
        f"{_ACCURACY} california_housing"),
    Bar("bike_sharing", "rmse", "bike_sharing, RMSE", 39.19, 36, False, f"{_ACCURACY} bike_sharing"),
    Bar("concrete", "rmse", "concrete, RMSE", 4.3, 3.94, False, f"{_ACCURACY} concrete"),
    Bar("diabetes130", "roc_auc", "diabetes130, ROC-AUC; the bar is LightGBM's in the same run", None, 0.68, True,
        f"{_ACCURACY} diabetes130"),
    Bar("epoch", "to_fused", "epoch of a small network, to a hand-written loop with fused AdamW", 1.05, 1.0, False,
        "python benchmarks/epoch.py", strict=True),
    Bar("peers", "to_skorch", "the same epoch, to skorch", 0.55, None, False, _PEERS),
    Bar("peers", "to_lightning", "the same epoch, to Lightning", 0.45, None, False, _PEERS),
    Bar("peers", "to_fastai", "the same epoch, to fastai", 0.45, None, False, _PEERS),
    Bar("peers", "to_keras_torch", "the same epoch, to Keras on torch", 0.45, None, False, _PEERS),
    Bar("peers", "to_keras_jax", "the same epoch, to Keras on JAX (a stretch, no bar)", None, 1.0, False, _PEERS),
    Bar("scale", "peak_gib", "20 million rows x 20 columns, most resident memory, GiB", 2.0, None, False,
        "python benchmarks/scale.py"),
    Bar("scale", "growth", "seconds a row, 20 to 2 and 2 to 0.2 million rows, the worse ratio", 1.1, None, False,
        "python benchmarks/scale.py"),
    Bar("decode", "to_pillow", "20,000 JPEG files into the store, to plain Pillow by threads or processes, the faster",
        0.9, 1.0, True, "python benchmarks/decode.py"),
    Bar("fashion_mnist", "accuracy", "fashion_mnist in 15 minutes, accuracy", 0.930, 0.937, True,
        f"{_PERCEPTION} fashion_mnist"),
    Bar("fashion_mnist_40", "accuracy", "fashion_mnist in 40 minutes, accuracy", 0.942, 0.950, True,
        f"{_PERCEPTION} fashion_mnist_40"),
    Bar("cifar10", "accuracy", "cifar10, 10,000 training pictures, 20 minutes, accuracy", 0.76, 0.82, True,
        f"{_PERCEPTION} cifar10"),
    Bar("orl_faces", "accuracy", "orl_faces, rank 1", 0.97, 0.99, True, f"{_PERCEPTION} orl_faces"),
    Bar("sst2", "accuracy", "sst, two classes, accuracy", 0.825, 0.84, True, f"{_PERCEPTION} sst2"),
    Bar("sst5", "accuracy", "sst, five classes, accuracy", 0.42, 0.44, True, f"{_PERCEPTION} sst5"),
    Bar("trec", "accuracy", "trec, accuracy", 0.92, 0.94, True, f"{_PERCEPTION} trec"),
    Bar("ag_news_small", "accuracy", "ag_news_small, accuracy", 0.885, 0.90, True, f"{_PERCEPTION} ag_news_small"),
    Bar("clinc150", "accuracy", "clinc150, accuracy in scope", 0.92, 0.94, True, f"{_PERCEPTION} clinc150"),
    Bar("fsdd", "accuracy", "fsdd, official split, accuracy", 0.985, 0.995, True, f"{_PERCEPTION} fsdd"),
    Bar("start", "help_seconds", "lamina --help, seconds", 0.3, 0.15, False, "python benchmarks/start.py"),
    Bar("start", "import_seconds", "import lamina, seconds", 0.3, 0.15, False, "python benchmarks/start.py"),
    Bar("start", "torch_imported", "import lamina imports torch (0: it does not)", 0, None, False,
        "python benchmarks/start.py"),
    Bar("start", "dependencies", "direct dependencies beside torch", 10, 8, False, "python benchmarks/start.py"),
)  # fmt: skip


def find(what: str) -> list[Bar]:
    """The bars that a benchmark is measured by."""
    return [bar for bar in BARS if bar.what == what]


def judge(what: str, metrics: Mapping[str, float], measured_bars: Mapping[str, float]) -> dict[str, dict[str, Any]]:
    """Compare figures with their bars.

    Args:
        what: the benchmark.
        metrics: figure by name.
        measured_bars: bars that were measured in the same run, by the metric's name.

    Returns:
        metric -> value, bar, stretch, met and stretch_met (None where there is no such limit).

    Example:
        >>> judge("concrete", {"rmse": 4.2}, {})["rmse"]
        {'value': 4.2, 'bar': 4.3, 'stretch': 3.94, 'met': True, 'stretch_met': False}
    """
    judged = {}
    for bar in find(what):
        if bar.metric not in metrics:
            continue
        value, limit = metrics[bar.metric], measured_bars.get(bar.metric, bar.bar)
        judged[bar.metric] = {
            "value": value,
            "bar": limit,
            "stretch": bar.stretch,
            "met": None if limit is None else bar.met(value, limit),
            "stretch_met": bar.passed(value),
        }
    return judged
