"""Runs that read texts, series, pictures and sounds leave like any other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from PIL import Image

import lamina
from lamina.codecs.wav import write_wav
from lamina.exporting.schema import cell_as_json
from lamina.runtime import load

ROWS = 60
WORDS = ["slow", "dull", "fine", "bright", "lovely", "a", "film", "Ünder", "don't", "1999"]


def texts(folder: Path, draw: np.random.Generator) -> list[Any]:
    """A few words each, some of none."""
    return [" ".join(draw.choice(WORDS, draw.integers(0, 9)).tolist()) or None for _ in range(ROWS)]


def series(folder: Path, draw: np.random.Generator) -> list[Any]:
    """Lists of numbers of different lengths."""
    return [draw.normal(size=draw.integers(1, 12)).round(3).tolist() for _ in range(ROWS)]


def pictures(folder: Path, draw: np.random.Generator) -> list[Any]:
    """Names of PNG files."""
    for row in range(ROWS):
        Image.fromarray(draw.integers(0, 256, (10, 8, 3)).astype(np.uint8)).save(folder / f"{row}.png")
    return [f"{row}.png" for row in range(ROWS)]


def sounds(folder: Path, draw: np.random.Generator) -> list[Any]:
    """Names of WAV files of different lengths."""
    for row in range(ROWS):
        (folder / f"{row}.wav").write_bytes(write_wav(draw.normal(size=draw.integers(2000, 5000)) / 9, 8000))
    return [f"{row}.wav" for row in range(ROWS)]


KINDS: list[Any] = [
    pytest.param(texts, {"kind": "text", "min_count": 1}, {"text": {"name": "gru", "width": 8}}, id="words"),
    pytest.param(
        texts,
        {"kind": "text", "tokens": "pieces", "vocabulary": 300},
        {"text": {"name": "bag", "width": 8}},
        id="pieces",
    ),
    pytest.param(series, {"kind": "series"}, {"frames": {"name": "tcn", "width": 8}}, id="series"),
    pytest.param(pictures, {"kind": "image", "size": 8}, {"image": {"name": "cnn", "width": 8}}, id="pictures"),
    pytest.param(sounds, {"kind": "audio"}, {"frames": {"name": "lstm", "width": 8}}, id="sounds"),
]


@pytest.mark.parametrize(("make", "feature", "backbone"), KINDS)
def test_a_wide_column(
    make: Callable[[Path, np.random.Generator], list[Any]],
    feature: dict[str, Any],
    backbone: dict[str, Any],
    tmp_path: Path,
) -> None:
    draw = np.random.default_rng(0)
    table = pl.DataFrame({"seen": make(tmp_path, draw), "size": draw.normal(size=ROWS)})
    table = table.with_columns(good=pl.Series(draw.choice(["yes", "no"], ROWS)))
    table.write_parquet(tmp_path / "table.parquet")
    plan: dict[str, Any] = {
        "model": {"name": "mixed", **backbone},
        "augment": {"image": "none", "frames": "none"},
        "train": {"budget": "3steps", "threads": 1, "tensorboard": False},
        "evaluate": {"resamples": 20, "baselines": "none"},
    }
    run = lamina.train(tmp_path / "table.parquet", "good", features={"seen": feature}, out=tmp_path / "run", plan=plan)
    made = run.export(tmp_path / "run.lamina")
    assert made.are_real and made.difference is not None and made.difference < 1e-5 and made.rows > 8
    bundle = load(made.path)
    wanted = run.predict(table.head(7), files=str(tmp_path))
    names = [
        str(tmp_path / cell) if "." in str(cell) and isinstance(cell, str) else cell for cell in table["seen"].to_list()
    ]
    rows = [{"seen": name, "size": size} for name, size in zip(names[:7], table["size"].to_list()[:7], strict=True)]
    for given in (bundle.predict(rows), [bundle.predict([row])[0] for row in rows]):
        shares = [row["good_probability_yes"] for row in given]
        np.testing.assert_allclose(shares, wanted["good_probability_yes"], atol=1e-5)
    assert len(bundle.predict(bundle.examples["rows"])) == 3
    assert cell_as_json(bundle.predict(bundle.examples["rows"])) == bundle.examples["answers"]
    assert str(tmp_path).encode() not in made.path.read_bytes()
