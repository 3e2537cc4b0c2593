"""Judging runs over pictures, texts and plain columns together."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

import lamina
from lamina.files import read_json
from lamina.run import Run

ROWS = 160


def table() -> pl.DataFrame:
    """The class is whether a picture is light; a text and a number say nothing of it."""
    generator = np.random.default_rng(0)
    light = generator.integers(0, 2, ROWS)
    pixels = (60 + 120 * light[:, None, None] + generator.normal(scale=20, size=(ROWS, 8, 8))).astype(np.uint8)
    words = np.array(["one", "two", "three", "four", "five", "six"])
    return pl.DataFrame(
        {
            "photo": pl.Series(pixels.tolist(), dtype=pl.Array(pl.UInt8, (8, 8))),
            "note": [" ".join(generator.choice(words, 5)) for _ in range(ROWS)],
            "size": generator.normal(size=ROWS),
            "light": np.where(light, "yes", "no"),
        }
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A short run, with gates."""
    settings = {"fusion": "gate", "image": {"name": "cnn", "width": 4}, "text": "bag", "width": 16}
    return lamina.train(
        table(), "light", features={"photo": "image", "note": "text"}, budget="40steps",
        baselines=["constant", "linear"],
        out=tmp_path_factory.mktemp("runs") / "run", plan={"model": {"name": "mixed", **settings}},
        train__threads=1, train__tensorboard=False, train__learning_rate=0.01, train__precision="float32",
    )  # fmt: skip


def test_baselines_see_the_pictures(run: Run) -> None:
    systems = run.results["light"]["systems"]
    assert systems["linear"]["scores"]["accuracy"]["value"] > 0.9 > systems["constant"]["scores"]["accuracy"]["value"]


def test_columns_contribute(run: Run) -> None:
    found = run.results["light"]["columns"]
    assert {column["name"] for column in found["columns"]} == {"photo", "note", "size"}
    assert found["columns"][0]["name"] == "photo" and found["columns"][0]["low"] > 0
    assert [gate["name"] for gate in found["gates"]] == ["photo", "note", "plain columns"]
    assert sum(gate["gate"] for gate in found["gates"]) == pytest.approx(1, abs=1e-5)


def test_rows_to_look_at(run: Run) -> None:
    looks = read_json(run.path / "samples.json")
    predictions = pl.read_parquet(run.path / "predictions.parquet")
    assert len(looks) == min(24, len(predictions))
    for look in looks:
        (judged,) = predictions.filter(pl.col("row") == look["row"]).iter_rows(named=True)
        said = look["targets"]["light"]
        assert (said["truth"], said["answer"]) == (judged["light_true"], judged["light"])
        assert [cell["kind"] for cell in look["cells"]] == ["picture", "text"]
    text = (run.path / "report.html").read_text()
    assert text.count("data:image/png;base64,") == len(looks)
    assert "What each column contributes" in text


def test_plain_tables_keep_no_rows(tmp_path: Path) -> None:
    plain = table().select("size", "light")
    run = lamina.train(
        plain, "light", budget="5steps", baselines="none", out=tmp_path / "run", train__tensorboard=False
    )
    assert not (run.path / "samples.json").exists()
    assert run.results["light"]["columns"] is None, "one column has nothing to be compared with"


def test_the_inside_is_in_the_report_where_it_was_asked_for(tmp_path: Path) -> None:
    """The drawings of the first judged row."""
    network = {"name": "cnn", "width": 4}
    run = lamina.train(
        table().select("photo", "light"), "light", features={"photo": "image"}, model__image=network, budget="2steps",
        baselines="none", evaluate__look=True, out=tmp_path / "run",
    )  # fmt: skip
    row = pl.read_parquet(run.path / "predictions.parquet")["row"][0]
    report = run.report.read_text()
    assert 'id="inside"' in report
    assert f"Row {row:,}" in report and "First filters" in report
    assert (run.path / "inside.html").read_text() in report
