"""Choosing a sentence: the loss by its formula, and runs from table to summary."""

from __future__ import annotations

import gzip
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from torch import Tensor

import lamina
from lamina.cli import main
from lamina.config import check
from lamina.errors import SettingError, UsageError
from lamina.evaluation.text.rouge import figure, statistics
from lamina.features.sentence import Sentence, likeness
from lamina.features.text import Text
from lamina.models.extractor import NEVER, Sentences
from lamina.tasks import TASKS, task_name_of
from lamina.tasks.extract import Extract, ExtractSettings

THINGS = ["parsing", "vision", "speech", "graphs", "games"]
TINY = {
    "name": "extractor", "text": {"name": "gru", "width": 8}, "embedding": 16, "width": 16, "buckets": 2048,
    "dropout": 0.1, "hidden": 0.1,
}  # fmt: skip
LEARNING = {"train__learning_rate": 0.01, "train__precision": "float32", "train__averaging": 0.0}
QUICK = {"train__tensorboard": False, "evaluate__resamples": 20, **LEARNING}


def papers(rows: int = 120, seed: int = 0, lists: bool = False) -> pl.DataFrame:
    """Abstracts of four sentences, one of which says what is new, and two summaries of each."""
    draw = np.random.default_rng(seed)
    found = []
    for row in range(rows):
        past, new, tests, *_ = draw.permutation(THINGS)
        said = [
            f"Many have looked at {past}, e.g. of row {row}.", "It is hard.",
            f"In this work we present a network for {new}.", f"Tests are on {tests} too.",
        ]  # fmt: skip
        said = [said[place] for place in draw.permutation(4)]
        found.append(
            {"abstract": said if lists else " ".join(said), "tldr": [f"We present a network for {new}.", "A network"]}
        )
    return pl.DataFrame(found)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> lamina.Run:
    """A run that has learned what is new."""
    return lamina.train(
        papers(), "tldr", features={"tldr": "sentence"}, budget="30steps",
        out=tmp_path_factory.mktemp("runs") / "run", plan={"model": TINY}, **QUICK,
    )  # fmt: skip


def task(**values: Any) -> Extract:
    feature = Sentence("tldr", is_target=True)
    feature.fit(feature.read(pl.Series(["a", "b"])))
    return Extract(feature, check(ExtractSettings, values))


def test_the_loss_is_cross_entropy_to_a_choice_by_likeness() -> None:
    scores = torch.tensor([[0.5, -1.0, 2.0], [1.0, NEVER, NEVER], [NEVER, NEVER, NEVER]])
    sentences = Sentences(scores, torch.zeros(3, 1, dtype=torch.int64), torch.tensor([3, 1, 0]))
    target = torch.tensor([[3, 100, 400, 250, 97], [1, 300, 98, 0, 0], [0, 97, 0, 0, 0]])
    extract = task(temperature=0.2)
    weights = [math.exp(one / 200) for one in (100, 400, 250)]
    wanted = [one / sum(weights) for one in weights]
    logs = [one - math.log(sum(map(math.exp, (0.5, -1.0, 2.0)))) for one in (0.5, -1.0, 2.0)]
    expected = -sum(share * log for share, log in zip(wanted, logs, strict=True))
    assert float(extract.loss(sentences, target)) == pytest.approx(expected / 3, abs=1e-5)
    above = expected + sum(share * math.log(share) for share in wanted)
    assert extract.judge(extract.activate(sentences), target).tolist() == pytest.approx([above, 0, 0], abs=1e-5)
    perfect = Sentences(torch.tensor([[100.0, 400, 250]]) / 200, sentences.of[:1], sentences.counts[:1])
    assert float(extract.judge(extract.activate(perfect), target[:1])) == pytest.approx(0, abs=1e-6)


