"""What a prediction is: arrays for scoring, and columns for people. No torch here."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import polars as pl

from lamina.features.base import Feature

__all__ = ["Answer"]


@dataclasses.dataclass(frozen=True)
class Answer:
    """Predictions for n rows. What does not apply is None.

    Attributes:
        probability: (n, C) of each class, or (n, L) of each label.
        decision: (n,) class codes, or (n, L) uint8 label flags.
        value: (n,) float64 in the column's own unit.
        quantiles: share -> (n,) float64 in the column's own unit.
        lower, upper: (n,) float64, the interval that holds the value in about 90% of rows.
        text: (n,) texts.
        sureness: (n,) float64, the probability of a text's tokens, their geometric mean.
    """

    probability: np.ndarray | None = None
    decision: np.ndarray | None = None
    value: np.ndarray | None = None
    quantiles: dict[float, np.ndarray] | None = None
    lower: np.ndarray | None = None
    upper: np.ndarray | None = None
    text: np.ndarray | None = None
    sureness: np.ndarray | None = None

    def __len__(self) -> int:
        main = next(one for one in (self.value, self.decision, self.text) if one is not None)
        return len(main)

    def take(self, rows: np.ndarray) -> Answer:
        """The answers to some rows, by their places or by (n,) of True and False."""
        whole = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        arrays = {name: value[rows] for name, value in whole.items() if isinstance(value, np.ndarray)}
        quantiles = self.quantiles and {share: values[rows] for share, values in self.quantiles.items()}
        return Answer(**arrays, quantiles=quantiles)

    def frame(self, feature: Feature) -> pl.DataFrame:
        """The answer as columns: the prediction under the target's name, then probabilities or the interval.

        Example:
            >>> from lamina.features.boolean import Boolean
            >>> feature = Boolean("ill").fit(pl.Series([True, False]))
            >>> Answer(probability=np.array([[0.2, 0.8]]), decision=np.array([1])).frame(feature).columns
            ['ill', 'ill_probability_false', 'ill_probability_true']
        """
        name = feature.column
        columns: dict[str, Any] = {}
        if self.value is not None:
            columns[name] = self.value
            columns |= {f"{name}_q{share:g}": values for share, values in (self.quantiles or {}).items()}
            if self.lower is not None:
                columns |= {f"{name}_low": self.lower, f"{name}_high": self.upper}
        elif self.text is not None:
            columns[name] = pl.Series(self.text.tolist(), dtype=pl.String)
            columns[f"{name}_sureness"] = self.sureness
        else:
            assert self.decision is not None
            columns[name] = feature.decode(self.decision)
        if self.probability is not None:
            names = feature.names  # type: ignore[attr-defined]
            columns |= {f"{name}_probability_{names[k]}": self.probability[:, k] for k in range(len(names))}
        return pl.DataFrame(columns)
