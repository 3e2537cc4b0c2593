"""Small tables and short trainings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import lamina
from lamina.data.rows import Rows
from lamina.data.store import Store, StoreWriter
from lamina.features.layout import Layout
from lamina.features.number import Number
from lamina.models.mlp import MLP, MLPSettings
from lamina.nn.start import start
from lamina.tasks.regression import Regression, RegressionSettings
from lamina.testing import sample_layouts
from lamina.training.history import History
from lamina.training.loop import Trainer
from lamina.training.objective import Objective
from lamina.training.progress import Progress
from lamina.training.settings import TrainSettings

collect_ignore = ["conftest.py"]  # it holds no examples, and pytest takes files of one name for one module

ROWS = 60

Fit = Callable[..., lamina.Run]
Make = Callable[..., Trainer]


@pytest.fixture(scope="session")
def table() -> pl.DataFrame:
    """300 rows of a number, a category, a boolean with gaps, and a target of two classes that hangs on them."""
    draw = np.random.default_rng(0)
    size, kind = draw.normal(size=300), draw.choice(["x", "y", "z"], 300)
    flag = np.where(draw.random(300) < 0.1, None, draw.random(300) < 0.5)
    noise = draw.normal(size=300) * 0.5
    return pl.DataFrame(
        {"size": size, "kind": kind, "flag": flag.tolist(), "y": size + (kind == "x") + noise > 0.3}
    ).with_row_index("n")


def fit_into(folder: Path, table: pl.DataFrame) -> Fit:
    """Trains into a folder of that name within a folder, quickly and on one thread."""

    def go(name: str = "run", data: pl.DataFrame = table, target: str = "y", **settings: Any) -> lamina.Run:
        quick = {"model": "mlp", "budget": "13steps", "baselines": "none"} | settings
        if quick["model"] != "linear":
            quick.setdefault("model__width", 8)
        quick |= {"train__tensorboard": False, "train__threads": 1, "evaluate__resamples": 10}
        return lamina.train(data, target, out=folder / name, **quick)

    return go


@pytest.fixture
def fit(tmp_path: Path, table: pl.DataFrame) -> Fit:
    """Train on the table into a folder of that name, quickly and on one thread."""
    return fit_into(tmp_path, table)


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory, table: pl.DataFrame) -> lamina.Run:
    """What ``fit()`` gives where nothing stops it; not to be changed."""
    return fit_into(tmp_path_factory.mktemp("whole"), table)()


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """A trainer of a small network on 60 rows of three numbers, of which 12 are for early stopping."""
    draw = np.random.default_rng(0)
    numbers = draw.normal(size=(ROWS, 3)).astype(np.float32)
    target = (numbers @ [1.0, -2.0, 0.5] + draw.normal(size=ROWS) * 0.1).astype(np.float32)
    with StoreWriter(tmp_path / "store") as writer:
        empty = {"flag": np.empty((ROWS, 0), np.uint8), "category": np.empty((ROWS, 0), np.int32)}
        writer.append({"number": numbers, **empty, "row": np.arange(ROWS) + 1000, "target000": target})
    store = Store(tmp_path / "store")
    feature = Number("y", is_target=True).fit(pl.Series("y", target.astype(np.float64)))
    places = np.arange(ROWS, dtype=np.uint32)
    layout: Layout = sample_layouts()[1]

    def go(name: str = "0", model: Any = None, valid: int = 12, **settings: Any) -> Trainer:
        if model is None:
            model = start(MLP(layout, 1, MLPSettings(width=8, depth=1, dropout=0.0)), 0)
        (tmp_path / name).mkdir(exist_ok=True)
        return Trainer(
            tmp_path / name / "0",
            model,
            Objective([Regression(feature, RegressionSettings())]),
            Rows(store, places[valid:]),
            Rows(store, places[:valid]),
            TrainSettings(**({"threads": 1, "tensorboard": False} | settings)),
            seed=0,
            history=History(tmp_path / name, [], tensorboard=False),
            progress=Progress(None),
        )

    return go
