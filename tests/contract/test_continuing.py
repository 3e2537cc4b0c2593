"""Runs that learn texts from nothing but themselves: with every decoder that can, as far as a run reaches."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import lamina
from lamina.cli import main
from lamina.decoders import DECODERS
from lamina.errors import UsageError
from lamina.training.history import read_history

WORDS = ["the", "old", "dog", "cat", "sees", "a", "and", "runs"]
SMALL: dict[str, Any] = {"width": 16}
HEADS: dict[str, Any] = {"width": 16, "heads": 2, "depth": 1}
NETWORKS = {name: SMALL if name in ("rnn", "lstm", "gru") else HEADS for name in DECODERS if name != "library"}
LEARNING = {"train__learning_rate": 0.01, "train__precision": "float32", "train__batch_size": 8, "task__context": 24}


def prose(words: int, seed: int = 0) -> str:
    draw = np.random.default_rng(seed)
    told = [WORDS[place] + ("." if draw.random() < 0.2 else "") for place in draw.integers(len(WORDS), size=words)]
    return " ".join(told).replace(". ", ".\n")


@pytest.fixture(scope="module")
def bard(tmp_path_factory: pytest.TempPathFactory) -> lamina.Run:
    """A run over one file."""
    folder = tmp_path_factory.mktemp("bard")
    (folder / "plays.txt").write_text(prose(3000))
    return lamina.train(folder / "plays.txt", budget="60steps", out=folder / "run",
                        plan={"model": {"decoder": {"name": "gpt", **HEADS}}}, **LEARNING)  # fmt: skip


@pytest.mark.parametrize("decoder", list(NETWORKS))
def test_trained_judged_loaded(decoder: str, tmp_path: Path) -> None:
    cells = [prose(int(count), seed) for seed, count in enumerate(np.random.default_rng(0).integers(3, 40, 60))]
    run = lamina.train(
        pl.DataFrame({"said": cells}), "said", features={"said": "text"}, budget="16steps", out=tmp_path / "run",
        plan={"model": {"decoder": {"name": decoder, **NETWORKS[decoder]}}}, train__evaluate_every=8, **LEARNING,
    )  # fmt: skip
    assert run.plan.model_name == "language" and run.results["said"]["kind"] == "continue"
    losses = [row["train_loss"] for row in read_history(run.path)]
    assert losses[-1] < losses[0], losses
    one = run.write("the old ", longest=12, seed=1)[0]
    assert "".join(run.write_on("the old ", longest=12, seed=1)) == one.text
    assert lamina.load(run.path).write("the old ", longest=12, seed=1)[0].text == one.text
    again = run.evaluate(pl.DataFrame({"said": cells[:9]}))["said"]["systems"]["network"]["scores"]
    assert set(again) == {"bits_per_byte", "nats", "perplexity"}
    assert again["perplexity"]["value"] == pytest.approx(np.exp(again["nats"]["value"]))


def test_a_file_is_split_by_place_and_judged_beside_counts(bard: lamina.Run) -> None:
    assert bard.plan.data.target == ["text"] and bard.plan.data.inputs == [] and bard.plan.split.time == "place"
    document = bard.results["text"]
    assert list(document["systems"]) == ["network", "unigram", "ngram"] and document["headline"] == "bits_per_byte"
    scores = {name: one["scores"]["bits_per_byte"] for name, one in document["systems"].items()}
    assert scores["ngram"]["value"] < scores["unigram"]["value"]
    assert scores["network"]["value"] < scores["unigram"]["value"]
    assert all(one["low"] < one["value"] < one["high"] for one in scores.values())
    said = pl.read_parquet(bard.path / "predictions.parquet")
    assert said.columns == ["row", "text_true", "text_nats"]
    assert said["row"].to_list() == list(range(said["row"].min(), said["row"].max() + 1))  # type: ignore[arg-type]


def test_evaluating_the_judged_part_gives_the_same(bard: lamina.Run) -> None:
    said = pl.read_parquet(bard.path / "predictions.parquet")
    again = bard.evaluate(pl.DataFrame({"text": said["text_true"]}))["text"]["systems"]["network"]["scores"]
    assert again["nats"]["value"] == pytest.approx(bard.scores["nats"]["value"], rel=1e-5)


def test_the_report_shows_what_it_wrote(bard: lamina.Run) -> None:
    found = json.loads((bard.path / "made.json").read_text())
    assert found["texts"] and set(found["texts"][0]) == {"row", "before", "written", "after"}
    page = bard.report.read_text()
    assert "What it makes" in page and "lamina continue" in page and "runs of 50 characters" in page


def test_a_run_is_the_same_again_and_when_it_was_stopped(bard: lamina.Run, tmp_path: Path) -> None:
    (tmp_path / "plays.txt").write_text(prose(3000))
    plan = {"model": {"decoder": {"name": "gpt", **HEADS}}}
    short = lamina.train(tmp_path / "plays.txt", budget="30steps", out=tmp_path / "run", plan=plan, baselines="none",
                         **LEARNING, train__schedule="flat")  # fmt: skip
    lamina.resume(short.path, budget="60steps")
    whole = lamina.train(tmp_path / "plays.txt", budget="60steps", out=tmp_path / "whole", plan=plan, baselines="none",
                         **LEARNING, train__schedule="flat")  # fmt: skip
    assert lamina.load(short.path).scores["nats"]["value"] == pytest.approx(whole.scores["nats"]["value"], rel=1e-5)


def test_usual_settings_stand_where_nobody_chose_others(bard: lamina.Run, tmp_path: Path) -> None:
    train = bard.plan.train
    assert (train.optimiser, train.weight_decay, train.patience, train.learning_rate) == ("muon", 0.1, 0, 0.01)
    (tmp_path / "plays.txt").write_text(prose(300))
    run = lamina.train(tmp_path / "plays.txt", budget="2steps", out=tmp_path / "run", baselines="none",
                       task__context=16, train__optimiser="adamw", train__warmup=2.0)  # fmt: skip
    assert (run.plan.train.optimiser, run.plan.train.warmup) == ("adamw", 2.0), "those that are usual elsewhere, too"
    assert run.plan.model.decoder["name"] == "gpt"


def test_many_files_stay_whole(tmp_path: Path) -> None:
    for number in range(24):
        (tmp_path / f"{number:02}.txt").write_text(prose(60, number))
    run = lamina.train(str(tmp_path / "*.txt"), budget="4steps", out=tmp_path / "run", baselines="none",
                       plan={"model": {"decoder": {"name": "gpt", **HEADS}}}, **LEARNING)  # fmt: skip
    assert run.plan.split.group == "file"
    judged = set(pl.read_parquet(run.path / "predictions.parquet")["text_true"])
    rows = json.loads((run.path / "run.json").read_text())["rows"]
    assert sum(rows.values()) == json.loads((run.path / "run.json").read_text())["rows_read"]
    assert len(judged) == rows["test"]


def test_on_the_command_line(bard: lamina.Run, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = str(bard.path)
    assert main(["continue", path, "the old", "--longest", "20", "--seed", "3"]) == 0
    told = capsys.readouterr().out
    assert told == "the old" + bard.write("the old", longest=20, seed=3)[0].text + "\n"
    assert main(["continue", path, "the old", "--longest", "20", "--alternatives", "2", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["text"] == "the old" and len(found["written"]) == 2
    assert main(["write", path, "the old", "--longest", "20", "--seed", "3"]) == 0
    assert "the old" + capsys.readouterr().out == told
    assert main(["continue", path]) == 0 and capsys.readouterr().out


def test_what_does_not_go_is_refused(bard: lamina.Run, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="the run continues texts, and reads no columns"):
        bard.write({"text": "the"})
    table = pl.DataFrame({"x": [seed * 0.37 % 1 for seed in range(40)], "said": [prose(9, seed) for seed in range(40)]})
    with pytest.raises(UsageError, match="continue learns the text 'said' from nothing but itself · got inputs x"):
        lamina.train(
            table, "said", features={"said": "text"}, budget="2steps", out=tmp_path / "a", task__name="continue"
        )
    with pytest.raises(UsageError, match=r"does not give what task continue needs"):
        lamina.train(table, "said", inputs=[], features={"said": "text"}, budget="2steps", out=tmp_path / "b",
                     model="encoder_decoder")  # fmt: skip
