"""The page: well-formed, offline, escaped; every section there when it has something to show, and only then."""

from __future__ import annotations

import html
import json
import re
from typing import Any

import numpy as np
import pytest

from lamina.evaluation import Answer, Baseline
from lamina.evaluation.baselines import decide
from lamina.evaluation.scores import scores
from lamina.report import page
from lamina.report.markup import duration, escape, number, share, short, words
from report.reader import EVIL, PICTURE, read


def targets() -> dict[str, Any]:
    generator = np.random.default_rng(0)
    rows = 120
    number = generator.normal(200_000, 50_000, rows)
    codes = generator.integers(0, 2, rows)
    probability = np.clip(0.5 * codes + 0.5 * generator.random(rows), 0, 1)
    probability = np.column_stack([1 - probability, probability])
    binary = Answer(probability=probability, decision=decide("binary", probability))
    flat = np.full((rows, 2), 0.5)
    labels = generator.integers(0, 2, (rows, 3)).astype(np.uint8)
    guess = np.clip(0.4 * labels + 0.5 * generator.random((rows, 3)), 0, 1)
    several = Answer(probability=guess, decision=decide("multilabel", guess))
    price = Answer(value=number + 9_000, quantiles={0.1: number, 0.9: number + 2e4}, lower=number, upper=number + 2e4)
    found = {
        "price": scores(
            "regression",
            number,
            {
                "network": price,
                "constant": Answer(value=np.full(rows, number.mean())),
                "svm": Baseline(None, 0, "left out"),
            },
            resamples=20,
        ),
        EVIL: scores(
            "binary",
            codes,
            {"network": binary, "constant": Answer(probability=flat, decision=decide("binary", flat))},
            names=["no", EVIL],
            resamples=20,
        ),
        "tags": scores("multilabel", labels, {"network": several}, names=["a", "b", EVIL], resamples=20),
    }
    found[EVIL]["columns"] = contribution()
    found["tags"]["columns"] = None
    found[EVIL]["threshold"] = {"value": 0.5, "sentence": f"The threshold is 0.5. {EVIL}"}
    return found


def document() -> dict[str, Any]:
    """Everything that a page may be given, with something evil in every text."""
    column = {"name": EVIL, "kind": "number", "evidence": EVIL, "missing share": 0.25, "distinct": 1234, "used": True}
    return {
        "title": EVIL,
        "created": "2026-01-02",
        "version": "0.1.0",
        "run": EVIL,
        "data": {
            "source": EVIL,
            "rows_read": 1234567,
            "rows": {"train": 1000000, "valid": 100000, "test": 134565},
            "set_aside": [{"reason": EVIL, "count": 2, "examples": [EVIL, 3]}],
            "fingerprint": EVIL,
            "columns": [
                column | {"examples": [EVIL, 1.5, None], "summary": {"mean": 1.23456, "top": {EVIL: 3}, "none": None}},
                column | {"used": False, "examples": [], "summary": {}},
            ],
        },
        "warnings": [{"severity": EVIL, "text": EVIL}, {"severity": "warning", "text": "plain"}],
        "plan": {"seed": 0, EVIL: EVIL, "model": {"name": "mlp", "deep": {"width": 256, EVIL: [1, EVIL]}}},
        "machine": {"device": "cpu", "compile": False, "torch": EVIL, "notes": [EVIL]},
        "history": [
            {"epoch": 1, "step": 10, "seconds": 1.0, "train_loss": 1.0, "valid_loss": 1.1, "learning_rate": 0.1},
            {"epoch": 2, "step": 20, "seconds": 2.0, "train_loss": 0.5, "valid_loss": None, "learning_rate": 0.1},
        ],
        "training": {"stopped_because": EVIL, "seconds": 75, "best_epoch": 2, "overfitting": EVIL, "parameters": 12345},
        "targets": targets(),
        "samples": samples(),
    }


def contribution() -> dict[str, Any]:
    columns = [{"name": f"{EVIL}{place}", "value": 2 - place, "low": 0, "high": 2.5} for place in range(25)]
    gates = [{"name": EVIL, "gate": 0.75}]
    return {"loss": 0.5, "rows": 200, "exchanges": 3, "columns": columns, "left_out": [EVIL], "gates": gates}


def samples() -> list[dict[str, Any]]:
    cells = [
        {"column": EVIL, "kind": "picture", "picture": PICTURE, "size": EVIL},
        {"column": EVIL, "kind": "text", "text": EVIL, "size": "3 tokens"},
        {"column": EVIL, "kind": "lines", "lines": [[0, 0.5, 1], [0.2, None, 0.1]], "size": "3 steps"},
        {"column": EVIL, "kind": "missing"},
    ]
    targets = {
        "y": {"truth": EVIL, "answer": "b", "sure": EVIL},
        EVIL: {"truth": "b", "answer": "b", "sure": None},
    }
    return [{"row": 1234, "is_worst": worst, "targets": targets, "cells": cells} for worst in (True, False)]


SECTIONS = ["warnings", "scores", "mistakes", "columns", "rows", "learning", "data", "aside", "plan", "machine", "use"]


