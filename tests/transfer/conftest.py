"""Small tables of pictures and texts, and runs to start from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import lamina

collect_ignore = ["conftest.py"]  # it holds no examples, and pytest takes files of one name for one module

Pictures = Callable[[int, int], pl.DataFrame]
Fit = Callable[..., lamina.Run]
QUICK = {"train__tensorboard": False, "train__threads": 1, "evaluate__resamples": 10, "baselines": "none"}


def _pictures(rows: int, seed: int) -> pl.DataFrame:
    draw = np.random.default_rng(seed)
    kind = draw.integers(0, 2, rows)
    pixels = draw.integers(0, 60, (rows, 8, 8, 3)).astype(np.uint8)
    for picture, one in zip(pixels, kind, strict=True):
        picture[1:5, 4 * one : 4 * one + 3] += 120
    cells = pl.Series("photo", pixels, dtype=pl.Array(pl.UInt8, (8, 8, 3)))
    return pl.DataFrame({"photo": cells, "label": np.where(kind, "right", "left")})


@pytest.fixture(scope="session")
def pictures() -> Pictures:
    """Makes so many pictures from a seed; the side of the bright square says the class."""
    return _pictures


@pytest.fixture
def fit(tmp_path: Path) -> Fit:
    """Train on a table into a folder of that name, quickly and on one thread."""

    def go(name: str, data: pl.DataFrame, **settings: Any) -> lamina.Run:
        return lamina.train(data, data.columns[-1], out=tmp_path / name, **{"budget": "6steps", **QUICK, **settings})

    return go


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> lamina.Run:
    """A finished run over pictures."""
    backbone = {"name": "cnn", "width": 4, "depth": 2}
    folder = tmp_path_factory.mktemp("source") / "run"
    return lamina.train(
        _pictures(120, 0), "label", model="mixed", model__image=backbone, budget="20steps", out=folder, **QUICK
    )
