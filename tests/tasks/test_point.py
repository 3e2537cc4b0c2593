"""Pointing at a part of a text: the loss against all spans counted one by one, and runs from table to answer."""

from __future__ import annotations

import dataclasses
import gzip
import json
import math
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import torch
from homes import homes
from torch import Tensor

import lamina
from lamina.cli import main
from lamina.config import check
from lamina.errors import SettingError, UsageError
from lamina.features.span import Span
from lamina.features.text import Text, TextSettings
from lamina.models.reader import NEVER, Spans
from lamina.tasks import TASKS, task_name_of
from lamina.tasks.found import Found
from lamina.tasks.point import Point, PointSettings

TINY = {
    "name": "reader", "text": {"name": "gru", "width": 12}, "embedding": 12, "width": 12, "buckets": 1024,
    "dropout": 0.0, "longest": 8,
}  # fmt: skip
LEARNING = {"train__learning_rate": 0.01, "train__precision": "float32", "train__averaging": 0.0}
QUICK = {"train__tensorboard": False, "evaluate__resamples": 20, "train__batch_size": 32, **LEARNING}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> lamina.Run:
    """A run that has learned who lives where."""
    return lamina.train(
        homes(), "answer", budget="50steps", out=tmp_path_factory.mktemp("runs") / "run", plan={"model": TINY}, **QUICK
    )


def task(**values: Any) -> Point:
    feature = Span("answer", is_target=True)
    feature.fit(feature.read(pl.Series(["a", "b"])))
    return Point(feature, check(PointSettings, values))


def spans(scores: Tensor, words: Tensor, longest: int) -> Spans:
    return Spans(scores, words, longest)


def test_the_loss_is_that_of_one_choice_among_all_spans() -> None:
    words = torch.tensor([[0, 0, 1, 2], [0, 1, 1, 0], [0, 1, 2, 3], [0, 1, 2, 3]])
    scores = torch.randn(4, 1 + 4 * 2, generator=torch.Generator().manual_seed(0))
    target = torch.tensor([[1, 4, 99], [0, 0, 0], [3, 4, 7], [0, 4, 7]])
    # Row 0: words 0 to 2 is too long for two words; row 2: word 3 alone; row 3: too long.
    places = [None, 0, 1 + 3 * 2, None]
    expected = [
        0.0
        if place is None
        else -float(scores[row, place]) + math.log(sum(math.exp(one) for one in scores[row].tolist()))
        for row, place in enumerate(places)
    ]
    point = task()
    found = point.judge(point.activate(spans(scores, words, 2)), target)
    assert found.tolist() == pytest.approx(expected, abs=1e-5)
    assert float(point.loss(spans(scores, words, 2), target)) == pytest.approx(sum(expected) / 2, abs=1e-5)
    assert float(point.loss(spans(scores, words, 2)._replace(scores=scores[:1], words=words[:1]), target[:1])) == 0
    longer = torch.randn(1, 1 + 3 * 3)
    whole = point.judge(point.activate(spans(longer, words[:1], 3)), target[:1])
    assert whole.tolist() == pytest.approx([float(longer.logsumexp(1) - longer[0, 1 + 2])], abs=1e-5)


class Said(torch.nn.Module):
    """A network that says what it is told."""

    passage, spelling = "tokens000", (b"", b"Ann", b" lives", b" in", b" New", b" Yo", b"rk", b".")

    def __init__(self, logs: dict[tuple[int, int] | None, float]) -> None:
        super().__init__()
        self.logs = logs

    def forward(self, inputs: dict[str, Tensor]) -> Spans:
        words = torch.tensor([[0, 1, 2, 3, 4, 4, 5]])
        scores = torch.full((1, 1 + 6 * 2), NEVER)
        for span, log in self.logs.items():
            scores[0, 0 if span is None else 1 + span[0] * 2 + span[1] - span[0]] = math.log(log)
        return Spans(scores, words, 2)


