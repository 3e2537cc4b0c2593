"""Scores on pictures, texts and sounds, with default settings.

    python benchmarks/perception.py                     all data sets, some three hours
    python benchmarks/perception.py trec fsdd           some
    python benchmarks/perception.py trec --develop      the last eighth of the training rows judge, to try things out
    python benchmarks/perception.py trec --quick        ten seconds, to see that it works

The data lie in ``../shared/data``, with the splits of its README. Lamina gets files or arrays as a user would give
them, through ``lamina.train`` alone; the test rows are judged here, by scikit-learn and on every one of them.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from results import ROOT, append
from sklearn.metrics import accuracy_score, f1_score, roc_auc_score
from sklearn.model_selection import train_test_split

import lamina

DATA = ROOT.parent / "shared" / "data"
SEED = 0


@dataclasses.dataclass(frozen=True)
class DataSet:
    """Rows and how they are judged.

    Attributes:
        load: gives training rows and test rows.
        target: the column to predict.
        budget: of the training.
        settings: what a user would say of it beside the target.
        metrics: names of what is measured.
    """

    load: Callable[[], tuple[pl.DataFrame, pl.DataFrame]]
    target: str
    budget: str
    settings: dict[str, Any] = dataclasses.field(default_factory=dict)
    metrics: tuple[str, ...] = ("accuracy",)


# --- the data


def _arrays(name: str, *parts: str) -> Callable[[], tuple[pl.DataFrame, pl.DataFrame]]:
    """Pictures of an .npz file as array cells; the last part is the test rows, the others are for training."""

    def load() -> tuple[pl.DataFrame, pl.DataFrame]:
        with np.load(DATA / name / f"{name}.npz") as arrays:
            frames = [
                pl.DataFrame({"image": arrays[f"{part}_images"], "label": arrays[f"{part}_labels"].ravel()})
                .with_columns(pl.col("label").cast(pl.String))
                for part in parts
            ]  # fmt: skip
        return pl.concat(frames[:-1]), frames[-1]

    return load


def _split(
    path: str, *kept: str, train: tuple[str, ...] = ("train",)
) -> Callable[[], tuple[pl.DataFrame, pl.DataFrame]]:
    """A table with a column ``split``; its columns ``kept`` as they are written."""

    def load() -> tuple[pl.DataFrame, pl.DataFrame]:
        table = pl.read_csv(DATA / path, infer_schema=False)
        learn, judge = (table.filter(pl.col("split").is_in(names)) for names in (train, ("test",)))
        return learn.select(kept), judge.select(kept)

    return load


def _faces() -> tuple[pl.DataFrame, pl.DataFrame]:
    """Pictures 1 to 5 of each person teach, 6 to 10 judge."""
    rows = [(f"s{person}/{place}.png", f"s{person}", place) for person in range(1, 41) for place in range(1, 11)]
    table = pl.DataFrame(rows, schema=["file", "person", "place"], orient="row")
    return tuple(table.filter(half).drop("place") for half in (pl.col("place") <= 5, pl.col("place") > 5))  # type: ignore[return-value]


def _tiles(target: str) -> Callable[[], tuple[pl.DataFrame, pl.DataFrame]]:
    """A fifth of the tiles judge, stratified."""

    def load() -> tuple[pl.DataFrame, pl.DataFrame]:
        table = pl.read_csv(DATA / "magnetic_tile" / "index.csv.gz").rename({"image": "file"})
        found = pl.when(pl.col("label") == "Free").then(pl.lit("free")).otherwise(pl.lit("defect")).alias("defect")
        table = table.with_columns(found)
        learn, judge = train_test_split(
            np.arange(len(table)), test_size=0.2, stratify=table["label"].to_numpy(), random_state=0
        )
        return table[np.sort(learn)].select("file", target), table[np.sort(judge)].select("file", target)

    return load


def _inside(name: str, archive: str) -> dict[str, Any]:
    return {"data__files": str(DATA / name / archive)}


SETS = {
    "fashion_mnist": DataSet(_arrays("fashion_mnist", "train", "test"), "label", "15min"),
    "fashion_mnist_40": DataSet(_arrays("fashion_mnist", "train", "test"), "label", "40min"),
    "cifar10": DataSet(
        _split("cifar10/index.csv.gz", "file", "label"), "label", "20min", _inside("cifar10", "cifar10.zip")
    ),
    "pneumoniamnist": DataSet(
        _arrays("pneumoniamnist", "train", "val", "test"), "label", "5min", metrics=("accuracy", "auc")
    ),
    "orl_faces": DataSet(_faces, "person", "10min", _inside("orl_faces", "orl_faces.zip")),
    "magnetic_tile_defect": DataSet(
        _tiles("defect"), "defect", "10min", _inside("magnetic_tile", "magnetic_tile.zip"), ("accuracy", "auc")
    ),
    "magnetic_tile_which": DataSet(
        _tiles("label"), "label", "10min", _inside("magnetic_tile", "magnetic_tile.zip"), ("accuracy", "macro_f1")
    ),
    "sst2": DataSet(_split("sst/sst2.csv.gz", "label", "text", train=("train", "dev")), "label", "10min"),
    "sst5": DataSet(_split("sst/sst5.csv.gz", "label", "text", train=("train", "dev")), "label", "10min"),
    "trec": DataSet(_split("trec/trec.csv.gz", "coarse", "text"), "coarse", "5min"),
    "ag_news_small": DataSet(_split("ag_news_small/ag_news_small.csv.gz", "label", "text"), "label", "10min"),
    "clinc150": DataSet(
        _split("clinc150/clinc150_full.csv.gz", "intent", "text", train=("train", "val")), "intent", "10min"
    ),
    "fsdd": DataSet(_split("fsdd/index.csv.gz", "file", "digit"), "digit", "10min", _inside("fsdd", "recordings.zip")),
}


# --- the measurement


def measure(name: str, data: DataSet, *, develop: bool, budget: str) -> None:
    """Train on one data set, predict its test rows, and write the scores down."""
    learn, judge = data.load()
    if develop:
        learn, judge = _held_back(learn, data.target)
    features = {data.target: "category"}
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        run = lamina.train(
            learn, data.target, features=features, budget=budget, seed=SEED, split__test=0.0, baselines="none",
            progress=True, out=Path(folder) / "run", **data.settings,
        )  # fmt: skip
        seconds = time.perf_counter() - start
        said = run.predict(judge)
        metrics = scores(data, judge[data.target].cast(pl.String), said)
        training = json.loads((run.path / "run.json").read_text())["training"]
        document = {"networks": len(training["networks"]), "parameters": training["parameters"]}
    append(
        name, metrics, seconds=seconds, trial=develop or budget != data.budget,
        settings={"budget": budget, "judged by": "held-back training rows" if develop else "test rows", **document},
    )  # fmt: skip


def _held_back(learn: pl.DataFrame, target: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """A part of the training rows to judge by, so that the test rows stay unseen while things are tried out."""
    places = np.arange(len(learn))
    teach, judge = train_test_split(
        places,
        test_size=max(len(learn) // 8, learn[target].n_unique()),
        stratify=learn[target].to_numpy(),
        random_state=1,
    )
    return learn[np.sort(teach)], learn[np.sort(judge)]


def scores(data: DataSet, truth: pl.Series, said: pl.DataFrame) -> dict[str, float]:
    """The metrics of a data set, by scikit-learn."""
    answers = said[data.target].cast(pl.String)
    found = {}
    if "accuracy" in data.metrics:
        found["accuracy"] = accuracy_score(truth, answers)
    if "macro_f1" in data.metrics:
        found["macro_f1"] = f1_score(truth, answers, average="macro")
    if "auc" in data.metrics:
        positive = sorted(truth.unique())[-1]
        found["auc"] = roc_auc_score(truth == positive, said[f"{data.target}_probability_{positive}"])
    return {name: float(value) for name, value in found.items()}


def main() -> None:
    """Measure the data sets that are named."""
    parser = argparse.ArgumentParser(description="Scores on pictures, texts and sounds.")
    parser.add_argument("sets", nargs="*", metavar="SET", help=f"of {', '.join(SETS)}; all if none")
    parser.add_argument("--develop", action="store_true", help="held-back training rows judge; held against no bar")
    parser.add_argument("--quick", action="store_true", help="ten seconds each; held against no bar")
    parser.add_argument("--budget", help="another budget; held against no bar")
    arguments = parser.parse_args()
    for name in arguments.sets or SETS:
        data = SETS[name]
        budget = "10s" if arguments.quick else arguments.budget or data.budget
        measure(name, data, develop=arguments.develop or arguments.quick, budget=budget)


if __name__ == "__main__":
    main()
