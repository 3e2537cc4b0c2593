"""Small pieces of music in three voices, and a network that learns them within a second or two."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

import lamina
from lamina.codecs.midi import write_midi
from lamina.features.music import tune_of

SCALE = (60, 62, 64, 65, 67, 69, 71, 72, 74)
NESTED = pl.List(pl.List(pl.Int64))


def hymns(rows: int = 30, steps: int = 12, seed: int = 0) -> pl.DataFrame:
    """Melodies that go up and down a scale, each note over its third and a bass; all end as they began."""
    draw = np.random.default_rng(seed)
    pieces = []
    for _ in range(rows):
        places = np.abs((np.cumsum(draw.choice([-1, 1], steps + int(draw.integers(4)))) + 4) % 12 - 6) + 2
        places[0] = places[-1] = 4
        pieces.append([[SCALE[place] - 24, SCALE[place - 2], SCALE[place]] for place in places])
    return pl.DataFrame({"piece": pl.Series(pieces, dtype=NESTED)})


def write_hymns(folder: Path, rows: int = 30, seed: int = 0, tempo: float = 90.0) -> None:
    """The same as MIDI files."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, steps in enumerate(hymns(rows, seed=seed)["piece"].to_list()):
        (folder / f"{number:03}.mid").write_bytes(write_midi(tune_of(steps, tempo=tempo, tied=False)))


def fit(out: Any, data: Any = None, target: str = "piece", **settings: Any) -> lamina.Run:
    """Train on one thread for as long as it takes to see that it does."""
    quick = {
        "budget": "3steps", "train__tensorboard": False, "train__threads": 1, "evaluate__resamples": 10,
        "baselines": "none", "task__tries": 2, "task__seconds": 4.0,
    }  # fmt: skip
    plan = {"model": {"name": "composer", "width": 12, "hidden": 12}}
    return lamina.train(hymns() if data is None else data, target, out=out, plan=plan, **(quick | settings))
