"""Pre-training from a table to a run, and what starts from it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from safetensors.torch import load_file

import lamina
from lamina.cli import main
from lamina.errors import DataError, MissingColumnError, NotARunError, SettingError, UsageError
from lamina.files import read_json
from lamina.pipeline.pretrain import Pretrained
from lamina.training.loop import Trainer

QUICK: dict[str, Any] = {
    "train__tensorboard": False,
    "train__threads": 1,
    "model__image": {"name": "cnn", "width": 4, "depth": 2},
    "model__text": {"name": "bag", "width": 8, "buckets": 50},
}
WORDS = ["goal", "match", "team", "cup", "share", "bank", "market", "price"]


def make_table(rows: int, seed: int) -> pl.DataFrame:
    """Bright squares on either side, and words of one of two kinds, with a class and a number."""
    draw = np.random.default_rng(seed)
    kind = draw.integers(0, 2, rows)
    pixels = draw.integers(0, 60, (rows, 8, 8, 3)).astype(np.uint8)
    for picture, one in zip(pixels, kind, strict=True):
        picture[1:5, 4 * one : 4 * one + 3] += 120
    said = [" ".join(draw.choice(WORDS[4 * one : 4 * one + 4], 6)) for one in kind]
    return pl.DataFrame(
        {
            "photo": pl.Series("photo", pixels, dtype=pl.Array(pl.UInt8, (8, 8, 3))),
            "said": said,
            "size": draw.normal(size=rows),
            "label": np.where(kind, "right", "left"),
        }
    )


def pretrain(table: pl.DataFrame, out: Path, **settings: Any) -> Pretrained:
    return lamina.pretrain(
        table, out=out, **{"budget": "8steps", "features": {"said": "text", "label": "category"}, **QUICK, **settings}
    )


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Pretrained:
    """A finished pre-training of pictures and texts."""
    return pretrain(make_table(100, 0), tmp_path_factory.mktemp("source") / "run")


def test_it_leaves_a_run_that_can_be_verified(source: Pretrained) -> None:
    files = lamina.verify(source.path)["files"]
    assert {"weights.safetensors", "features.json", "plan.json", "pretext.json", "set_aside.parquet"} <= set(files)
    assert read_json(source.path / "run.json")["kind"] == "pretraining"
    assert not (source.path / "store").exists() and not (source.path / "checkpoint").exists()
    columns = [feature["column"] for feature in read_json(source.path / "features.json")["inputs"]]
    assert columns == ["photo", "said"]  # what is a plain value has no pretext
    assert all(name.startswith("backbones.") for name in load_file(source.path / "weights.safetensors"))
    assert source.loss is not None and source.loss <= source.history[0]["valid_loss"]


def test_every_row_is_accounted_for(source: Pretrained) -> None:
    run = read_json(source.path / "run.json")
    aside = pl.read_parquet(source.path / "set_aside.parquet")
    assert run["rows_read"] == sum(run["rows"].values()) + len(aside) == 100
    assert run["rows"]["test"] == 0 and run["rows"]["valid"] > 0


def test_a_run_starts_from_it(source: Pretrained, tmp_path: Path) -> None:
    """With its networks and with what its features had learned; those columns may bear other names."""
    table = make_table(60, 1).rename({"photo": "scan"})
    run = lamina.train(
        table, "label", inputs=["scan", "said", "size"], features={"said": "text"}, weights=source.path, learn="head",
        budget="4steps", baselines="none", out=tmp_path / "run", evaluate__resamples=10, train__tensorboard=False,
        train__threads=1,
    )  # fmt: skip
    assert run.plan.model.image == QUICK["model__image"]
    old, new = load_file(source.path / "weights.safetensors"), run.predictor.model.state_dict()
    assert all(torch.equal(new[name], value) for name, value in old.items())
    before, after = (
        {feature["kind"]: feature["state"] for feature in read_json(one.path / "features.json")["inputs"]}
        for one in (source, run)
    )
    assert before["image"] == after["image"] and before["text"] == after["text"]


def train(source: Pretrained, out: Path, **settings: Any) -> lamina.Run:
    """A run that starts from its networks."""
    return lamina.train(
        make_table(60, 1), "label", inputs=["photo", "said"], features={"said": "text"}, weights=source.path,
        budget="4steps", baselines="none", out=out, evaluate__resamples=10, train__tensorboard=False, train__threads=1,
        **settings,
    )  # fmt: skip


def test_companions_start_from_nothing_and_read_the_same_tokens(source: Pretrained, tmp_path: Path) -> None:
    run = train(source, tmp_path / "run", train__networks=4, train__companions=["textcnn"], train__learning_rate=1e-9)
    old = load_file(source.path / "weights.safetensors")
    networks = [dict(network.named_parameters()) for network in run.predictor.model.networks]

    def moved(place: int, name: str) -> bool:
        return not torch.allclose(networks[place][name], old[name])

    assert not any(moved(place, name) for place in (0, 2) for name in networks[place] if name in old)
    pictures = [name for name in networks[1] if name in old and "image" in name]
    assert any(moved(1, name) for name in pictures) and any(moved(3, name) for name in pictures)
    assert all(any("convolutions" in name for name in networks[place]) for place in (1, 3))
    assert lamina.load(run.path).predict(make_table(9, 2)).equals(run.predict(make_table(9, 2)))


def test_companions_do_not_learn_beside_a_head_alone(source: Pretrained, tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="companions learn as a whole"):
        train(source, tmp_path / "run", train__companions=["textcnn"], learn="head")


def test_the_same_seed_gives_the_same_weights_also_if_it_was_stopped(
    source: Pretrained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = Trainer._step

    def stopping(self: Trainer, batch: Any) -> None:
        step(self, batch)
        if self.position.step == 5:
            self.ask_to_stop()

    monkeypatch.setattr(Trainer, "_step", stopping)
    with pytest.raises(KeyboardInterrupt, match="stopped at step 5; go on with: lamina resume"):
        pretrain(make_table(100, 0), tmp_path / "run")
    monkeypatch.undo()
    resumed = lamina.resume(tmp_path / "run")
    assert isinstance(resumed, Pretrained) and len(resumed.history) == len(source.history)
    weights = [(folder / "weights.safetensors").read_bytes() for folder in (source.path, resumed.path)]
    assert weights[0] == weights[1]


def test_what_has_no_target_cannot_predict(source: Pretrained) -> None:
    with pytest.raises(NotARunError, match="has learned no target · lamina train DATA --target COLUMN --weights"):
        lamina.load(source.path)


def test_a_finished_one_is_not_gone_on_with(source: Pretrained) -> None:
    for settings in ({}, {"budget": "20steps"}):
        with pytest.raises(UsageError, match="goes on only where it was interrupted"):
            lamina.resume(source.path, **settings)


def test_the_pretext_may_be_named(tmp_path: Path) -> None:
    run = pretrain(make_table(40, 0), tmp_path / "run", inputs=["photo"], pretext="rotation", budget="2steps")
    assert run.pretexts.image == "rotation"


@pytest.mark.parametrize(
    ("settings", "error", "said"),
    [
        ({"inputs": ["size"]}, UsageError, "there is no pretext for column 'size' · got number"),
        ({"inputs": ["foto"]}, MissingColumnError, "did you mean photo?"),
        ({"pretext": "rotate"}, SettingError, "did you mean rotation?"),
        ({"pretext__image__crop": 0.5}, SettingError, "setting pretext"),
        ({"model": "tabm"}, UsageError, "model tabm does not read column 'photo'"),
        ({"plan": {"data": {"target": ["label"]}}}, UsageError, "pre-training has no target"),
    ],
)
def test_what_cannot_be_is_said_and_leaves_nothing(
    settings: dict[str, Any], error: type[Exception], said: str, tmp_path: Path
) -> None:
    if "pretext__image__crop" in settings:  # a group within a name: it must say which pretext
        settings = {"pretext__image": {"name": "contrastive", "crop": 2}}
    if "model" in settings:
        settings = {**settings, "model__image": None, "model__text": None}
    quick = {name: value for name, value in {**QUICK, **settings}.items() if value is not None}
    with pytest.raises(error) as raised:
        lamina.pretrain(make_table(30, 0), out=tmp_path / "run", budget="2steps", **quick)
    assert said in str(raised.value)
    assert not (tmp_path / "run").exists()


def test_a_table_of_numbers_alone_has_nothing_to_learn_from(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no column can be learned from without a target"):
        lamina.pretrain(make_table(30, 0).select("size"), out=tmp_path / "run")


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pl.DataFrame({"said": make_table(60, 0)["said"]}).write_csv(tmp_path / "notes.csv")
    words = ["pretrain", str(tmp_path / "notes.csv"), "--model", "bag", "--feature", "said=text", "--budget", "3steps"]
    assert main([*words, "--out", str(tmp_path / "runs" / "one"), "--set", "train.threads=1"]) == 0
    printed = capsys.readouterr().out
    assert "steps   3 in" in printed and "lamina train DATA --target COLUMN --weights" in printed
    assert main(["runs", str(tmp_path / "runs")]) == 0
    line = capsys.readouterr().out.splitlines()[1]
    assert "finished" in line and "pretraining" in line
