"""One finished run that tests read, and copies of it that they may damage."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import lamina

collect_ignore = ["conftest.py"]  # it holds no examples, and pytest takes files of one name for one module

QUICK: dict[str, Any] = {
    "model": "mlp",
    "model__width": 8,
    "budget": "12steps",
    "baselines": "none",
    "train__threads": 1,
    "train__tensorboard": False,
    "evaluate__resamples": 20,
}

Train = Callable[..., lamina.Run]


@pytest.fixture(scope="session")
def rows() -> pl.DataFrame:
    """300 rows: a number with gaps, a category, a boolean, a date, and targets of every kind."""
    draw = np.random.default_rng(0)
    size, kind = draw.normal(size=300), draw.choice(["x", "y", "z"], 300)
    score = size + (kind == "x") + draw.normal(size=300) * 0.5
    tags = [[tag for tag, on in zip("abc", draw.random(3) < [0.6, 0.3, 0.5], strict=True) if on] for _ in range(300)]
    return pl.DataFrame(
        {
            "size": pl.Series(size).set(pl.Series(draw.random(300) < 0.1), None),
            "kind": kind,
            "flag": draw.random(300) < 0.5,
            "day": pl.date_range(pl.date(2020, 1, 1), pl.date(2020, 10, 26), eager=True),
            "ill": np.where(score > 0.3, "yes", "no"),
            "grade": np.select([score < -0.5, score < 0.7], ["low", "middle"], "high"),
            "score": score * 10 + 50,
            "tags": tags,
        }
    )


@pytest.fixture
def train(tmp_path: Path, rows: pl.DataFrame) -> Train:
    """Train on the rows, from size, kind, flag and day, into a folder of that name."""

    def go(target: str | list[str] = "ill", name: str = "run", data: Any = rows, **settings: Any) -> lamina.Run:
        inputs = settings.pop("inputs", ["size", "kind", "flag", "day"])
        quick = dict(QUICK)
        if not isinstance(settings.get("model", "mlp"), str):
            del quick["model__width"]
        return lamina.train(data, target, inputs=inputs, out=tmp_path / name, **(quick | settings))

    return go


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory, rows: pl.DataFrame) -> lamina.Run:
    """A finished run that predicts ``ill``; not to be changed."""
    folder = tmp_path_factory.mktemp("finished") / "run"
    return lamina.train(rows, "ill", inputs=["size", "kind", "flag", "day"], out=folder, **QUICK)


@pytest.fixture
def copied(finished: lamina.Run, tmp_path: Path) -> Path:
    """A copy of it that may be damaged."""
    return Path(shutil.copytree(finished.path, tmp_path / "copied"))
