"""Numbers: any quantity, whole or not."""

from __future__ import annotations

import dataclasses
from statistics import NormalDist
from typing import Any, ClassVar, Literal, Self

import numpy as np
import polars as pl

from lamina.config import setting, settings
from lamina.features.base import Claim, Feature, Profile, Slot, blank_to_null, refuse

__all__ = ["Number", "NumberSettings", "NumberState"]

KNOTS = 257  # quantiles kept: a power of two of steps, so that coarser sets are every 2nd, 4th, ... of them
SAMPLE = 200_000  # values kept for the quantiles; up to so many rows they are exact

_SHARES = np.linspace(0, 1, KNOTS)
# The ends of the normal scale are those of a sample of this size, about +-2.9, rather than infinite.
_NORMAL = np.array([NormalDist().inv_cdf(float(share)) for share in np.clip(_SHARES, 0.5 / KNOTS, 1 - 0.5 / KNOTS)])


@settings
class NumberSettings:
    """How numbers are read and scaled."""

    scaling: Literal["standard", "robust", "minmax", "quantile", "none"] = setting(
        "standard",
        "standard: mean 0, deviation 1; robust: median 0, quartile range 1; minmax: 0 to 1; "
        "quantile: to a normal distribution by ranks; none: as it is.",
    )
    decimal: Literal[".", ","] = setting(".", "The decimal mark in text cells; with ',' a '.' groups thousands.")


@dataclasses.dataclass
class NumberState:
    """What was learned from the training rows."""

    count: int
    missing: int
    mean: float
    deviation: float
    low: float
    high: float
    quantiles: list[float]
    whole: bool