class Said(torch.nn.Module):
    """A network that says what it is told."""

    text, spelling = "tokens000", (b"", b"Ann", b" lives", b".", b" B\xc3", b"\xb6b", b" goes", b"!", b" ")

    def __init__(self, *shares: float) -> None:
        super().__init__()
        self.shares = shares

    def forward(self, inputs: dict[str, Tensor]) -> Sentences:
        of = torch.tensor([[0, 0, 0, 0, 1, 1, 1, 1]] * 2)
        scores = torch.tensor([[math.log(one) for one in self.shares], [NEVER, NEVER]])
        return Sentences(scores, of, torch.tensor([2, 0]))


INPUTS = {"tokens000": torch.tensor([[1, 2, 3, 8, 4, 5, 6, 7], [0] * 8]), "tokens000.length": torch.tensor([8, 0])}


def test_the_best_sentence_and_its_place() -> None:
    first, nothing = task().texts(Said(0.3, 0.7), INPUTS, [0, 1])
    assert [(one.text, one.ids) for one in first] == [("Böb goes!", [4, 5, 6, 7])]
    assert first[0].log_probability == pytest.approx(math.log(0.7)) and first[0].score == first[0].log_probability
    assert [(one.text, one.start) for one in nothing] == [("", -1)]
    both, _ = task(alternatives=5).texts(Said(0.6, 0.4), INPUTS, [0, 1])
    assert [one.text for one in both] == ["Ann lives.", "Böb goes!"]
    assert ["Ann lives.  Böb goes!"[one.start : one.end] for one in both] == [one.text for one in both]  # type: ignore[attr-defined]
    frame = task().answer([first, nothing]).frame(Sentence("y"))
    assert frame.columns == ["y", "y_sureness", "y_start", "y_end"]
    assert frame["y"].to_list() == ["Böb goes!", ""] and frame["y_start"].to_list() == [12, None]
    with pytest.raises(SettingError, match="unknown setting"):
        task().texts(Said(0.6, 0.4), INPUTS, [0, 1], beams=2)


def test_texts_are_spelled_so_that_nothing_is_lost() -> None:
    abstract, title, target = Text("abstract"), Text("title"), Sentence("tldr", is_target=True)
    with pytest.raises(UsageError, match=r"got 2 texts · allowed: abstract, title"):
        Extract.prepare(target, [abstract, title])
    Extract.prepare(target, [abstract])
    assert target.settings.of == "abstract"
    assert (abstract.settings.tokens, abstract.settings.lower, abstract.settings.longest) == ("pieces", False, 2048)


@pytest.mark.parametrize("lists", [False, True])
def test_it_finds_what_it_has_not_seen(run: lamina.Run, lists: bool) -> None:
    new = papers(40, seed=1, lists=lists)
    document = run.evaluate(new)["tldr"]
    assert (document["headline"], document["kind"]) == ("rouge_1", "extract")
    figures = {name: one["value"] for name, one in document["systems"]["network"]["scores"].items()}
    frame = run.predict(new.drop("tldr"))
    assert frame["tldr"].str.contains("we present a network").mean() > 0.9
    truths = np.empty(40, object)
    truths[:] = new["tldr"].to_list()
    sums = statistics(truths, frame["tldr"]).sum(axis=0)
    assert figures == pytest.approx({f"rouge_{kind.lower()}": float(figure(sums, kind)) for kind in ("1", "2", "L")})
    if not lists:
        for row, (text, start, end) in enumerate(frame.select("tldr", "tldr_start", "tldr_end").iter_rows()):
            assert new["abstract"][row][start:end] == text
    assert lamina.load(run.path).predict(new.drop("tldr")).equals(frame)
    alone = pl.concat([run.predict(new[row : row + 1].drop("tldr")) for row in range(3)])
    assert alone["tldr"].to_list() == frame["tldr"][:3].to_list()


