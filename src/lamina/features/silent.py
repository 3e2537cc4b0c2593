"""What columns have in common that give nothing to the network."""

from __future__ import annotations

import dataclasses
from typing import Self

import numpy as np
import polars as pl

from lamina.features.base import Feature, Slot, as_text, blank_to_null

__all__ = ["Silent", "SilentState"]


@dataclasses.dataclass
class SilentState:
    """How many cells were there."""

    count: int
    missing: int


class Silent(Feature):
    """Abstract: a column that is recognised and kept for people, and is no input."""

    State = SilentState

    def read(self, values: pl.Series, first_row: int = 0) -> pl.Series:
        values = blank_to_null(values)
        return as_text(values)

    def partial_fit(self, values: pl.Series) -> Self:
        count, missing = self.state or (0, 0)
        self.state = (count + len(values) - values.null_count(), missing + values.null_count())
        return self

    def finish(self) -> Self:
        self.state = SilentState(*self.state)
        return self

    @property
    def slots(self) -> list[Slot]:
        return []

    def encode(self, values: pl.Series) -> dict[str, np.ndarray]:
        return {}

    def decode(self, encoded: np.ndarray) -> pl.Series:
        return pl.Series(self.column, encoded)
