"""What the tests of the command line share."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import polars as pl

ROWS = 200


class Done(NamedTuple):
    """What a command left: its exit code, and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """Standard output as one JSON document."""
        return json.loads(self.out)


Lamina = Callable[..., Done]


def make_table(rows: int = ROWS, seed: int = 0) -> pl.DataFrame:
    """Fruits: two classes that a number and a category tell apart, more or less."""
    random = np.random.default_rng(seed)
    size, colour = random.normal(size=rows), random.choice(["red", "green", "blue"], rows)
    ripe = size + (colour == "red") + random.normal(scale=0.3, size=rows) > 0.3
    return pl.DataFrame({"size": size, "colour": colour, "ripe": np.where(ripe, "yes", "no")})
