"""Numbers: any quantity, whole or not."""

from __future__ import annotations

import dataclasses
import math
from statistics import NormalDist
from typing import Any, ClassVar, Literal, Self

import numpy as np
import polars as pl

from lamina.codecs.number import NumberCodec
from lamina.config import setting, settings
from lamina.features.base import Claim, Feature, Profile, Slot, blank_to_null, refuse
from lamina.features.gather import KNOTS, Gathered, capped_quantiles

__all__ = ["Number", "NumberSettings", "NumberState"]

# Whole numbers with few different values are told apart by the pieces of an embedding; with very many they are
# quantities. Between the two, single values often mean something of their own (a fee, a cap, a year).
CODES_FROM, CODES_TO = 49, 256

_SHARES = np.linspace(0, 1, KNOTS)
# The ends of the normal scale are those of a sample of this size, about +-2.9, rather than infinite.
_NORMAL = np.array([NormalDist().inv_cdf(float(share)) for share in np.clip(_SHARES, 0.5 / KNOTS, 1 - 0.5 / KNOTS)])


@settings
class NumberSettings:
    """How numbers are read and scaled."""

    scaling: Literal["auto", "standard", "robust", "minmax", "quantile", "none"] = setting(
        "auto",
        "standard: mean 0, deviation 1; robust: median 0, quartile range 1; minmax: 0 to 1; "
        "quantile: to a normal distribution by ranks; none: as it is; auto: quantile for inputs, standard for targets.",
    )
    root: Literal["auto", "on", "off"] = setting(
        "auto", "Scale the square root; auto: for targets such as counts, never negative and with a long right tail."
    )
    codes: bool = setting(
        True, f"Give whole numbers with {CODES_FROM} to {CODES_TO} different values as a category too (inputs only)."
    )
    decimal: Literal[".", ","] = setting(".", "The decimal mark in text cells; with ',' a '.' groups thousands.")


@dataclasses.dataclass
class NumberState:
    """What was learned from the training rows.

    Attributes:
        quantiles: 257 at even shares.
        knots: the same, no value weighing more than one step; edges of embeddings are taken from them.
        root: whether the square root is scaled.
        centre, width: the affine scale, of the root where that is scaled.
        codes: whole numbers that have a code of their own.
    """

    count: int
    missing: int
    mean: float
    deviation: float
    low: float
    high: float
    quantiles: list[float]
    knots: list[float]
    root: bool
    centre: float
    width: float
    codes: list[float]


