"""Scores on real tables, with default settings.

    python benchmarks/accuracy.py                     all data sets
    python benchmarks/accuracy.py adult concrete      some
    python benchmarks/accuracy.py adult --quick       one fold in five seconds, to see that it works

The tables lie in ``../shared/data``. Lamina gets files, as a user would give them, through ``lamina.train`` alone. Its
predictions for the test rows are judged here, by scikit-learn and on every test row, not by Lamina's own scores.
The peer asks for LightGBM and pandas (``pip install lightgbm pandas``).
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import polars as pl
from lightgbm import LGBMClassifier
from results import ROOT, append
from sklearn.metrics import accuracy_score, mean_absolute_error, roc_auc_score, root_mean_squared_error
from sklearn.model_selection import GroupShuffleSplit, KFold

import lamina
from lamina.training.budget import Budget

DATA = ROOT.parent / "shared" / "data"
SEED = 0


@dataclasses.dataclass(frozen=True)
class Part:
    """One split of a data set.

    Attributes:
        fold: its number, None where there is only one.
        train, test: files.
    """

    fold: int | None
    train: Path
    test: Path


@dataclasses.dataclass(frozen=True)
class DataSet:
    """A table and how it is judged.

    Attributes:
        target: the column to predict.
        budget: of one training.
        parts: writes the files of each split into a folder, one split after the other.
        positive: the class whose probability is scored; None for a number.
        group: column that keeps rows together where training holds rows back for its own choices.
        peer: measured beside Lamina on the same files: its ``lightgbm_roc_auc`` is the bar.
    """

    target: str
    budget: str
    parts: Callable[[Path], Iterator[Part]]
    positive: str | None = None
    group: str | None = None
    peer: Callable[[DataSet, Part], dict[str, float]] | None = None


# --- the splits


def _text(path: Path, *left_out: str) -> pl.DataFrame:
    """A table with its cells as they are written, so that what Lamina gets is what the file says."""
    return pl.read_csv(path, infer_schema=False).drop(left_out)


def _adult(folder: Path) -> Iterator[Part]:
    yield Part(None, DATA / "adult" / "train.csv.gz", DATA / "adult" / "test.csv.gz")


def _folds(name: str, *left_out: str) -> Callable[[Path], Iterator[Part]]:
    def parts(folder: Path) -> Iterator[Part]:
        table = _text(DATA / name / f"{name}.csv.gz", *left_out)
        splits = KFold(5, shuffle=True, random_state=0).split(np.arange(len(table)))
        for fold, (learn, judge) in enumerate(splits):
            yield _write(folder, fold, table[learn], table[judge])

    return parts


def _diabetes(folder: Path) -> Iterator[Part]:
    """Test patients are none of the training patients. The patient's number is for splitting, and is not an input."""
    table = _text(DATA / "diabetes130" / "diabetic_data.csv.gz", "encounter_id")
    soon = pl.when(pl.col("readmitted") == "<30").then(pl.lit("yes")).otherwise(pl.lit("no"))
    table = table.with_columns(soon.alias("soon")).drop("readmitted")
    splitter = GroupShuffleSplit(n_splits=1, test_size=0.2, random_state=0)
    learn, judge = next(splitter.split(np.arange(len(table)), groups=table["patient_nbr"].to_numpy()))
    yield _write(folder, None, table[learn], table[judge])


def _write(folder: Path, fold: int | None, train: pl.DataFrame, test: pl.DataFrame) -> Part:
    part = Part(fold, folder / f"train{fold or 0}.csv", folder / f"test{fold or 0}.csv")
    train.write_csv(part.train)
    test.write_csv(part.test)
    return part


# --- the peer


def _lightgbm(data: DataSet, part: Part) -> dict[str, float]:
    """ROC-AUC of LightGBM's defaults on all training rows, with words in two ways.

    As its own category type, which is what it offers for them and so the bar; and as plain codes in alphabetical order,
    which happens to do better on columns of many rare codes, and is noted beside it.
    """
    train, test = (
        pl.read_csv(path, null_values=["?"], infer_schema_length=None).drop(data.group or []).to_pandas()
        for path in (part.train, part.test)
    )
    wanted, known = train.pop(data.target) == data.positive, test.pop(data.target) == data.positive
    for name in train.columns:
        if not pandas.api.types.is_numeric_dtype(train[name]):
            kind = pandas.CategoricalDtype(sorted(train[name].dropna().unique()))
            # Words that are not among the training rows become missing.
            train[name] = train[name].where(train[name].isin(kind.categories)).astype(kind)
            test[name] = test[name].where(test[name].isin(kind.categories)).astype(kind)

    def score(learn: Any, judge: Any) -> float:
        model = LGBMClassifier(random_state=SEED, verbose=-1).fit(learn, wanted)
        return float(roc_auc_score(known, np.asarray(model.predict_proba(judge))[:, 1]))

    return {"lightgbm_roc_auc": score(train, test), "lightgbm_codes_roc_auc": score(_codes(train), _codes(test))}


