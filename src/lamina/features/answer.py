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
        place: (n, 2) int64, where a text that was found in another one starts and ends; -1 where none was.
        sums: (n, k) float64, of a row whose own probability is judged: nats, steps, and what else scores are made from.
        labels: (n,) lists of a label for each word.
        spans: (n,) lists of the spans that these labels make, where they make any.
    """

    probability: np.ndarray | None = None
    decision: np.ndarray | None = None
    value: np.ndarray | None = None
    quantiles: dict[float, np.ndarray] | None = None
    lower: np.ndarray | None = None
    upper: np.ndarray | None = None
    text: np.ndarray | None = None
    sureness: np.ndarray | None = None
    place: np.ndarray | None = None
    sums: np.ndarray | None = None
    labels: np.ndarray | None = None
    spans: np.ndarray | None = None

    def __len__(self) -> int:
        main = next(one for one in (self.value, self.decision, self.text, self.sums, self.labels) if one is not None)
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
            if self.place is not None:
                found = self.place[:, 0] >= 0
                for part, places in zip(("start", "end"), self.place.T, strict=True):
                    columns[f"{name}_{part}"] = pl.Series(places).set(pl.Series(~found), None)
        elif self.labels is not None:
            columns[name] = pl.Series(self.labels.tolist(), dtype=pl.List(pl.String))
            columns[f"{name}_sureness"] = self.sureness
        elif self.sums is not None:
            nats, steps = self.sums[:, :2].T
            columns[f"{name}_nats"] = np.divide(nats, steps, out=np.full(len(nats), np.nan), where=steps > 0)
        else:
            assert self.decision is not None
            columns[name] = feature.decode(self.decision)
        if self.probability is not None:
            names = feature.names  # type: ignore[attr-defined]
            columns |= {f"{name}_probability_{names[k]}": self.probability[:, k] for k in range(len(names))}
        return pl.DataFrame(columns)