def test_what_stands_beside(run: lamina.Run) -> None:
    document = run.results["tldr"]
    assert list(document["systems"]) == ["network", "lead", "textrank"] and document["outcome"] == "better"
    judged = pl.read_parquet(run.path / "predictions.parquet").sort("row")
    rows = papers()[judged["row"].to_list()]
    best = np.mean(
        [max(likeness(one, row["tldr"]) for one in row["abstract"].replace("e.g. ", "eg ").split(". "))
         for row in rows.to_dicts()]
    )  # fmt: skip
    note = document["systems"]["lead"]["note"]
    assert note == f"the best sentence of each text would reach {best:.3f} in ROUGE-1"
    page = run.report.read_text(encoding="utf-8")
    assert "a sentence of a text" in page and "First sentence" in page and "ROUGE-1" in page
    assert task_name_of(run.predictor.encoder.targets[0]) == "extract" and TASKS["extract"] is Extract


def test_writing_chooses_the_sentence(run: lamina.Run, capsys: pytest.CaptureFixture[str]) -> None:
    text = "It is hard. In this work we present a network for cats! Many have looked at dogs."
    (best,) = run.write(text)
    assert best.text == "In this work we present a network for cats!"
    assert text[best.start : best.end] == best.text == "".join(run.write_on(text))  # type: ignore[attr-defined]
    assert len(run.write(text, alternatives=3)) == 3
    assert main(["write", str(run.path), text]) == 0 and capsys.readouterr().out == best.text + "\n"


def test_there_is_no_one_head_to_embed_by(run: lamina.Run) -> None:
    with pytest.raises(UsageError, match="network Extractor has no one head · name a layer"):
        run.embed(papers(3))


def test_rows_without_a_text_are_set_aside(tmp_path: Path) -> None:
    table = papers(60).with_columns(
        abstract=pl.when(pl.int_range(60) == 5).then(None).otherwise("abstract"),
        tldr=pl.when(pl.int_range(60) == 7).then(None).otherwise("tldr"),
    )
    run = lamina.train(
        table, "tldr", features={"tldr": "sentence"}, budget="2steps", out=tmp_path / "run", baselines="none",
        plan={"model": TINY}, **QUICK,
    )  # fmt: skip
    aside = pl.read_parquet(run.path / "set_aside.parquet")
    assert sorted(aside.rows()) == [
        (0, 5, "there is no text in 'abstract' to take a sentence of"), (0, 7, "the target is missing"),
    ]  # fmt: skip
    assert run.evaluate(table)["tldr"]["rows_left_out"] == 2
    assert run.predict(table[4:6].drop("tldr"))["tldr"].to_list()[1] == ""


def test_a_model_for_something_else_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="the model does not give what task extract needs · got model reader"):
        lamina.train(
            papers(40), "tldr", features={"tldr": "sentence"}, budget="1steps", out=tmp_path / "run", model="reader"
        )


@pytest.mark.data
def test_abstracts_beat_what_learns_nothing(shared_data: Path, tmp_path: Path) -> None:
    """Some epochs over a part of scitldr are above the first sentence and TextRank."""
    tables = []
    for name, rows in (("train", 800), ("dev", 300)):
        with gzip.open(shared_data / "scitldr" / f"{name}.jsonl.gz", "rt", encoding="utf-8") as file:
            given = [json.loads(line) for line in file][:rows]
        tables.append(pl.DataFrame([{"abstract": one["source"], "tldr": one["target"]} for one in given]))
    learn, judge = tables
    run = lamina.train(
        learn, "tldr", test=judge, features={"tldr": "sentence"}, budget="5epochs", out=tmp_path / "run",
        train__learning_rate=3e-3, train__tensorboard=False, evaluate__resamples=200,
    )  # fmt: skip
    document = run.results["tldr"]
    assert document["outcome"] == "better", document["verdict"]
    figures = {name: one["scores"]["rouge_1"]["value"] for name, one in document["systems"].items()}
    assert figures["lead"] < figures["textrank"] < figures["network"] - 0.01, figures
