"""Runs whose target is a label for each word: from the table to predictions, scores and the report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from orders import orders
from polars.testing import assert_frame_equal

import lamina
from lamina.cli import main
from lamina.errors import DataError, SettingError, UsageError
from lamina.files import read_json
from lamina.tasks.tag import Tag
from lamina.training.history import read_history

QUICK: dict[str, Any] = {
    "train__threads": 1,
    "train__tensorboard": False,
    "train__precision": "float32",
    "train__learning_rate": 0.02,
    "train__batch_size": 32,
    "evaluate__resamples": 50,
}
SMALL = {
    "name": "tagger",
    "width": 16,
    "letters": 8,
    "buckets": 1000,
    "text": {"name": "gru", "width": 16, "dropout": 0.1},
}


def fit(folder: Path, table: pl.DataFrame, **settings: Any) -> lamina.Run:
    given = {"budget": "12steps", "plan": {"model": SMALL}, "baselines": "none", **QUICK} | settings
    return lamina.train(table, "slots", out=folder / "run", **given)


@pytest.fixture(scope="module")
def tagger(tmp_path_factory: pytest.TempPathFactory) -> lamina.Run:
    """A run that has learned to label words."""
    return fit(tmp_path_factory.mktemp("runs"), orders(240), budget="60steps", baselines="all")


def test_it_labels_what_it_has_not_seen(tagger: lamina.Run) -> None:
    new = orders(60, seed=1)
    document = tagger.evaluate(new)["slots"]
    assert document["kind"] == "tag" and document["headline"] == "span_f1" and document["rows"] == 60
    scores = document["systems"]["network"]["scores"]
    assert scores["span_f1"]["value"] > 0.95 and scores["accuracy"]["value"] > 0.95
    said = tagger.predict(new.select("said"))
    assert said.columns == ["slots", "slots_sureness"] and said["slots_sureness"].is_between(0, 1).all()
    exact = (said["slots"].list.join(" ") == new["slots"]).mean()
    assert scores["exact"]["value"] == pytest.approx(exact)


def test_baselines_stand_beside_it(tagger: lamina.Run) -> None:
    systems = tagger.results["slots"]["systems"]
    assert list(systems) == ["network", "constant", "words"]
    assert systems["constant"]["scores"]["span_f1"]["value"] == 0
    assert 0.3 < systems["words"]["scores"]["span_f1"]["value"] < 1
    assert "F1 of spans" in tagger.verdict


def test_the_same_after_loading_and_of_each_row_alone(tagger: lamina.Run) -> None:
    new = orders(12, seed=2)
    said = tagger.predict(new)
    assert lamina.load(tagger.path).predict(new).equals(said)
    assert_frame_equal(pl.concat([tagger.predict(new[row : row + 1]) for row in range(12)]), said, rel_tol=1e-4)
    words = new.with_columns(pl.col("said").str.split(" "))
    assert tagger.predict(words).equals(said), "words may come as a list"


def test_rows_without_words(tagger: lamina.Run) -> None:
    said = tagger.predict(pl.DataFrame({"said": [None, "to rome", "  "]}))
    assert said["slots"].to_list() == [[], ["O", "B-place"], []]


def test_samples_show_words_with_their_labels(tagger: lamina.Run) -> None:
    for row in read_json(tagger.path / "samples.json"):
        target = row["targets"]["slots"]
        assert ": place]" in target["truth"] and "[" in target["answer"] and target["sure"].startswith("sureness")
    assert ": place]" in (tagger.path / "report.html").read_text()


def test_predictions_are_lists_in_json_and_text_in_csv(tagger: lamina.Run, tmp_path: Path) -> None:
    data = tmp_path / "new.csv"
    orders(3, seed=4).select("said").write_csv(data)
    for name in ("out.csv", "out.jsonl", "out.parquet"):
        assert main(["predict", str(tagger.path), str(data), "--out", str(tmp_path / name)]) == 0
    lists = [json.loads(line)["slots"] for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert pl.read_csv(tmp_path / "out.csv")["slots"].to_list() == [" ".join(labels) for labels in lists]
    assert pl.read_parquet(tmp_path / "out.parquet")["slots"].to_list() == lists


def test_a_run_of_labels_writes_no_text(tagger: lamina.Run) -> None:
    with pytest.raises(UsageError, match="the run predicts no text"):
        tagger.write("to rome")


@pytest.mark.parametrize(
    ("model", "task"),
    [
        ({**SMALL, "text": "lstm", "chain": False}, {}),
        ({**SMALL, "text": {"name": "transformer", "width": 16}, "letters": 0}, {"lawful": False}),
        ("auto", {}),
    ],
    ids=["lstm", "transformer", "auto"],
)
def test_it_learns_with_other_settings(model: Any, task: dict[str, Any], tmp_path: Path) -> None:
    run = fit(tmp_path, orders(80), plan={"model": model}, task=task)
    losses = [row["valid_loss"] for row in read_history(run.path)]
    assert losses[-1] < losses[0]
    assert read_json(run.path / "plan.json")["model"]["name"] == "tagger"


def test_labels_without_spans_and_other_columns_beside_the_words(tmp_path: Path) -> None:
    table = orders(80).with_columns(pl.col("slots").str.replace_all("[BI]-", ""), hour=pl.int_range(80) % 24)
    run = fit(tmp_path, table, baselines="all", features={"slots": {"kind": "tags", "of": "said"}})
    assert run.results["slots"]["headline"] == "accuracy"
    assert "span_f1" not in run.results["slots"]["systems"]["network"]["scores"]
    assert len(run.predict(table.head(3))["slots"][0]) == len(table["said"][0].split())
    assert "/place" in read_json(run.path / "samples.json")[0]["targets"]["slots"]["truth"]


def test_words_that_nobody_reads(tmp_path: Path) -> None:
    long = orders(80).with_columns(pl.col("said") + " now" * 30, pl.col("slots") + " O" * 30)
    run = fit(tmp_path, long, features={"said": {"kind": "text", "longest": 20}})
    lengths = run.predict(long.head(5))["slots"].list.len()
    assert (lengths < 25).all() and (lengths > 5).all()


def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    table = orders(40).with_columns(hour=pl.int_range(40) % 24)
    with pytest.raises(UsageError, match="'slots' labels the words of 'said', which is not an input · got hour"):
        fit(tmp_path, table, inputs=["hour"])
    with pytest.raises(UsageError, match="the model does not give what task tag needs"):
        fit(tmp_path, table, plan={"model": "mixed"})
    with pytest.raises(SettingError, match="tokens=words"):
        fit(tmp_path, table, features={"said": {"kind": "text", "tokens": "words"}})
    table[17, "slots"] = "O"
    with pytest.raises(DataError, match=r"one label for each word of 'said' · got 1 labels and \d words in row 17 \("):
        fit(tmp_path, table, features={"slots": "tags", "said": "text"})
    assert not (tmp_path / "run").exists()


def test_the_task_is_named_like_the_target() -> None:
    assert Tag.name == "tag" and Tag.kinds == ("tags",)
