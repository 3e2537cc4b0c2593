"""Parts of a text: read in every form, found in it, and had back to the last character."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from lamina.codecs.ragged import Ragged
from lamina.config import check
from lamina.data.infer import infer
from lamina.data.read import read
from lamina.errors import DataError
from lamina.features.base import Profile
from lamina.features.encoder import Encoder
from lamina.features.span import Span, SpanSettings, find
from lamina.features.text import Text, TextSettings

PASSAGES = ["Rome, the city of Rome, is old.", "Ägypten – 19th of May 1905 (in Cafe\u0301s).", "x"]


def passages(*cells: str, **settings: Any) -> tuple[Text, pl.Series]:
    feature = Text("passage", check(TextSettings, {"tokens": "pieces", "lower": False, **settings}))
    texts = feature.read(pl.Series("passage", cells or PASSAGES))
    return feature.fit(texts), texts


def placed(cells: list[Any], *texts: str, refused: dict[int, str] | None = None, **settings: Any) -> list[str]:
    """What the tokens of each row's part say."""
    text, values = passages(*texts, **settings)
    feature = Span("answer", check(SpanSettings, {"of": "passage"}))
    encoded = feature.encode_in(feature.read(pl.Series(cells)), values, text, refused)
    tokens = text.encode(values)["tokens"]
    said = []
    for row in range(len(encoded)):
        first, last = encoded[row : row + 1].values[:2]
        said.append(text.tokens.text(tokens[row : row + 1].values[first:last]))
    return said


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["Rome", " ", None, ""], [["Rome"], [], [], []]),
        ([{"text": " Rome ", "start": 3}, None], [[("Rome", 4)], []]),
        ([[{"text": "a", "answer_start": 3}, {"text": "", "answer_start": 9}], [], None], [[("a", 3)], [], []]),
        ([["a", " b"], [], None], [["a", "b"], [], []]),
        ([None, None], [[], []]),
    ],
)
def test_every_form_of_a_cell(cells: list[Any], expected: list[Any]) -> None:
    feature = Span("answer")
    wanted = [[one if isinstance(one, tuple) else (one, None) for one in row] for row in expected]
    found = feature.read(pl.Series(cells))
    assert [[(part["text"], part["start"]) for part in row] for row in found.to_list()] == wanted
    assert feature.read(found).equals(found)


def test_an_empty_cell_may_mean_that_nobody_knows() -> None:
    feature = Span("answer", check(SpanSettings, {"empty": "unknown"}))
    assert feature.read(pl.Series(["a", ""])).is_null().to_list() == [False, True]
    assert feature.read(pl.Series([["a"], [], None])).is_null().to_list() == [False, False, True]


def test_other_cells_are_refused() -> None:
    with pytest.raises(DataError, match=r"'answer' is to hold a part of a text, not Int64 · got 1, 2 .*row\(s\) 7, 8"):
        Span("answer").read(pl.Series([1, 2]), first_row=7)


def test_tokens_that_cover_a_part() -> None:
    cells = [{"text": "Rome", "start": 18}, {"text": "Cafés", "start": 0}, None]
    first, second, none = placed(cells)
    assert (first.strip(), second.strip(), none) == ("Rome", "Cafés", "")
    text, values = passages()
    encoded = Span("answer").encode_in(Span("answer").read(pl.Series(cells)), values, text)
    assert encoded[0:1].values[0] > 3, "the second Rome, not the first"
    assert encoded[2:3].values.tolist() == [0, 0]


def test_a_part_of_a_word_takes_the_tokens_that_it_touches() -> None:
    said = placed(["ypt", "9", "x"], PASSAGES[1], "in 1905", "x")
    assert "ypt" in said[0] and "9" in said[1] and said[2] == "x"


def test_places_counted_before_blanks_were_taken_away() -> None:
    assert find("Rome", 20, PASSAGES[0]) == 18
    assert find("Rome", 9, PASSAGES[0]) == 0
    assert find("Rome", None, PASSAGES[0]) == 0
    assert find("Oslo", 3, PASSAGES[0]) is None
    said = placed([{"text": "Rome", "start": 21}], "   " + PASSAGES[0])
    assert said[0].strip() == "Rome"


