"""Series: what was measured, step after step."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Self

import numpy as np
import polars as pl

from lamina.codecs.series import SeriesCodec
from lamina.codecs.steps import Steps
from lamina.config import setting, settings
from lamina.errors import DataError, some
from lamina.features.base import Claim, Feature, Profile, Slot, blank_to_null, refuse
from lamina.features.gather import Gathered
from lamina.features.media import dimensions_of
from lamina.features.moments import Moments
from lamina.features.steps import (
    from_lists,
    from_nested,
    from_records,
    from_text,
    is_records,
    is_steps,
    of_cells,
    to_cells,
)

__all__ = ["Series", "SeriesSettings", "SeriesState"]

LOOKED_AT = 1000  # cells of text that are looked at
FEWEST = 8  # numbers in a usual cell of text: fewer may be a date, a place, a telephone number
SHOWN = 30  # channels in a summary


@settings
class SeriesSettings:
    """How series are read and scaled."""

    scaling: Literal["standard", "row", "none"] = setting(
        "standard",
        "standard: each channel to mean 0 and deviation 1 over the training rows; row: over the row itself, and where "
        "it lay beside the training rows as two channels more; none: as it is.",
    )
    longest: int = setting(4096, "Steps that are kept, the last ones; those before are cut off.", ge=1)
    layout: Literal["steps", "channels"] = setting(
        "steps", "What lists of lists are: steps, each with its channels; or channels, each with its steps."
    )
    decimal: Literal[".", ","] = setting(".", "The decimal mark in text cells; with ',' it parts no numbers.")


@dataclasses.dataclass
class SeriesState:
    """What was learned from the training rows.

    Attributes:
        count, missing: cells that are there, and that are not; an empty series is missing.
        names: of the channels, or nothing.
        gaps: for each channel, missing numbers within series.
        mean, deviation, low, high: of each channel.
        length: steps of a long row, the 95th percentile, the longest setting at most.
        shortest, middle, longest: steps of a row.
        cut: rows that are longer than the longest setting.
    """

    count: int
    missing: int
    names: list[str]
    gaps: list[int]
    mean: list[float]
    deviation: list[float]
    low: list[float]
    high: list[float]
    length: int
    shortest: int
    middle: int
    longest: int
    cut: int

    @property
    def channels(self) -> int:
        """How many there are."""
        return len(self.mean)


class Series(Feature):
    """Numbers in the order of time, of one or several channels and any length. One ``frames`` slot, a frame a step.

    Cells are lists of numbers; lists of lists; records of lists, which are named channels; or text. A number that is
    missing within a series is the one before it, or the mean if there is none; a channel with such gaps in training
    gets a channel more, which is 1 in a gap and else 0.

    Example:
        >>> feature = Series("load", SeriesSettings(scaling="none"))
        >>> cells = feature.read(pl.Series([[1.0, 2.0, 3.0], None, [4.0]]))
        >>> feature.fit(cells).encode(cells)["frames"].values.ravel().tolist()
        [1.0, 2.0, 3.0, 4.0]
    """

    kind: ClassVar[str] = "series"
    Settings = SeriesSettings
    State = SeriesState

    def __init__(self, column: str, settings: Any = None, *, is_target: bool = False) -> None:
        super().__init__(column, settings, is_target=is_target)
        self._names: list[str] | None = None  # of the channels, as they first came

    @classmethod
    def recognise(cls, profile: Profile) -> Claim | None:
        values, dtype = profile.values, profile.values.dtype
        dimensions = dimensions_of(dtype)
        if dimensions == 1 and profile.present:
            return Claim(0.8, f"lists of numbers, {_lengths(values.cast(pl.List(pl.Float64)).list.len())}")
        if dimensions == 2 and profile.present:
            layout = _layout(values.drop_nulls().head(LOOKED_AT))
            return Claim(0.8, f"lists of {layout}, each a list of numbers", {"layout": layout})
        if is_records(dtype) and profile.present:
            return Claim(0.8, f"records of lists of numbers: {', '.join(values.struct.fields[:8])}")
        if dtype == pl.String and profile.present:
            cells = values.drop_nulls().head(LOOKED_AT)
            steps = from_text(cells, ".")
            # A few words are faults to be shown with their rows.
            if steps.bad.mean() <= 0.01 and np.median(steps.lengths) >= FEWEST:
                return Claim(0.75, f"numbers in text, {_lengths(pl.Series(steps.lengths))}")
        return None

    def read(self, values: pl.Series, first_row: int = 0) -> pl.Series:
        steps = self._steps(values, first_row)
        form = "numbers" if self._channels is None else f"{self._channels} channel(s)"
        self._refuse(values, steps.bad, first_row, f"holds series of {form}, but some cells are none")
        if self._channels not in (None, steps.channels):
            what = f"has series of {self._channels} channel(s), but some of {steps.channels}"
            self._refuse(values, steps.lengths > 0, first_row, what)
        large = steps.any_in(np.abs(steps.values) > 1e38)
        self._refuse(values, large, first_row, "holds series with infinite numbers, or above 1e38")
        return to_cells(steps, values.name)

    def _steps(self, values: pl.Series, first_row: int) -> Steps:
        """Cells of any dtype as one array."""
        values = blank_to_null(values)
        dtype, dimensions = values.dtype, dimensions_of(values.dtype)
        if is_steps(dtype):
            return of_cells(values)
        if dtype == pl.String:
            return from_text(values, self.settings.decimal)
        if is_records(dtype):
            return from_records(values, self._channel_names(values, first_row))
        if dimensions == 1:
            return from_lists(values)
        if dimensions == 2:
            return from_nested(values, self._channels, by_channel=self.settings.layout == "channels")
        self._refuse(values, values.is_not_null().to_numpy(), first_row, f"holds series, but came as {dtype}")
        return Steps.none(len(values), self._channels or 1)

    @property
    def _channels(self) -> int | None:
        """How many there are, once a series was learned from."""
        return None if self.state is None else self.state.channels

    def _check_channels(self, steps: Steps) -> None:
        if len(steps.values) and self._channels not in (None, steps.channels):
            what = f"column {self.column!r} has series of {self._channels} channel(s), but some of {steps.channels}"
            raise DataError(what, do="bring series with the same channels in all rows")

    def _channel_names(self, values: pl.Series, first_row: int) -> list[str]:
        """The fields in the order of the channels: that in which they first came."""
        if self._names is None:
            self._names = [field.name for field in values.dtype.fields]  # type: ignore[attr-defined]
        lost = [name for name in self._names if name not in values.struct.fields]
        if lost:
            there = values.is_not_null().to_numpy()
            self._refuse(values, there, first_row, f"has series without the channel(s) {some(lost)}")
            return values.struct.fields
        return self._names

    def _refuse(self, values: pl.Series, bad: np.ndarray, first_row: int, what: str) -> None:
        if bad.any():
            short = [str(cell)[:40] if wrong else None for cell, wrong in zip(values.to_list(), bad, strict=True)]
            do = "bring lists of numbers, all with the same channels, or leave such cells empty"
            refuse(self, pl.Series(short, dtype=pl.String), pl.Series(bad), first_row, what, do)

    def partial_fit(self, values: pl.Series) -> Self:
        if self.state is None:
            self.state = _Seen(self.settings.longest)
        steps = of_cells(values)
        self._check_channels(steps)
        self.state.add(steps)
        return self

    def finish(self) -> Self:
        self.state = self.state.learned(self._names or [])
        return self

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        feature = super().from_json(values)
        if feature.state is not None:
            feature._names = feature.state.names or None
        return feature

    @property
    def slots(self) -> list[Slot]:
        state = self.state
        channels = state.channels * (3 if self.settings.scaling == "row" else 1) + len(self._with_gaps)
        return [Slot(self.column, "value", "frames", shape=(channels,), length=state.length)]

    @property
    def _with_gaps(self) -> list[int]:
        return [place for place, count in enumerate(self.state.gaps) if count]

    def encode(self, values: pl.Series) -> dict[str, Any]:
        steps = of_cells(values)
        self._check_channels(steps)
        return {"frames": self.codec().frames(steps)}

    def codec(self) -> SeriesCodec:
        state, chosen = self.state, self.settings
        return SeriesCodec(
            self.column,
            scaling=chosen.scaling,
            longest=chosen.longest,
            by_channel=chosen.layout == "channels",
            decimal=chosen.decimal,
            names=state.names,
            mean=state.mean,
            deviation=state.deviation,
            with_gaps=self._with_gaps,
        )

    def decode(self, encoded: np.ndarray) -> pl.Series:
        raise DataError(f"column {self.column!r} cannot be predicted yet", got=f"a {self.kind} column")

    def summary(self) -> dict[str, Any]:
        state = self.state
        names = state.names or [str(place) for place in range(state.channels)]
        steps = {"shortest": state.shortest, "middle": state.middle, "longest": state.longest}
        found: dict[str, Any] = {"channels": state.channels, "steps": steps}
        if state.cut:
            found["cut"] = f"{state.cut} of {state.count}"
        parts = zip(names, state.mean, state.deviation, state.low, state.high, state.gaps, strict=True)
        keys = ("mean", "deviation", "low", "high", "gaps")
        return found | {
            f"channel {name}": dict(zip(keys, values, strict=True)) for name, *values in list(parts)[:SHOWN]
        }


class _Seen:
    """What the series of some rows look like, in bounded memory."""

    def __init__(self, longest: int) -> None:
        self.count = self.missing = self.cut = 0
        self._longest = longest
        self._lengths = Gathered()
        self._moments: Moments | None = None

    @property
    def channels(self) -> int | None:
        """How many there are, once a series was seen."""
        return None if self._moments is None else len(self._moments.mean)

    def add(self, steps: Steps) -> None:
        """Take in more cells."""
        lengths = steps.lengths[steps.lengths > 0]
        self.count += len(lengths)
        self.missing += len(steps.lengths) - len(lengths)
        self.cut += int((lengths > self._longest).sum())
        self._lengths.add(lengths.astype(np.float64), 0)
        if len(lengths):
            moments = Moments.of(steps.values)
            self._moments = moments if self._moments is None else self._moments.joined(moments)

    def learned(self, names: list[str]) -> SeriesState:
        """What was seen, for good."""
        moments = self._moments or Moments.of(np.empty((0, max(1, len(names)))))
        lengths = self._lengths.sample if self.count else np.ones(1)
        shortest, middle, long, longest = np.quantile(lengths, [0, 0.5, 0.95, 1])
        return SeriesState(
            count=self.count,
            missing=self.missing,
            names=names,
            gaps=moments.gaps.tolist(),
            mean=moments.mean.tolist(),
            deviation=moments.deviation.tolist(),
            low=np.where(moments.counts > 0, moments.low, 0.0).tolist(),
            high=np.where(moments.counts > 0, moments.high, 0.0).tolist(),
            length=int(min(long, self._longest)),
            shortest=int(shortest),
            middle=int(middle),
            longest=int(longest),
            cut=self.cut,
        )


def _layout(cells: pl.Series) -> Literal["steps", "channels"]:
    """What lists of lists are by their lengths: every step has the same channels, and there are fewer of them."""
    outer = cells.cast(pl.List(pl.List(pl.Float64)))
    counts = outer.list.len()
    widths = outer.filter(counts > 0).explode().drop_nulls().list.len()
    if counts.n_unique() == 1 and (widths.n_unique() > 1 or (len(widths) and widths[0] > counts[0])):
        return "channels"
    return "steps"


def _lengths(counts: pl.Series) -> str:
    shortest, longest = int(counts.drop_nulls().to_numpy().min()), int(counts.drop_nulls().to_numpy().max())
    return f"{shortest} a cell" if shortest == longest else f"{shortest} to {longest} a cell"