def test_everything_at_once() -> None:
    reader = read(page(document()))
    assert [found["id"] for tag, found in reader.tags if tag == "section"] == SECTIONS
    assert reader.text.count("<script>alert('1')</script>") > 20  # shown as text, never run
    assert "\x00" not in reader.text and "\u202e" not in reader.text
    assert "1,234,567 rows read: 1,000,000 to train, 100,000 to validate, 134,565 to test; 2 set aside." in reader.text
    assert "Predicts price, a number." in reader.text
    for target in document()["targets"].values():
        assert target["verdict"].split(":")[0] in reader.text
    assert "1 min 15 s" in reader.text


def test_document_from_json_gives_the_same_page() -> None:
    assert page(json.loads(json.dumps(document()))) == page(document())


@pytest.mark.parametrize(("count", "said", "unsaid"), [(0, "valid rows", "test rows"), (9, "test rows", "valid rows")])
def test_whose_figures_they_are(count: int, said: str, unsaid: str) -> None:
    """Without test rows, the valid ones are judged, and no figure may say otherwise."""
    given = document()
    given["data"]["rows"]["test"] = count
    found = page(given).lower()
    assert found.count(said) >= 8 and unsaid not in found


def test_nothing_at_all() -> None:
    reader = read(page({}))
    assert not [tag for tag, _ in reader.tags if tag == "section"]
    assert "Report" in reader.text


@pytest.mark.parametrize(
    "missing", ["data", "warnings", "plan", "machine", "history", "training", "targets", "samples", "version"]
)
@pytest.mark.parametrize("empty", [None, "absent"])
def test_sections_with_nothing_to_show_are_left_out(missing: str, empty: str | None) -> None:
    given = document()
    given[missing] = None
    if empty == "absent":
        del given[missing]
    reader = read(page(given))
    shown = [found["id"] for tag, found in reader.tags if tag == "section"]
    gone = {"data": ["data", "aside"], "targets": ["scores", "mistakes", "columns", "use"], "samples": ["rows"]}.get(
        missing, [missing]
    )
    assert shown == [name for name in SECTIONS if name not in gone]


def test_what_columns_contribute() -> None:
    target = {"columns": contribution()}
    reader = read(page({"targets": {"y": target}}))
    assert "exchanged among 200 rows" in reader.text and "the loss is 0.5000" in reader.text
    assert "5 more contribute less." in reader.text and f"Not looked at: {escape_free(EVIL)}" in reader.text
    assert "75%" in reader.text


def escape_free(text: str) -> str:
    """Text as a page shows it: control characters are made visible."""
    return html.unescape(escape(text))


def test_rows_to_look_at() -> None:
    reader = read(page({"samples": samples()}))
    pictures = [found for tag, found in reader.tags if tag == "img"]
    assert len(pictures) == 2 and all(found["src"] == PICTURE and found["alt"] for found in pictures)
    assert "row 1,234" in reader.text and "answered b" in reader.text and "missing" in reader.text
    assert "The largest losses" in reader.text and "At random" in reader.text
    alone = page({"samples": [one for one in samples() if one["is_worst"]]})
    assert "At random" not in alone


@pytest.mark.parametrize(
    "uri", ["https://elsewhere/a.png", f'{PICTURE}" onerror="x', "data:image/svg+xml;base64,AAAA", None, 3]
)
def test_no_picture_but_ours(uri: object) -> None:
    cells = [{"column": "photo", "kind": "picture", "picture": uri}]
    reader = read(page({"samples": [{"row": 0, "is_worst": True, "targets": {}, "cells": cells}]}))
    assert not [tag for tag, _ in reader.tags if tag == "img"]


def test_links_lead_somewhere() -> None:
    reader = read(page(document()))
    places = {found["id"] for _, found in reader.tags if "id" in found}
    assert {found["href"][1:] for tag, found in reader.tags if tag == "a"} <= places


def test_scores_that_are_not_defined() -> None:
    probability = np.array([[0.3, 0.7]])
    answer = Answer(probability=probability, decision=decide("binary", probability))
    only = scores("binary", np.array([1]), {"network": answer, "constant": answer}, resamples=5)
    reader = read(page({"title": "One row", "targets": {"y": only}}))
    assert "not defined" in reader.text
    assert "nan" not in re.sub(r"<style>.*</style>", "", page({"targets": {"y": only}}), flags=re.S).lower()


def test_very_wide_tables_are_cut_and_it_is_said() -> None:
    columns = [{"name": f"c{place}", "kind": "number"} for place in range(10_000)]
    text = page({"data": {"columns": columns}})
    assert "And 9,700 more columns." in read(text).text
    assert len(text) < 200_000


def test_text() -> None:
    assert escape("a<b>&\"'") == "a&lt;b&gt;&amp;&quot;&#x27;"
    assert escape(escape("<")) == "&lt;"
    assert short("a  b\nc") == "a b c"
    assert number(-1234.5) == "−1,234" or number(-1234.5) == "−1,235"
    assert number(None) == "–"
    assert [share(value) for value in (None, 0, 0.0004, 0.034, 0.4)] == ["–", "0", "<0.1%", "3.4%", "40%"]
    assert [duration(value) for value in (0.5, 12.3, 59.99, 3600)] == ["0.5 s", "12 s", "1 min 0 s", "1 h 0 min"]
    assert words({"a": [1, 2.5], "b": None, "c": True}) == "a 1, 2.500, b –, c yes"