def _codes(table: Any) -> Any:
    """Categories as whole numbers, missing ones as -1."""
    return table.apply(lambda cells: cells.cat.codes if isinstance(cells.dtype, pandas.CategoricalDtype) else cells)


SETS = {
    "adult": DataSet("income", "10min", _adult, positive=">50K"),
    "california_housing": DataSet("median_house_value", "5min", _folds("california_housing")),
    "bike_sharing": DataSet("cnt", "5min", _folds("bike_sharing", "instant", "dteday")),
    "concrete": DataSet("strength", "5min", _folds("concrete")),
    "diabetes130": DataSet("soon", "10min", _diabetes, positive="yes", group="patient_nbr", peer=_lightgbm),
}


# --- measuring


def _seconds(budget: str) -> float:
    return Budget.parse(budget).seconds or math.inf


def measure(name: str, budget: str | None, quick: bool) -> None:
    """Train on each split, judge, and write a row for each and one for their mean."""
    data, rows = SETS[name], []
    trial = quick or _seconds(budget or data.budget) > _seconds(data.budget)  # a shorter budget only makes it harder
    settings = {"budget": budget or ("5s" if quick else data.budget), "baselines": "none", "seed": SEED}
    with tempfile.TemporaryDirectory() as folder:
        for part in data.parts(Path(folder)):
            metrics, seconds, told = _train(data, part, settings, Path(folder) / f"run{part.fold or 0}")
            bars, versions = {}, {}
            if data.peer is not None:
                metrics |= data.peer(data, part)
                bars, versions = {"roc_auc": metrics["lightgbm_roc_auc"]}, {"lightgbm": version("lightgbm")}
            row = append(
                name, metrics, seconds=seconds, settings=settings, trial=trial, measured_bars=bars,
                versions=versions, fold=part.fold, **told,
            )  # fmt: skip
            rows.append(row)
            if quick:
                return
    if len(rows) > 1:
        means = {metric: float(np.mean([row["metrics"][metric] for row in rows])) for metric in rows[0]["metrics"]}
        append(name, means, seconds=sum(row["seconds"] for row in rows), settings=settings, trial=trial, fold="mean")


def _train(
    data: DataSet, part: Part, settings: dict[str, Any], out: Path
) -> tuple[dict[str, float], float, dict[str, Any]]:
    """(metrics on the test rows, seconds of training with all that belongs to it, what else is worth knowing)."""
    start = time.perf_counter()
    run = lamina.train(part.train, data.target, test=part.test, group=data.group, out=out, **settings)
    seconds = time.perf_counter() - start
    truth = _text(part.test)[data.target]
    predicted = run.predict(part.test)
    if data.positive is None:
        wanted, given = truth.cast(pl.Float64).to_numpy(), predicted[data.target].to_numpy()
        metrics = {"rmse": root_mean_squared_error(wanted, given), "mae": mean_absolute_error(wanted, given)}
    else:
        probability = predicted[f"{data.target}_probability_{data.positive}"]
        metrics = {
            "accuracy": accuracy_score(truth == data.positive, predicted[data.target] == data.positive),
            "roc_auc": roc_auc_score(truth == data.positive, probability),
        }
    return {name: float(value) for name, value in metrics.items()}, seconds, _told(out, len(truth))


def _told(out: Path, test_rows: int) -> dict[str, Any]:
    """Rows of each part, and how far and how long each network was trained, and why it stopped."""
    run = json.loads((out / "run.json").read_text())
    aside = pl.read_parquet(out / "set_aside.parquet")
    networks = run["training"]["networks"]
    return {
        "rows": {**run["rows"], "set_aside": len(aside), "judged": test_rows},
        "networks": [{name: network[name] for name in ("step", "best_step", "stopped")} for network in networks],
        "train_seconds": round(run["training"]["seconds"], 2),
        "parameters": run["training"]["parameters"],
    }


def main() -> None:
    """Measure the data sets that are named."""
    parser = argparse.ArgumentParser(description="Scores on real tables, with default settings.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(SETS)}; all if none is named")
    parser.add_argument("--budget", help="of one training; with a longer one than the bar's, it is held against no bar")
    parser.add_argument("--quick", action="store_true", help="one fold in five seconds; held against no bar")
    arguments = parser.parse_args()
    for name in arguments.names:
        if name not in SETS:
            parser.error(f"no such data set · got {name} · allowed: {', '.join(SETS)}")
    if not DATA.is_dir():
        parser.error("there is no ../shared/data beside the repository, where the tables should lie")
    for name in arguments.names or SETS:
        measure(name, arguments.budget, arguments.quick)


if __name__ == "__main__":
    main()
