"""Two ways to learn from the same pictures, in one run, and by how much one is better: 95% intervals, paired bootstrap.

    python benchmarks/beside.py                        all pairs, some fifty minutes
    python benchmarks/beside.py pneumonia              some
    python benchmarks/beside.py pneumonia --develop    the last eighth of the training rows judge, to try things out
    python benchmarks/beside.py --quick                ten seconds a way, to see that it works

``pneumonia``: pneumoniamnist by Lamina as it comes, beside a ResNet-18 that a person writes with PyTorch alone
(``peers/plain_pictures.py``), in a process of its own, for the same time on the same cores. Both get the training and
the valid rows of the set together; of these the script holds a tenth back, as many as the set does, to choose its best
checkpoint by.

``tiles_defect`` and ``tiles_which``: magnetic tiles, from the weights of a SqueezeNet that learned from ImageNet, and
from nothing. From nothing means Lamina as it comes, so with the network that it takes by itself, not a SqueezeNet.

The metrics of a row are ours, theirs after ``other_``, and ours less theirs as ``_gain`` with ``_low`` and ``_high``.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from answers import Answers, ask_lamina, gains, score
from datasets import DATA, SETS, DataSet, held_back
from results import ROOT, append
from sklearn.model_selection import train_test_split

from lamina.training.budget import Budget

PLAIN = ROOT / "benchmarks" / "peers" / "plain_pictures.py"
SQUEEZENET = str(DATA / "weights_squeezenet" / "squeezenet_v1_0_imagenet.npz")

Way = Callable[[DataSet, pl.DataFrame, pl.DataFrame, str], Answers]


@dataclasses.dataclass(frozen=True)
class Pair:
    """Two ways over one data set.

    Attributes:
        data: its name.
        ours, theirs: the ways.
        metrics: that are compared.
    """

    data: str
    ours: Way
    theirs: Way
    metrics: tuple[str, ...]


def by_lamina(**settings: Any) -> Way:
    """Lamina with these settings."""

    def way(data: DataSet, learn: pl.DataFrame, judge: pl.DataFrame, budget: str) -> Answers:
        return ask_lamina(learn, judge, data.target, budget, **data.settings, **settings)

    return way


def by_hand(data: DataSet, learn: pl.DataFrame, judge: pl.DataFrame, budget: str) -> Answers:
    """The plain script; a tenth of the training rows are its valid rows."""
    classes = sorted(learn[data.target].unique())
    labels = np.array([classes.index(one) for one in learn[data.target]])
    images = learn["image"].to_numpy().astype(np.uint8)
    train, valid = train_test_split(np.arange(len(learn)), test_size=0.1, stratify=labels, random_state=0)
    with tempfile.TemporaryDirectory() as folder:
        source, out = Path(folder) / "rows.npz", Path(folder) / "said.npy"
        np.savez(
            source, images=images[train], labels=labels[train], valid_images=images[valid],
            valid_labels=labels[valid], test_images=judge["image"].to_numpy().astype(np.uint8),
        )  # fmt: skip
        seconds = Budget.parse(budget).seconds
        command = [sys.executable, str(PLAIN), str(source), "--seconds", str(seconds), "--out", str(out)]
        start = time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"the plain script failed · got {done.stderr.strip().splitlines()[-1:]}")
        took = time.perf_counter() - start
        said = np.load(out)  # (n, classes)
    told = json.loads(done.stdout.splitlines()[-1])
    chance = said[:, 1] if len(classes) == 2 else None
    return Answers(np.array(classes, dtype=object)[said.argmax(1)], chance, took, {"plain epochs": told["epochs"]})


_WEIGHTS = by_lamina(weights=SQUEEZENET, learn="head")
PAIRS = {
    "pneumonia": Pair("pneumoniamnist", by_lamina(), by_hand, ("auc", "accuracy")),
    "tiles_defect": Pair("magnetic_tile_defect", _WEIGHTS, by_lamina(), ("auc", "accuracy")),
    "tiles_which": Pair("magnetic_tile_which", _WEIGHTS, by_lamina(), ("macro_f1", "accuracy")),
}


def measure(name: str, pair: Pair, budget: str, *, develop: bool, every: int) -> None:
    """Go both ways, and write down how good each is, and the difference; from every so many training rows."""
    data = SETS[pair.data]
    learn, judge = data.load()
    if develop:
        learn, judge = held_back(learn, data.target)
    learn = learn.gather_every(every)
    truth = judge[data.target].cast(pl.String).to_numpy()
    ours, theirs = (way(data, learn, judge, budget) for way in (pair.ours, pair.theirs))
    metrics = score(pair.metrics, truth, ours)
    metrics |= {f"other_{metric}": value for metric, value in score(pair.metrics, truth, theirs).items()}
    metrics |= gains(pair.metrics, truth, ours, theirs)
    append(
        name, metrics, seconds=ours.seconds + theirs.seconds, trial=develop or budget != data.budget,
        settings={
            "budget": budget, "judged by": "held-back training rows" if develop else "test rows", "rows": len(truth),
            **ours.document, **{f"other {key}": value for key, value in theirs.document.items()},
        },
    )  # fmt: skip


def main() -> None:
    """Measure the pairs that are named."""
    parser = argparse.ArgumentParser(description="Two ways to learn from the same pictures.")
    parser.add_argument("pairs", nargs="*", metavar="PAIR", help=f"of {', '.join(PAIRS)}; all if none")
    parser.add_argument("--develop", action="store_true", help="held-back training rows judge; held against no bar")
    parser.add_argument(
        "--quick", action="store_true", help="ten seconds a way, a quarter of the rows; held against no bar"
    )
    parser.add_argument("--budget", help="another budget; held against no bar")
    given = parser.parse_args()
    for name in given.pairs:
        if name not in PAIRS:
            parser.error(f"no such pair · got {name} · allowed: {', '.join(PAIRS)}")
    for name in given.pairs or PAIRS:
        pair = PAIRS[name]
        budget = "10s" if given.quick else given.budget or SETS[pair.data].budget
        measure(name, pair, budget, develop=given.develop or given.quick, every=4 if given.quick else 1)


if __name__ == "__main__":
    main()
