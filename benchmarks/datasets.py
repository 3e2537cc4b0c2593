"""The staged sets of pictures, texts and sounds: which rows teach, which judge, and by what.

The data lie in ``../shared/data``, with the splits of its README. What a column holds is given as a user would give it:
names of files in a zip, arrays, texts as they are written.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
from results import ROOT
from sklearn.model_selection import train_test_split

__all__ = ["DATA", "SETS", "DataSet", "Tables", "arrays", "held_back", "split"]

DATA = ROOT.parent / "shared" / "data"

Tables = tuple[pl.DataFrame, pl.DataFrame]


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

    load: Callable[[], Tables]
    target: str
    budget: str
    settings: dict[str, Any] = dataclasses.field(default_factory=dict)
    metrics: tuple[str, ...] = ("accuracy",)


def held_back(learn: pl.DataFrame, target: str) -> Tables:
    """An eighth of the training rows to judge by, so that the test rows stay unseen while things are tried out."""
    teach, judge = train_test_split(
        np.arange(len(learn)),
        test_size=max(len(learn) // 8, learn[target].n_unique()),
        stratify=learn[target].to_numpy(),
        random_state=1,
    )
    return learn[np.sort(teach)], learn[np.sort(judge)]


def arrays(name: str, *parts: str) -> Callable[[], Tables]:
    """Pictures of an .npz file as array cells; the last part is the test rows, the others are for training."""

    def load() -> Tables:
        with np.load(DATA / name / f"{name}.npz") as held:
            frames = [
                pl.DataFrame({"image": held[f"{part}_images"], "label": held[f"{part}_labels"].ravel()})
                .with_columns(pl.col("label").cast(pl.String))
                for part in parts
            ]  # fmt: skip
        return pl.concat(frames[:-1]), frames[-1]

    return load


def split(path: str, *kept: str, train: tuple[str, ...] = ("train",)) -> Callable[[], Tables]:
    """A table with a column ``split``; its columns ``kept`` as they are written."""

    def load() -> Tables:
        table = pl.read_csv(DATA / path, infer_schema=False)
        learn, judge = (table.filter(pl.col("split").is_in(names)) for names in (train, ("test",)))
        return learn.select(kept), judge.select(kept)

    return load


def _faces() -> Tables:
    """Pictures 1 to 5 of each person teach, 6 to 10 judge."""
    rows = [(f"s{person}/{place}.png", f"s{person}", place) for person in range(1, 41) for place in range(1, 11)]
    table = pl.DataFrame(rows, schema=["file", "person", "place"], orient="row")
    return tuple(table.filter(half).drop("place") for half in (pl.col("place") <= 5, pl.col("place") > 5))  # type: ignore[return-value]


def _tiles(target: str) -> Callable[[], Tables]:
    """A fifth of the tiles judge, stratified."""

    def load() -> Tables:
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


_TILES = _inside("magnetic_tile", "magnetic_tile.zip")
_CIFAR = split("cifar10/index.csv.gz", "file", "label"), "label"

SETS = {
    "fashion_mnist": DataSet(arrays("fashion_mnist", "train", "test"), "label", "15min"),
    "fashion_mnist_40": DataSet(arrays("fashion_mnist", "train", "test"), "label", "40min"),
    "cifar10": DataSet(*_CIFAR, "20min", _inside("cifar10", "cifar10.zip")),
    "cifar10_weights": DataSet(
        *_CIFAR, "5min",
        _inside("cifar10", "cifar10.zip")
        | {"weights": str(DATA / "weights_cifar_resnet" / "resnet20_cifar10.npz"), "learn": "head"},
    ),
    "pneumoniamnist": DataSet(
        arrays("pneumoniamnist", "train", "val", "test"), "label", "5min", metrics=("accuracy", "auc")
    ),
    "orl_faces": DataSet(_faces, "person", "10min", _inside("orl_faces", "orl_faces.zip")),
    "magnetic_tile_defect": DataSet(_tiles("defect"), "defect", "6min", _TILES, ("accuracy", "auc")),
    "magnetic_tile_which": DataSet(_tiles("label"), "label", "6min", _TILES, ("accuracy", "macro_f1")),
    "sst2": DataSet(split("sst/sst2.csv.gz", "label", "text", train=("train", "dev")), "label", "10min"),
    "sst5": DataSet(split("sst/sst5.csv.gz", "label", "text", train=("train", "dev")), "label", "10min"),
    "trec": DataSet(split("trec/trec.csv.gz", "coarse", "text"), "coarse", "5min"),
    "ag_news_small": DataSet(split("ag_news_small/ag_news_small.csv.gz", "label", "text"), "label", "10min"),
    "clinc150": DataSet(
        split("clinc150/clinc150_full.csv.gz", "intent", "text", train=("train", "val")), "intent", "10min"
    ),
    "fsdd": DataSet(split("fsdd/index.csv.gz", "file", "digit"), "digit", "10min", _inside("fsdd", "recordings.zip")),
}  # fmt: skip
