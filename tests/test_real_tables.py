"""Whole runs on real tables, short ones: what they must reach is well above chance and below what they can do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

import lamina

pytestmark = [pytest.mark.data, pytest.mark.slow]

QUICK: dict[str, Any] = {"baselines": "none", "train__threads": 1, "train__tensorboard": False}


def test_adult_by_its_official_split(shared_data: Path, tmp_path: Path) -> None:
    folder = shared_data / "adult"
    run = lamina.train(
        folder / "train.csv.gz", "income", test=folder / "test.csv.gz", budget="3epochs", out=tmp_path / "run", **QUICK
    )
    assert run.scores["roc_auc"]["low"] > 0.90
    assert run.scores["accuracy"]["value"] > 0.85
    aside = pl.read_parquet(run.path / "set_aside.parquet")
    predictions = pl.read_parquet(run.path / "predictions.parquet")
    assert len(predictions) == 16_281, "training rows may be set aside, test rows never"
    assert set(aside["reason"]) <= {
        "a train row equal to a test row on every input",
        "a valid row equal to a test row on every input",
    }


def test_concrete_beats_the_linear_model(shared_data: Path, tmp_path: Path) -> None:
    run = lamina.train(
        shared_data / "concrete" / "concrete.csv.gz", "strength", budget="60epochs", out=tmp_path / "run",
        **{**QUICK, "baselines": "linear"},
    )  # fmt: skip
    systems = run.results["strength"]["systems"]
    assert systems["network"]["scores"]["rmse"]["value"] < 0.7 * systems["linear"]["scores"]["rmse"]["value"]
    assert 0.8 < run.scores["coverage"]["value"] <= 1


def test_bike_sharing_scales_the_root_of_counts(shared_data: Path, tmp_path: Path) -> None:
    run = lamina.train(
        shared_data / "bike_sharing" / "bike_sharing.csv.gz", "cnt", budget="6epochs", out=tmp_path / "run", **QUICK
    )
    (feature,) = run.predictor.encoder.targets
    assert feature.state.root
    assert "instant" not in run.predictor.encoder.layout.columns
    assert run.scores["r2"]["value"] > 0.85


def test_patients_stay_on_one_side(shared_data: Path, tmp_path: Path) -> None:
    source = pl.read_csv(shared_data / "diabetes130" / "diabetic_data.csv.gz", infer_schema=False).head(20_000)
    table = source.drop("encounter_id").with_columns((pl.col("readmitted") == "<30").alias("soon")).drop("readmitted")
    run = lamina.train(table, "soon", group="patient_nbr", budget="1epochs", out=tmp_path / "run", **QUICK)
    assert "patient_nbr" not in run.predictor.encoder.layout.columns
    test_rows = pl.read_parquet(run.path / "predictions.parquet")["row"]
    aside = pl.read_parquet(run.path / "set_aside.parquet")["row"]
    others = pl.Series(sorted(set(range(len(table))) - set(test_rows) - set(aside)))
    patients = table["patient_nbr"]
    assert not set(patients.gather(test_rows)) & set(patients.gather(others))