INPUTS = {"tokens000": torch.tensor([[1, 2, 3, 4, 5, 6, 7]]), "tokens000.length": torch.tensor([7])}


def said(point: Point, logs: dict[tuple[int, int] | None, float], **decoding: Any) -> list[Found]:
    (row,) = point.texts(Said(logs), INPUTS, [0], **decoding)
    assert all(isinstance(one, Found) for one in row)
    return row  # type: ignore[return-value]


def test_the_likeliest_part_and_its_place() -> None:
    logs = {None: 0.3, (3, 4): 0.4, (4, 4): 0.2, (0, 0): 0.1}
    (best,) = said(task(), logs)
    assert (best.text, best.start, best.end, best.ids) == ("New York", 13, 21, [4, 5, 6])
    assert best.log_probability == pytest.approx(math.log(0.4)) and best.score == best.log_probability
    several = said(task(), logs, alternatives=9)
    assert [one.text for one in several] == ["New York", "York", "Ann"]
    assert "Ann lives in New York."[several[2].start : several[2].end] == "Ann"


def test_no_answer_where_that_is_more_likely_than_not() -> None:
    logs = {None: 0.6, (3, 4): 0.3, (0, 0): 0.1}
    assert [(one.text, one.start) for one in said(task(alternatives=2), logs)] == [("", -1), ("New York", 13)]
    (forced,) = said(task(must_answer=True), logs)
    assert forced.text == "New York" and forced.log_probability == pytest.approx(math.log(0.75))
    # None of the parts is as likely as none, and yet there is one, more likely than not.
    assert said(task(), {None: 0.45, (3, 4): 0.3, (0, 0): 0.25})[0].text == "New York"
    answer = task().answer([said(task(), logs), said(task(must_answer=True), logs)])
    assert answer.text is not None and answer.text.tolist() == ["", "New York"]
    frame = answer.frame(Span("y"))
    assert frame.columns == ["y", "y_sureness", "y_start", "y_end"]
    assert frame["y_start"].to_list() == [None, 13] and frame["y_end"].to_list() == [None, 21]
    with pytest.raises(SettingError, match="unknown setting"):
        said(task(), logs, temperature=2)


def test_texts_are_spelled_so_that_nothing_is_lost() -> None:
    passage, question = Text("passage"), Text("question", TextSettings(longest=99))
    target = Span("answer", is_target=True)
    with pytest.raises(UsageError, match=r"which text .* got 2 texts · allowed: passage, question"):
        Point.prepare(target, [passage, question])
    with pytest.raises(UsageError, match=r"which text .* got 'pasage'"):
        Point.prepare(Span("answer", dataclasses.replace(target.settings, of="pasage")), [passage])
    target.settings = dataclasses.replace(target.settings, of="passage")
    Point.prepare(target, [passage, question])
    assert (passage.settings.tokens, passage.settings.lower, passage.settings.longest) == ("pieces", False, 2048)
    assert (question.settings.tokens, question.settings.lower, question.settings.longest) == ("pieces", False, 99)
    alone = Span("answer", is_target=True)
    Point.prepare(alone, [passage])
    assert alone.settings.of == "passage"
    for tokens in ("words", "characters", "pretrained"):
        with pytest.raises(UsageError, match=r"column 'passage' is to be spelled so .* tokens="):
            Point.prepare(target, [Text("passage", TextSettings(tokens=tokens))])
    with pytest.raises(UsageError, match=r"'question' is compared with the passage letter by letter"):
        Point.prepare(target, [passage, Text("question", TextSettings(tokens="pretrained"))])


