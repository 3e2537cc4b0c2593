"""A small table of every plain kind of column, and a run on it that predicts one target of every kind."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

import lamina

__all__ = ["INPUTS", "TARGETS", "fruits", "train_fruits"]

INPUTS = ["size", "colour", "organic", "picked"]
TARGETS = ["ripe", "price", "kind", "uses"]


def fruits(rows: int = 300, seed: int = 0) -> pl.DataFrame:
    """Fruits: a number with gaps, a category, a boolean, a date; and four targets."""
    draw = np.random.default_rng(seed)
    size, colour = draw.normal(50, 9, rows).round(1), draw.choice(["red", "green", "blue"], rows)
    price = size / 10 + 2 * (colour == "red") + draw.normal(size=rows)
    uses = [[use for use, share in (("jam", 0.6), ("pie", 0.3)) if draw.random() < share] for _ in range(rows)]
    return pl.DataFrame(
        {
            "size": pl.Series(size).set(pl.Series(draw.random(rows) < 0.1), None),
            "colour": colour,
            "organic": draw.random(rows) < 0.5,
            "picked": [date(2024, 1, 1) + timedelta(days=int(days)) for days in draw.integers(0, 300, rows)],
            "ripe": np.where(price > 6, "yes", "no"),
            "price": price,
            "kind": draw.choice(["plum", "pear", "fig"], rows),
            "uses": uses,
        }
    )


def train_fruits(folder: Path, **plan: Any) -> lamina.Run:
    """A run of a few steps."""
    values: dict[str, Any] = {
        "model": "mlp",
        "model__width": 8,
        "budget": "12steps",
        "baselines": "none",
        "train__threads": 1,
        "train__tensorboard": False,
        "evaluate__resamples": 20,
        "features": {"uses": "labels"},
    }
    source = folder.parent / "fruits.parquet"
    fruits().write_parquet(source)
    return lamina.train(source, TARGETS, inputs=INPUTS, out=folder, **{**values, **plan})
