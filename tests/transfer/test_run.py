"""Weights of a run: its network, its column's state, and what learns on."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from safetensors.torch import load_file, save_file

import lamina
from lamina.errors import DamagedRunError, DataError, SettingError, UsageError
from lamina.files import read_json
from lamina.runs.manifest import write_manifest

Pictures = Callable[[int, int], pl.DataFrame]
Fit = Callable[..., lamina.Run]


def backbone(run: lamina.Run) -> dict[str, torch.Tensor]:
    state = run.predictor.model.state_dict()
    return {name: value for name, value in state.items() if name.startswith("backbones.")}


def test_a_run_starts_from_another_and_takes_its_column_over(source: lamina.Run, pictures: Pictures, fit: Fit) -> None:
    table = pictures(60, 1).rename({"photo": "scan"})
    run = fit("run", table, weights=source.path, learn="head")
    assert run.plan.model.image == {"name": "cnn", "width": 4, "depth": 2}
    before, after = (read_json(one.path / "features.json")["inputs"][0] for one in (source, run))
    assert after["column"] == "scan" and after["state"] == before["state"]
    old, new = backbone(source), backbone(run)
    assert all(torch.equal(old[name], value) for name, value in new.items())


@pytest.mark.parametrize("learn", ["all", "last"])
def test_what_learns_moves_and_what_does_not_stays_bit_by_bit(
    source: lamina.Run, pictures: Pictures, fit: Fit, learn: str
) -> None:
    """Of a frozen layer also the running statistics stay, though the rest is in training mode."""
    run = fit("run", pictures(60, 1), weights=source.path, learn=learn)
    old, new = backbone(source), backbone(run)
    moved = {int(name.split(".")[3]) for name, value in new.items() if not torch.equal(value, old[name])}
    places = {int(name.split(".")[3]) for name in new}
    assert moved == (places if learn == "all" else {max(places)})


def test_the_source_is_never_needed_again(source: lamina.Run, pictures: Pictures, fit: Fit, tmp_path: Path) -> None:
    """Not to predict, and not to go on with a larger budget; the start is one of the run's files."""
    copy = shutil.copytree(source.path, tmp_path / "copy")
    table = pictures(60, 1)
    run = fit("run", table, weights=copy, learn="head")
    shutil.rmtree(copy)
    assert "start.safetensors" in lamina.verify(run.path)["files"]
    assert lamina.load(run.path).predict(table[:3]).height == 3
    assert lamina.resume(run.path, budget="9steps", data=table).plan.train.budget == "9steps"


def test_predictions_are_those_of_the_training(source: lamina.Run, pictures: Pictures, fit: Fit) -> None:
    """The head was trained on vectors that were computed once; the whole network gives the same answers."""
    table = pictures(80, 1)
    run = fit("run", table, weights=source.path, learn="head")
    judged = pl.read_parquet(run.path / "predictions.parquet")
    again = run.predict(table)[judged["row"].to_list()]
    name = "label_probability_right"
    assert np.allclose(judged[name], again[name], atol=1e-5)


def test_a_second_column_of_the_kind_starts_too_and_others_learn_as_a_whole(
    source: lamina.Run, pictures: Pictures, fit: Fit
) -> None:
    table = pictures(60, 1).with_columns(size=pl.Series(range(60)).cast(pl.Float64))
    table = table.select("photo", pl.col("photo").alias("other"), "size", "label")
    run = fit("run", table, weights=source.path, learn="head")
    start = load_file(run.path / "start.safetensors")
    assert {name.partition(".")[0] for name in start} == {"image000", "image001"}


def test_training_goes_on_from_a_checkpoint(source: lamina.Run, pictures: Pictures, fit: Fit) -> None:
    """Parts that open later do so at the same step of a run that was stopped between."""
    table = pictures(60, 1)
    said = {"weights": source.path, "learn": "all", "weights__unfreeze": 1.0, "train__batch_size": 16}
    whole = fit("whole", table, budget="12steps", train__schedule="flat", **said)
    parts = fit("parts", table, budget="5steps", train__schedule="flat", **said)
    parts = lamina.resume(parts.path, budget="12steps", data=table)
    one, other = (load_file(run.path / "weights.safetensors") for run in (whole, parts))
    assert all(torch.equal(value, other[name]) for name, value in one.items())


def test_a_changed_run_is_refused(source: lamina.Run, pictures: Pictures, fit: Fit, tmp_path: Path) -> None:
    copy = shutil.copytree(source.path, tmp_path / "copy")
    (copy / "weights.safetensors").write_bytes(b"0" * (copy / "weights.safetensors").stat().st_size)
    with pytest.raises(DamagedRunError, match=r"weights\.safetensors was changed"):
        fit("run", pictures(60, 1), weights=copy)


def test_the_first_tensor_that_does_not_fit_is_named(
    source: lamina.Run, pictures: Pictures, fit: Fit, tmp_path: Path
) -> None:
    copy = shutil.copytree(source.path, tmp_path / "copy")
    tensors = load_file(copy / "weights.safetensors")
    name = next(name for name, one in tensors.items() if name.startswith("backbones.") and one.ndim)
    save_file(tensors | {name: tensors[name][:-1].contiguous()}, copy / "weights.safetensors")
    write_manifest(copy)
    with pytest.raises(DataError, match=f"got {name.removeprefix('backbones.image000.')} "):
        fit("run", pictures(60, 1), weights=copy)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"model": "resnet20"}, UsageError, "got resnet20 · allowed: cnn"),
        ({"model": "mlp"}, UsageError, "got model mlp · allowed: mixed"),
        ({"features": {"photo": {"size": 16}}}, SettingError, "got size=16 · allowed: size=auto"),
        ({"learn": "lora"}, SettingError, "no linear layers for lora · got CNN"),
        ({"inputs": ["size"]}, UsageError, r"got size \(number\) · allowed: image"),
    ],
)
def test_what_does_not_go_together_is_refused(
    source: lamina.Run, pictures: Pictures, fit: Fit, settings: dict[str, object], error: type[Exception], message: str
) -> None:
    table = pictures(60, 1).select("photo", pl.Series("size", np.arange(60.0)), "label")
    with pytest.raises(error, match=message):
        fit("run", table, weights=source.path, **settings)


def test_a_run_over_plain_columns_has_nothing_to_start_from(pictures: Pictures, fit: Fit) -> None:
    table = pl.DataFrame({"size": np.arange(60.0), "label": ["a", "b"] * 30})
    run = fit("plain", table, model="mlp", model__width=4)
    with pytest.raises(UsageError, match="got mlp · allowed: a run of a mixed model"):
        fit("run", pictures(60, 1), weights=run.path)


def test_learning_needs_weights(pictures: Pictures, fit: Fit) -> None:
    with pytest.raises(SettingError, match=r"weights\.learn=head .* there are none · name them: --weights"):
        fit("run", pictures(60, 1), learn="head")
