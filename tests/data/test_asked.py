"""Questions and answers in two columns as dialogues."""

from __future__ import annotations

import polars as pl
import pytest

from lamina.data.asked import asked
from lamina.data.read import read
from lamina.errors import MissingColumnError, UsageError

FRAME = pl.DataFrame({"question": ["a?", None, "c?", " "], "n": [1, 2, 3, 4], "answer": ["b", "b", "", "d"]})


def test_both_become_one_column() -> None:
    table = asked(read(FRAME), "question", "answer")
    assert table.names == ["n", "answer"] and table.rows == 4
    first, *others = table.head(4)["answer"].to_list()
    assert first == [{"role": "user", "content": "a?"}, {"role": "assistant", "content": "b"}]
    assert others == [None, None, None], "where either is missing the dialogue is"
    assert [frame.columns for frame in table.chunks(["n"], 2)] == [["n"], ["n"]]
    assert pl.concat(table.chunks(["answer", "n"], 3)).equals(table.head(4).select("answer", "n"))
    assert table.sample(2, 0).columns == ["n", "answer"]
    assert table.fingerprint() == asked(read(FRAME), "question", "answer").fingerprint()


def test_numbers_are_read_as_text() -> None:
    table = asked(read({"a": [1, 2], "b": [3.5, 4.5]}), "a", "b")
    assert [turn["content"] for turn in table.head(1)["b"][0]] == ["1", "3.5"]


def test_what_cannot_be() -> None:
    with pytest.raises(MissingColumnError, match=r"column 'qestion' is not a column .* did you mean question"):
        asked(read(FRAME), "qestion", "answer")
    with pytest.raises(UsageError, match="cannot be both"):
        asked(read(FRAME), "answer", "answer")
