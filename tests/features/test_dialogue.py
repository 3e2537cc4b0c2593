"""Dialogues as rows of ids."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from chatting.folders import END, chat_folder

from lamina.config import check
from lamina.data.infer import infer
from lamina.data.read import read
from lamina.errors import DataError
from lamina.features.dialogue import Dialogue, DialogueSettings
from lamina.features.tokens import START

TALK = [
    {"role": "system", "content": "be brief"},
    {"role": "user", "content": "hello"},
    {"role": "assistant", "content": "hi"},
]
SILENT = TALK[:2]
CELLS = pl.Series("talk", [TALK, None, [*TALK, *TALK[1:]], SILENT])


def fitted(cells: pl.Series = CELLS, *, is_target: bool = True, **settings: object) -> Dialogue:
    feature = Dialogue("talk", check(DialogueSettings, settings), is_target=is_target)
    return feature.fit(feature.read(cells))


def rows_of(feature: Dialogue, cells: pl.Series = CELLS) -> list[np.ndarray]:
    encoded = feature.encode(feature.read(cells))["tokens"]
    return [encoded[row : row + 1].values for row in range(len(encoded))]


def test_what_is_learned_is_marked() -> None:
    feature = fitted()
    first, missing, longer, silent = rows_of(feature)
    assert len(missing) == len(silent) == 0, "nothing can be learned where the assistant says nothing"
    tokens = feature.wording.tokens
    assert tokens.text(first[first > 0] - 1) == "hi" and first[-1] == START + 1
    assert tokens.text(np.abs(first) - 1) == "system:\nbe briefuser:\nhelloassistant:\nhi"
    assert (longer[: len(first)] == first).all() and (longer > 0).sum() == 2 * (first > 0).sum()
    assert feature.decode(feature.encode(feature.read(CELLS))["tokens"]).to_list()[:2] == [
        "system:\nbe briefuser:\nhelloassistant:\nhi", None,
    ]  # fmt: skip


def test_an_input_has_no_marks_and_may_be_silent() -> None:
    first, missing, _, silent = rows_of(fitted(is_target=False))
    assert (first > 0).all() and len(missing) == 0 and len(silent) > 0


def test_the_words_of_a_chat_model(tmp_path: Path) -> None:
    pytest.importorskip("tokenizers")
    pytest.importorskip("jinja2")
    feature = fitted(weights=str(chat_folder(tmp_path)))
    first, *_ = rows_of(feature)
    assert (first[first > 0] - 1).tolist() == [*b"hi", END] and feature.slots[0].size == 1 + 258
    again = Dialogue.from_json(json.loads(json.dumps(feature.to_json())))
    for path in tmp_path.iterdir():
        path.unlink()
    assert all((one == other).all() for one, other in zip(rows_of(again), rows_of(feature), strict=True))
    assert again.summary()["turns are marked by"] == "its template"


def test_long_dialogues_are_cut_and_counted() -> None:
    feature = fitted(longest=9)
    assert [len(row) for row in rows_of(feature)] == [9, 0, 9, 0]
    assert feature.state.cut == 2 and feature.state.length == 9
    assert feature.summary()["dialogues cut after 9 tokens"] == 2


def test_what_is_counted() -> None:
    state = fitted(is_target=False).state
    assert (state.count, state.missing, state.turns, state.answers) == (3, 1, 10, 3)


@pytest.mark.parametrize(
    ("cells", "bad"),
    [
        ([[{"role": "user"}], TALK], "row\\(s\\) 0"),
        ([[{"role": "user", "content": None}], TALK], "row\\(s\\) 0"),
        ([json.dumps(TALK), "hello"], "row\\(s\\) 1"),
        ([json.dumps(TALK), '{"role": "user"}'], "row\\(s\\) 1"),
        ([1, 2], "row\\(s\\) 0, 1"),
    ],
)
def test_cells_that_are_no_dialogues(cells: list[object], bad: str) -> None:
    with pytest.raises(DataError, match=f"column 'talk' is to hold dialogues .* {bad}"):
        Dialogue("talk").read(pl.Series("talk", cells, strict=False))


def test_columns_of_dialogues_are_recognised(tmp_path: Path) -> None:
    other = [{"from": "human", "value": "hello"}, {"from": "gpt", "value": "hi"}]
    for cells in ([TALK, TALK[1:]], [other, other[:1]], [json.dumps(TALK), json.dumps(other)]):
        table = pl.DataFrame({"talk": cells * 5, "n": range(10)})
        assert infer(read(table), targets=["talk"])["talk"].feature.kind == "dialogue"
    lines = tmp_path / "a.jsonl"
    lines.write_text("".join(json.dumps({"talk": cell}) + "\n" for cell in (TALK, None, TALK[1:])))
    assert infer(read(lines))["talk"].feature.kind == "dialogue"
    assert infer(read({"a": ["[1]", "[2]"]}))["a"].feature.kind != "dialogue"
