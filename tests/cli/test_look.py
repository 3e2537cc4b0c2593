"""``lamina look``: the parts of a network in the terminal, and a page."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

import lamina
from cli.terminal import Lamina


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A run over pictures and texts whose column names are hostile, and its rows."""
    folder = tmp_path_factory.mktemp("look")
    draw = np.random.default_rng(0)
    pixels = draw.integers(0, 256, (60, 8, 8, 3), np.uint8)
    said = [" ".join(draw.choice(["good", "bad", "<i>film"], 5)) for _ in range(60)]
    table = pl.DataFrame(
        {
            "<b>photo": pl.Series(pixels, dtype=pl.Array(pl.UInt8, (8, 8, 3))),
            "said": said,
            "label": draw.choice(["one", "two"], 60),
        }
    )
    table.write_parquet(folder / "rows.parquet")
    lamina.train(
        table, "label", model="mixed", budget="3steps", baselines="none", evaluate__resamples=10, train__threads=1,
        features={"said": "text"}, model__image={"name": "cnn", "width": 4, "depth": 2},
        model__text={"name": "lstm", "width": 6}, train__tensorboard=False, out=folder / "run",
    )  # fmt: skip
    return folder / "run", folder / "rows.parquet"


def test_parts_are_listed_without_data(run: Path, lamina_: Lamina) -> None:
    done = lamina_("look", run)
    assert done.code == 0 and done.err == ""
    lines = [line.split() for line in done.out.splitlines()]
    assert lines[0] == ["part", "kind", "gives", "weights", "multiply-adds", "share"]
    assert lines[1][:2] == ["whole", "MLP"] and lines[-1][0] == "head"


def test_a_row_makes_a_page_that_escapes_names(mixed: tuple[Path, Path], tmp_path: Path, lamina_: Lamina) -> None:
    folder, rows = mixed
    done = lamina_("look", folder, "--data", rows, "--row", 7, "--out", tmp_path / "look.html")
    assert done.code == 0, done.err
    assert "tokens001" in done.out and f"page  {tmp_path / 'look.html'}" in done.out
    page = (tmp_path / "look.html").read_text()
    for heading in ("The network", "First filters", "Dead units", "Row 7", "Gates and states", "Grad-CAM"):
        assert heading in page
    assert "&lt;b&gt;photo" in page and "<b>photo" not in page and "<i>" not in page
    assert "http" not in page.replace("http-equiv", "")


def test_programs_get_one_document(mixed: tuple[Path, Path], lamina_: Lamina) -> None:
    folder, rows = mixed
    found = lamina_("look", folder, "--data", rows, "--json").document
    assert found["parts"][0]["kind"] == "Mixed" and found["rows"] == 60
    assert found["row"]["answer"]["label"] in ("one", "two") and sum(one["size"] for one in found["units"])


def test_what_is_not_there_is_said(mixed: tuple[Path, Path], tmp_path: Path, lamina_: Lamina) -> None:
    folder, rows = mixed
    assert (
        "there is no such row · got 60 · allowed: 0 to 59" in lamina_("look", folder, "--data", rows, "--row", 60).err
    )
    assert "is not a complete run" in lamina_("look", tmp_path).err