class Number(Feature):
    """A quantity. One ``number`` slot, a ``missing`` flag where training cells were missing, sometimes a ``code``.

    Missing cells are encoded as the training median. A column that never varies is encoded as zeros.

    Example:
        >>> feature = Number("age", NumberSettings(scaling="standard")).fit(pl.Series([20.0, 30.0, 40.0]))
        >>> feature.encode(pl.Series([30.0]))["number"]
        array([[0.]], dtype=float32)
    """

    kind: ClassVar[str] = "number"
    target_group: ClassVar[str] = "number"
    Settings = NumberSettings
    State = NumberState

    @classmethod
    def recognise(cls, profile: Profile) -> Claim | None:
        values = profile.values
        if values.dtype.is_numeric():
            return Claim(0.7, f"{values.dtype} values, {profile.distinct} different")
        if values.dtype != pl.String or not profile.present:
            return None
        best, bad = ".", profile.present - _parse(values, ".").count()
        if bad and _has_decimal_commas(values) and (fewer := profile.present - _parse(values, ",").count()) < bad:
            best, bad = ",", fewer
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
            numbers = numbers.fill_nan(None)  # however it is spelt: NAN, -nan
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
            self.state = Gathered()
        self.state.add(values.drop_nulls().cast(pl.Float64).to_numpy(), values.null_count())
        return self

    def finish(self) -> Self:
        found: Gathered = self.state
        sample = found.sample if found.count else np.zeros(1)
        quantiles = found.quantiles()
        root = self._takes_root(found, sample)
        centre, width = self._affine(found, np.sqrt(sample) if root else sample, root) if found.count else (0.0, 1.0)
        values = found.values if found.values is not None else np.empty(0)
        whole = bool((values == np.floor(values)).all()) and CODES_FROM <= len(values) <= CODES_TO
        self.state = NumberState(
            count=found.count,
            missing=found.missing,
            mean=found.mean,
            deviation=found.deviation if found.count else 0.0,
            low=float(quantiles[0]),
            high=float(quantiles[-1]),
            quantiles=quantiles.tolist(),
            knots=capped_quantiles(sample).tolist(),
            root=root,
            centre=centre,
            width=width if width > 1e-150 and found.low < found.high else 1.0,  # below, the squares underflow
            codes=values.tolist() if whole and self.settings.codes and not self.is_target else [],
        )
        return self

    @property
    def scaling(self) -> str:
        """The scaling in use."""
        if self.settings.scaling == "auto":
            return "standard" if self.is_target else "quantile"
        return self.settings.scaling

    def _takes_root(self, found: Gathered, sample: np.ndarray) -> bool:
        if self.settings.root != "auto":
            return self.settings.root == "on" and found.low >= 0
        if not self.is_target or found.low < 0 or not found.deviation:
            return False
        skew = float((((sample - sample.mean()) / sample.std()) ** 3).mean())
        return skew > 1 and found.high >= 3 * found.mean

    def _affine(self, found: Gathered, sample: np.ndarray, root: bool) -> tuple[float, float]:
        """Centre and width of the scale."""
        if self.scaling == "robust":
            low, middle, high = np.quantile(sample, [0.25, 0.5, 0.75])
            # Where half of the cells are equal the quartiles say nothing of the width.
            return float(middle), float(high - low) or float(sample.std())
        if self.scaling == "minmax":
            low, high = (math.sqrt(end) if root else end for end in (found.low, found.high))
            return low, high - low
        if self.scaling == "standard":
            return (float(sample.mean()), float(sample.std())) if root else (found.mean, found.deviation)
        return 0.0, 1.0

    @property
    def slots(self) -> list[Slot]:
        state = self.state
        knots = self.codec().scale(np.array(state.knots)).astype(np.float32)
        slots = [Slot(self.column, "value", "number", knots=tuple(float(knot) for knot in knots))]
        if state.missing:
            slots.append(Slot(self.column, "missing", "flag"))
        if state.codes:
            slots.append(Slot(self.column, "code", "category", size=len(state.codes) + 1))
        return slots

    def encode(self, values: pl.Series) -> dict[str, np.ndarray]:
        raw = values.cast(pl.Float64).fill_null(self._median).to_numpy()
        return self.codec().arrays(raw, values.is_null().to_numpy())

    def decode(self, encoded: np.ndarray) -> pl.Series:
        return pl.Series(self.column, self.codec().unscale(encoded))

    def codec(self) -> NumberCodec:
        state, is_ranked = self.state, self.scaling == "quantile"
        values, ranks = self._ranks() if is_ranked else (np.empty(0), np.empty(0))
        return NumberCodec(
            self.column,
            decimal=self.settings.decimal,
            is_ranked=is_ranked,
            values=values.tolist(),
            ranks=ranks.tolist(),
            root=state.root,
            centre=state.centre,
            width=state.width,
            median=self._median,
            has_missing=bool(state.missing),
            codes=state.codes,
        )

    @property
    def _median(self) -> float:
        return self.state.quantiles[KNOTS // 2]

    def _ranks(self) -> tuple[np.ndarray, np.ndarray]:
        """The different quantiles, and their places on the normal scale; of those that are equal, the middle place."""
        values, first, counts = np.unique(self.state.quantiles, return_index=True, return_counts=True)
        return values, (_NORMAL[first] + _NORMAL[first + counts - 1]) / 2

    def summary(self) -> dict[str, Any]:
        state = self.state
        return {
            "mean": state.mean,
            "deviation": state.deviation,
            "low": state.low,
            "median": self._median,
            "high": state.high,
        }


def _has_decimal_commas(values: pl.Series) -> bool:
    """Whether commas can only be decimal marks: in 1,234 and 1,234.5 they group thousands, or may do so."""
    decimal = values.str.contains(r"^[+-]?(\d+|\d{1,3}(\.\d{3})+),(\d{1,2}|\d{4,})$|^[+-]?0,\d")
    return bool(decimal.any()) and not values.str.contains(r",.*[.,]").any()


def _parse(values: pl.Series, decimal: str) -> pl.Series:
    """Text as numbers, null where it is none."""
    if decimal == ",":
        values = values.str.replace_all(".", "", literal=True).str.replace(",", ".", literal=True)
    return values.str.strip_chars().cast(pl.Float64, strict=False)