def test_it_finds_what_it_has_not_seen(run: lamina.Run) -> None:
    new = homes(60, seed=1)
    document = run.evaluate(new)["answer"]
    assert document["headline"] == "token_f1" and document["kind"] == "point"
    figures = {name: one["value"] for name, one in document["systems"]["network"]["scores"].items()}
    assert figures["exact_match"] > 0.8 and figures["no_answer"] > 0.8, figures
    frame = run.predict(new.drop("answer"))
    for row, (text, start, end) in enumerate(frame.select("answer", "answer_start", "answer_end").iter_rows()):
        assert new["passage"][row][start:end] == text if text else start is None
    assert lamina.load(run.path).predict(new.drop("answer")).equals(frame)
    alone = pl.concat([run.predict(new[row : row + 1].drop("answer")) for row in range(3)])
    assert alone["answer"].to_list() == frame["answer"][:3].to_list()
    assert list(run.results["answer"]["systems"]) == ["network", "constant", "window"]
    assert task_name_of(run.predictor.encoder.targets[0]) == "point" and TASKS["point"] is Point


def test_writing_names_the_part(run: lamina.Run, capsys: pytest.CaptureFixture[str]) -> None:
    row = {"passage": "Ann lives in Lima now. Bob lives in Bonn now.", "question": "Where does Bob live, row 7?"}
    (best,) = run.write(row)
    assert best.text == "Bonn" and row["passage"][best.start : best.end] == "Bonn"  # type: ignore[attr-defined]
    assert "".join(run.write_on(row)) == "Bonn"
    assert len(run.write(row, alternatives=3)) == 3
    cells = [f"{name}={cell}" for name, cell in row.items()]
    assert main(["write", str(run.path), *cells]) == 0 and capsys.readouterr().out == "Bonn\n"
    assert main(["write", str(run.path), *cells, "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)["rows"][0]
    assert (found["text"], found["start"], found["end"]) == ("Bonn", best.start, best.end)  # type: ignore[attr-defined]


def test_the_report_shows_the_answers(run: lamina.Run) -> None:
    page = run.report.read_text(encoding="utf-8")
    assert "a part of a text" in page and "F1 of words" in page and "lives in" in page


def test_rows_whose_answer_is_nowhere_are_counted(tmp_path: Path) -> None:
    table = homes(60).with_row_index("row")
    wrong = [{"text": "Atlantis", "answer_start": 0}]
    cells = [wrong if row == 5 else cell for row, cell in enumerate(table["answer"].to_list())]
    table = table.drop("row").with_columns(answer=pl.Series(cells, dtype=table["answer"].dtype))
    run = lamina.train(
        table, "answer", budget="2steps", out=tmp_path / "run", baselines="none", plan={"model": TINY}, **QUICK
    )
    aside = pl.read_parquet(run.path / "set_aside.parquet")
    assert aside.rows() == [(0, 5, "what 'answer' says is not in 'passage'")]
    assert run.evaluate(table)["answer"]["rows_left_out"] == 1


def test_a_model_for_something_else_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="the model does not give what task point needs · got model mixed"):
        lamina.train(homes(40), "answer", budget="1steps", out=tmp_path / "run", model="mixed")


@pytest.mark.data
@pytest.mark.slow
def test_squad_beats_the_window(shared_data: Path, tmp_path: Path) -> None:
    """Whole articles of the training file judge."""
    with gzip.open(shared_data / "qa_squad" / "train_squad2_dev_half.jsonl.gz", "rt", encoding="utf-8") as file:
        paragraphs = [json.loads(line) for line in file]
    rows = [
        {"title": one["title"], "passage": one["context"], "question": asked["question"], "answer": asked["answers"]}
        for one in paragraphs
        for asked in one["qas"]
        if asked["answers"]
    ]
    table = pl.DataFrame(rows, infer_schema_length=None)
    judging = pl.col("title").is_in(table["title"].unique().sort().gather_every(4).implode())
    run = lamina.train(
        table.filter(~judging), "answer", test=table.filter(judging), inputs=["passage", "question"],
        split__group="title", budget="3epochs", baselines="window", task__must_answer=True, train__tensorboard=False,
        out=tmp_path / "run",
    )  # fmt: skip
    assert run.predictor.encoder.targets[0].settings.of == "passage", "found by itself"
    assert run.scores["token_f1"]["value"] > 0.27
    assert run.results["answer"]["systems"]["window"]["difference"]["low"] > 0
