"""Few labels: networks that were pre-trained on rows without labels, beside the same from scratch.

    python benchmarks/pretrain.py                          both sets, some hour
    python benchmarks/pretrain.py ag_news_small            one
    python benchmarks/pretrain.py --develop                the last eighth of the training rows judge
    python benchmarks/pretrain.py --quick                  ten seconds a training, to see that it works

Of the training rows, 100 a class are drawn three times, no row twice; these keep their labels. The rest has none, and a
network is pre-trained on it, once, by ``lamina.pretrain``. Then, for each draw and with the first 10, 50 and 100 labels
a class, ``lamina.train`` starts from it, and beside it the same network starts from scratch, with the same budget of
seconds. ``usual`` is Lamina from scratch with nothing set, where it takes another network by itself.

``gain_N`` is the mean accuracy with N labels a class, less that from scratch; its 95% interval is a bootstrap of draws
and of test rows, the same for both.
"""

from __future__ import annotations

import argparse
import dataclasses
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from answers import ask_lamina, mean_gain
from datasets import SETS, held_back
from results import append

import lamina

DRAWS, LABELS = 3, (10, 50, 100)  # of labelled rows, and how many of each class


@dataclasses.dataclass(frozen=True)
class Trial:
    """How one data set is pre-trained and learned from.

    Attributes:
        column: that is learned from, named as its type.
        pretraining: settings of ``lamina.pretrain``.
        network: the settings that name the network, for scratch; empty where Lamina takes it by itself.
        after: settings of ``lamina.train`` from the pre-trained one.
        budgets: of pre-training, and of each training.
    """

    column: str
    pretraining: dict[str, Any]
    network: dict[str, Any]
    after: dict[str, Any]
    budgets: tuple[str, str]


# Small, so that it sees each picture many times in these minutes. An epoch has over 200 steps, so a rise over two of
# them would take much of the time. Afterwards all of it learns on as fast as from scratch: on held-back rows, at 50
# labels a class, .815 were right after 700 steps of pre-training, .800 from scratch, and .796 at a third of that rate.
_CNN = {"model__image": {"name": "cnn", "width": 16}}
_FAST = {"train__learning_rate": 0.004}
_BAG = {"model__text": {"name": "bag"}}
# Of so few texts, a word that came once says something.
_RARE = {"features": {"text": {"kind": "text", "min_count": 1}}}
TRIALS = {
    "fashion_mnist": Trial(
        "image", _CNN | _FAST, _CNN, {"weights__rate": 1.0, "weights__rate_decay": 1.0}, ("12min", "1min")
    ),
    "ag_news_small": Trial(
        "text", {**_BAG, "train__learning_rate": 0.005}, _BAG | _RARE, {"learn": "head"}, ("2min", "30s")
    ),
}


def drawn(learn: pl.DataFrame, target: str) -> tuple[list[pl.DataFrame], pl.DataFrame]:
    """The draws of labelled rows, each with its classes in turn, and the rest."""
    order = learn.with_row_index("place").sample(fraction=1.0, shuffle=True, seed=0)
    order = order.with_columns(pl.int_range(pl.len()).over(target).alias("turn"))
    most = max(LABELS)
    draws = [
        order.filter(pl.col("turn").is_between(draw * most, (draw + 1) * most - 1)).with_columns(
            pl.col("turn") - draw * most
        )
        for draw in range(DRAWS)
    ]
    return draws, order.filter(pl.col("turn") >= DRAWS * most)


def measure(name: str, trial: Trial, *, develop: bool, quick: bool) -> None:
    """Pre-train once, learn from few labels both ways, and write down how good each is."""
    data, column = SETS[name], trial.column
    learn, judge = data.load()
    if develop:
        learn, judge = held_back(learn, data.target)
    truth = judge[data.target].cast(pl.String).to_numpy()
    draws, rest = drawn(learn, data.target)
    pretraining, training = ("10s", "10s") if quick else trial.budgets
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        weights = Path(folder) / "pretrained"
        lamina.pretrain(
            rest.select(column), budget=pretraining, seed=0, progress=True, out=weights, **trial.pretraining
        )  # fmt: skip
        ways = {"pretrained": {"weights": weights, **trial.after}, "scratch": trial.network}
        if trial.network:
            ways["usual"] = {"features": {column: column}}
        right: dict[tuple[str, int], np.ndarray] = {}
        for labels in LABELS:
            for way, settings in ways.items():
                rows = []
                for seed, draw in enumerate(draws[:1] if quick else draws):
                    few = draw.filter(pl.col("turn") < labels).select(column, data.target)
                    rows.append(ask_lamina(few, judge, data.target, training, seed=seed, **settings).said == truth)
                right[way, labels] = np.array(rows)
    metrics = {f"{way}_{labels}": float(rows.mean()) for (way, labels), rows in right.items()}
    for labels in LABELS:
        metrics |= mean_gain(right["pretrained", labels], right["scratch", labels], f"gain_{labels}")
    append(
        f"pretrain_{name}", metrics, seconds=time.perf_counter() - start, trial=develop or quick,
        settings={
            "pre-training": pretraining, "training": training, "rows without labels": len(rest), "draws": DRAWS,
            "judged by": "held-back training rows" if develop else "test rows",
        },
    )  # fmt: skip


def main() -> None:
    """Measure the sets that are named."""
    parser = argparse.ArgumentParser(description="Pre-training, then few labels.")
    parser.add_argument("sets", nargs="*", metavar="SET", help=f"of {', '.join(TRIALS)}; all if none")
    parser.add_argument("--develop", action="store_true", help="held-back training rows judge; held against no bar")
    parser.add_argument("--quick", action="store_true", help="ten seconds a training; held against no bar")
    given = parser.parse_args()
    for name in given.sets:
        if name not in TRIALS:
            parser.error(f"no such set · got {name} · allowed: {', '.join(TRIALS)}")
    for name in given.sets or TRIALS:
        measure(name, TRIALS[name], develop=given.develop or given.quick, quick=given.quick)


if __name__ == "__main__":
    main()