class Number(Feature):
    """A quantity. One ``number`` slot, and a ``missing`` flag where training cells were missing.

    Missing cells are encoded as the training median. A column that never varies is encoded as zeros.

    Example:
        >>> feature = Number("age").fit(pl.Series([20.0, 30.0, 40.0]))
        >>> feature.encode(pl.Series([30.0]))["number"]
        array([[0.]], dtype=float32)
    """

    kind: ClassVar[str] = "number"
    Settings = NumberSettings
    State = NumberState

    @classmethod
    def recognise(cls, profile: Profile) -> Claim | None:
        values = profile.values
        if values.dtype.is_numeric():
            return Claim(0.7, f"{values.dtype} values, {profile.distinct} different")
        if values.dtype != pl.String or not profile.present:
            return None
        best = max((".", ","), key=lambda mark: (_parse(values, mark).is_not_null().sum(), mark == "."))
        bad = profile.present - int(_parse(values, best).is_not_null().sum())
        extra = {} if best == "." else {"decimal": best}
        if bad == 0:
            # A code such as 01234 is no quantity: as a number it would lose its zero.
            if values.str.contains(r"^0\d").fill_null(False).any():
                return None
            return Claim(0.7, f"all {profile.present} cells are numbers, {profile.distinct} different", extra)
        # A few words among numbers are faults to be shown with their rows, not a reason to make the column a category.
        if bad <= max(10, profile.present // 1000) and bad <= profile.present // 10:
            return Claim(0.7, f"{profile.present - bad} of {profile.present} cells are numbers", extra)
        return None

    def read(self, values: pl.Series, first_row: int = 0) -> pl.Series:
        values = blank_to_null(values)
        do = f"mend the cells, leave them empty, or say --feature {self.column}=category"
        if values.dtype == pl.String:
            numbers = _parse(values, self.settings.decimal)
            bad = numbers.is_null() & values.is_not_null()
            refuse(self, values, bad, first_row, "holds numbers, but some cells are words", do)
        elif values.dtype.is_numeric() or values.dtype in (pl.Boolean, pl.Null):
            numbers = values.cast(pl.Float64).fill_nan(None)
        else:
            refuse(self, values, values.is_not_null(), first_row, f"holds numbers, but came as {values.dtype}", do)
            numbers = pl.Series(values.name, [None] * len(values), dtype=pl.Float64)
        refuse(self, values, numbers.is_infinite(), first_row, "holds infinite numbers", "leave such cells empty")
        # float32 is what networks see; a larger number would become infinite on the way.
        huge = numbers.abs() > 1e38
        refuse(self, values, huge, first_row, "holds numbers above 1e38", "change the unit, or leave such cells empty")
        return numbers

    def partial_fit(self, values: pl.Series) -> Self:
        if self.state is None:
            self.state = _Gathered()
        self.state.add(values)
        return self

    def finish(self) -> Self:
        self.state = self.state.result()
        return self

    @property
    def slots(self) -> list[Slot]:
        knots = self._scale(np.array(self.state.quantiles)).astype(np.float32)
        slots = [Slot(self.column, "value", "number", knots=tuple(float(knot) for knot in knots))]
        if self.state.missing:
            slots.append(Slot(self.column, "missing", "flag"))
        return slots

    def encode(self, values: pl.Series) -> dict[str, np.ndarray]:
        missing = values.is_null().to_numpy()
        raw = values.cast(pl.Float64).fill_null(self._median).to_numpy()
        arrays = {"number": self._scale(raw).astype(np.float32)[:, None]}
        if self.state.missing:
            arrays["flag"] = missing.astype(np.uint8)[:, None]
        return arrays

    def decode(self, encoded: np.ndarray) -> pl.Series:
        centre, width = self._affine()
        if self.settings.scaling == "quantile":
            raw = np.interp(encoded.astype(np.float64), _NORMAL, self.state.quantiles)
        else:
            raw = encoded.astype(np.float64) * width + centre
        return pl.Series(self.column, raw)

    @property
    def unit(self) -> float:
        """How much one unit of the encoded scale is in the column's own unit (not for quantile scaling)."""
        return self._affine()[1]

    @property
    def _median(self) -> float:
        return self.state.quantiles[KNOTS // 2]

    def _affine(self) -> tuple[float, float]:
        """The centre and width of the scale."""
        state = self.state
        lower, upper = state.quantiles[KNOTS // 4], state.quantiles[3 * KNOTS // 4]
        centre, width = {
            "standard": (state.mean, state.deviation),
            # Where half of the cells are equal the quartiles say nothing of the width.
            "robust": (self._median, upper - lower or state.deviation),
            "minmax": (state.low, state.high - state.low),
            "quantile": (0.0, 1.0),
            "none": (0.0, 1.0),
        }[self.settings.scaling]
        return centre, width if width > 0 else 1.0

    def _scale(self, raw: np.ndarray) -> np.ndarray:
        if self.settings.scaling == "quantile":
            # Of values that fill several knots, the middle rank: interp alone would take the last.
            lower = np.interp(raw, *_first(self.state.quantiles, _NORMAL))
            upper = np.interp(raw, *_first(self.state.quantiles[::-1], _NORMAL[::-1], reverse=True))
            return (lower + upper) / 2  # type: ignore[no-any-return]
        centre, width = self._affine()
        return (raw - centre) / width

    def summary(self) -> dict[str, Any]:
        state = self.state
        return {
            "mean": state.mean,
            "deviation": state.deviation,
            "low": state.low,
            "median": self._median,
            "high": state.high,
        }


def _parse(values: pl.Series, decimal: str) -> pl.Series:
    """Text as numbers, null where it is none."""
    if decimal == ",":
        values = values.str.replace_all(".", "", literal=True).str.replace(",", ".", literal=True)
    return values.str.strip_chars().cast(pl.Float64, strict=False)


def _first(knots: list[float], targets: np.ndarray, reverse: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Increasing knots without repeats, each with the target of its first occurrence in the given order."""
    unique, where = np.unique(np.array(knots), return_index=True)
    return unique, targets[where]


class _Gathered:
    """Moments by Chan's parallel formula, and an even sample for the quantiles, from pieces of a column."""

    def __init__(self) -> None:
        self.count = self.missing = self.seen = 0
        self.mean = self.squares = 0.0
        self.low, self.high = np.inf, -np.inf
        self.whole = True
        self.step = 1
        self.sample: list[np.ndarray] = []
        self.kept = 0

    def add(self, values: pl.Series) -> None:
        self.missing += values.null_count()
        present = values.drop_nulls().cast(pl.Float64).to_numpy()
        if not len(present):
            return
        count, mean = len(present), float(present.mean())
        total = self.count + count
        self.squares += float(((present - mean) ** 2).sum()) + (mean - self.mean) ** 2 * self.count * count / total
        self.mean += (mean - self.mean) * count / total
        self.low, self.high = min(self.low, float(present.min())), max(self.high, float(present.max()))
        self.whole = self.whole and bool((present == np.floor(present)).all())
        picked = present[-self.count % self.step :: self.step]
        self.count = total
        self.sample.append(picked)
        self.kept += len(picked)
        while self.kept > SAMPLE:
            merged = np.concatenate(self.sample)[::2]
            self.sample, self.kept, self.step = [merged], len(merged), self.step * 2

    def result(self) -> NumberState:
        if not self.count:
            return NumberState(0, self.missing, 0.0, 0.0, 0.0, 0.0, [0.0] * KNOTS, True)
        quantiles = np.quantile(np.concatenate(self.sample), _SHARES)
        quantiles[0], quantiles[-1] = self.low, self.high
        deviation = float(np.sqrt(self.squares / self.count))
        # A constant column gives rounding noise, not exactly zero.
        deviation = 0.0 if self.low == self.high else deviation
        return NumberState(
            self.count, self.missing, self.mean, deviation, self.low, self.high, quantiles.tolist(), self.whole
        )
