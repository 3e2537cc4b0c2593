"""Answers without a network: a sentence, and the words that are most like the question."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics.pairwise import cosine_similarity

from lamina.config import check
from lamina.data.rows import Rows
from lamina.data.store import Store, StoreWriter
from lamina.errors import SettingError
from lamina.evaluation.text.windows import COMPANY, Asked, Rarity, asked_of, constant, window
from lamina.features.encoder import Encoder
from lamina.features.span import Span, SpanSettings
from lamina.features.text import Text
from lamina.tasks.point import Point, PointSettings

PASSAGE = "The old king lives in Oslo. His dog, a red one, sleeps. Nobody knows the name of the queen!"
ROWS = [
    Asked(PASSAGE, "Who knows the queen's name?"),
    Asked(PASSAGE, "What does the red dog do?"),
    Asked("Rome is old. Is it? Yes, it is.", "What is old?"),
    Asked("", "What is nothing?"),
]


def truths(*rows: list[str]) -> np.ndarray:
    found = np.empty(len(rows), object)
    found[:] = rows
    return found


def test_the_likest_sentence() -> None:
    rarity = Rarity(ROWS)
    said = [rarity.likest(row, 0) for row in ROWS]
    assert [text for _, text in said] == [
        "Nobody knows the name of the queen!",
        "His dog, a red one, sleeps.",
        "Rome is old.",
        "",
    ]
    assert all(0 <= cosine <= 1 for cosine, _ in said)


@pytest.mark.parametrize("length", [1, 2, 4, 7, 50])
def test_windows_are_ranked_by_the_cosine_over_tf_idf(length: int) -> None:
    """As scikit-learn has it, where no word stands twice in a window."""
    passage = "alpha beta gamma delta epsilon zeta eta theta"
    rows = [Asked(passage, "zeta of beta and alpha"), Asked("beta zeta iota", ""), Asked("kappa beta", "")]
    tf_idf = TfidfVectorizer(token_pattern=r"\w+").fit([row.passage for row in rows])
    words = passage.split()
    windows = [" ".join(words[start : start + length]) for start in range(max(1, len(words) - length + 1))]
    wanted = cosine_similarity(tf_idf.transform(["zeta beta alpha"]), tf_idf.transform(windows))[0]
    cosine, text = Rarity(rows).likest(Asked(passage, "zeta beta alpha"), length)
    assert text == windows[int(wanted.argmax())]
    assert cosine == pytest.approx(wanted.max())


def test_the_length_is_the_best_on_training_rows() -> None:
    taught = [Asked(f"the b{row} c{row} is here. x y z.", f"b{row} c{row}?") for row in range(20)]
    right = truths(*([f"b{row} c{row}"] for row in range(20)))
    assert window(taught, right, [Asked("so ask for it now, k l. yes.", "k l?")]) == ["k l"]
    sentences = truths(*([f"the b{row} c{row} is here."] for row in range(20)))
    assert window(taught, sentences, [Asked("ask for k l now. yes.", "k l?")]) == ["ask for k l now."]


def test_nothing_is_answered_where_training_rows_say_so() -> None:
    taught = [Asked("a red b. c d e.", f"red b {'' if row % 2 else 'in none of any'}?") for row in range(20)]
    right = truths(*(["a red b"] if row % 2 else [] for row in range(20)))
    said = window(taught, right, [Asked("a red b. c d e.", "red b?"), Asked("a red b. c d e.", "green z of any?")])
    assert "red b" in said[0] and said[1] == ""
    every = truths(*(["a red b"] for _ in range(20)))
    assert all(window(taught, every, [Asked("a red b. c d e.", "green z of any?")]))


def test_the_constant_is_the_better_one_of_two() -> None:
    assert constant(ROWS[:2], truths(["The old king"], ["king"]), ROWS[1:3]) == [
        "The old king lives in Oslo.",
        "Rome is old.",
    ]
    assert constant(ROWS[:2], truths([], []), ROWS[:1]) == [""]


def test_company_reads_what_the_network_reads(tmp_path: Path) -> None:
    frame = pl.DataFrame({"q": [row.question for row in ROWS[:3]], "p": [row.passage for row in ROWS[:3]]})
    frame = frame.with_columns(y=pl.Series(["queen", "sleeps", ""]))
    feature = Span("y", check(SpanSettings, {"of": "p"}), is_target=True)
    inputs = [Text("q"), Text("p")]
    Point.prepare(feature, inputs)
    encoder = Encoder(inputs, [feature])
    cells = encoder.read(frame, targets=True)
    encoder.partial_fit(cells).finish()
    with StoreWriter(tmp_path / "store") as writer:
        (target,) = encoder.encode_targets(cells)
        writer.append({**encoder.encode(cells), "target000": target, "row": np.arange(3)})
    rows = Rows.all(Store(tmp_path / "store"))
    assert asked_of(encoder.layout, rows) == ROWS[:3]
    task = Point(feature, check(PointSettings, {}))
    found = COMPANY.answer(task, encoder.layout, rows, rows, which="all", seed=0)
    assert list(found) == ["constant", "window"]
    for baseline in found.values():
        assert baseline.answer is not None and baseline.answer.text is not None
        assert all(re.sub(r"\s", "", text) in re.sub(r"\s", "", row.passage) for text, row in
                   zip(baseline.answer.text, ROWS, strict=False))  # fmt: skip
    with pytest.raises(SettingError, match="no such baseline of an answer in a text · got 'nearest'"):
        COMPANY.answer(task, encoder.layout, rows, rows, which=["nearest"], seed=0)