def test_what_is_not_there_is_set_aside_with_its_reason() -> None:
    refused: dict[int, str] = {}
    long = "a b c d e f g"
    assert placed(["Oslo", "g", "a"], "Rome", long, long, refused=refused, longest=4)[2] == "a"
    assert refused == {
        0: "what 'answer' says is not in 'passage'",
        1: "what 'answer' says is beyond the first 4 tokens of 'passage'",
    }
    with pytest.raises(DataError, match=r"is not in 'passage' · got 'Oslo' in row 0 \(counted from 0\)"):
        placed(["Oslo"], "Rome")


def test_all_right_parts_come_back() -> None:
    cells = pl.Series([["Rome", "the city of Rome"], [], ["x"]])
    feature = Span("answer")
    feature.fit(feature.read(cells))
    text, values = passages()
    encoded = feature.encode_in(feature.read(cells), values[:2].append(pl.Series(["x"])), text)
    assert encoded.values.dtype == np.int32
    assert feature.parts(encoded) == [["Rome", "the city of Rome"], [], ["x"]]
    assert feature.decode(encoded).to_list() == ["Rome", "", "x"]
    assert feature.state.none == 1 and feature.state.several == 1 and feature.state.rows == 3
    assert isinstance(feature.encode_in(feature.read(cells)[:0], values[:0], text), Ragged)


def test_which_column_it_is_part_of() -> None:
    frame = pl.DataFrame(
        {"q": ["who?"] * 30, "p": [f"x{row} y" for row in range(30)], "y": [f"x{row}" for row in range(30)]}
    )
    found = infer(read(frame), targets=["y"])["y"]
    assert (found.feature.kind, found.feature.settings.of) == ("span", "p")
    assert "in 'p' in 100% of the rows" in found.evidence
    told = infer(read(frame.head(5)), targets=["y"], overrides={"y": "span"})["y"].feature
    assert told.settings.of == "p"
    claim = Span.recognise(Profile("y", pl.Series([[{"text": "a", "start": 0}]]), 1, 1, is_target=True))
    assert claim is not None and claim.strength > 0.9 and not claim.settings
    assert Span.recognise(Profile("y", frame["y"], 30, 30)) is None


def test_a_passage_that_stands_in_many_rows_is_a_text() -> None:
    frame = pl.DataFrame({"p": ["Rome is old."] * 4 + ["Oslo is cold."] * 4, "y": ["Rome"] * 4 + ["Oslo"] * 4})
    schema = infer(read(frame), targets=["y"], overrides={"y": {"kind": "span", "of": "p"}})
    assert schema["p"].feature.kind == "text" and "'y' is a part of it" in schema["p"].evidence


def test_the_encoder_marks_the_column_and_places_the_target() -> None:
    text, texts = passages()
    other = Text("question").fit(texts)
    feature = Span("answer", check(SpanSettings, {"of": "passage"}), is_target=True)
    encoder = Encoder([other, text], [feature.fit(feature.read(pl.Series(["Rome"])))])
    assert [slot.holds_target for slot in encoder.layout.wide] == [False, True]
    assert encoder.layout.holding_target == ("tokens001", encoder.layout.wide[1])
    frame = pl.DataFrame({"question": texts, "passage": texts, "answer": ["Rome", "May", "y"]})
    refused: dict[int, str] = {}
    (target,) = encoder.encode_targets(encoder.read(frame, targets=True), refused)
    assert len(target) == 3 and list(refused) == [2]
    again = Encoder.from_json(json.loads(json.dumps(encoder.to_json())))
    (same,) = again.encode_targets(again.read(frame, targets=True), {})
    assert same.values.tolist() == target.values.tolist()


@pytest.mark.data
def test_every_answer_of_squad_is_placed(shared_data: Path) -> None:
    """The tokens of each answer say it, with a letter or mark more only where a token holds more than the answer."""
    with gzip.open(shared_data / "qa_squad" / "train_squad2_dev_half.jsonl.gz", "rt", encoding="utf-8") as file:
        paragraphs = [json.loads(line) for line in file][::7]
    rows = [(one["context"], asked["answers"]) for one in paragraphs for asked in one["qas"] if asked["answers"]]
    texts, answers = (list(each) for each in zip(*rows, strict=True))
    said = placed(answers, *texts, longest=2048)
    wanted = [given[0]["text"].strip() for given in answers]
    assert all(want in have for want, have in zip(wanted, said, strict=True))
    assert np.mean([want == have.strip() for want, have in zip(wanted, said, strict=True)]) > 0.98
