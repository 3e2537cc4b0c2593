"""Label sets: any number of names in one cell."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar, Self

import numpy as np
import polars as pl

from lamina.codecs.labels import LabelsCodec
from lamina.config import setting, settings
from lamina.features.base import Claim, Feature, Profile, Slot, blank_to_null, refuse

__all__ = ["Labels", "LabelsSettings", "LabelsState"]


@settings
class LabelsSettings:
    """How label sets are read."""

    separator: str = setting("|", "What stands between the names in a text cell.", min_length=1)
    min_count: int = setting(1, "Names in fewer training rows are left out.", ge=1)
    max_size: int = setting(1_000, "Keep at most so many names, the most frequent ones.", ge=1)


@dataclasses.dataclass
class LabelsState:
    """Names in sorted order, how many rows hold each, how many rows there were, and how cells were spelt."""

    names: list[str]
    counts: list[int]
    rows: int
    missing: int
    native: str


class Labels(Feature):
    """A set of names, as a list cell or as text with a separator. One ``flag`` slot a name.

    Example:
        >>> feature = Labels("tags")
        >>> cells = feature.read(pl.Series(["a|b", "b", ""]))
        >>> feature.fit(cells).encode(cells)["flag"].tolist()
        [[1, 1], [0, 1], [0, 0]]
    """

    kind: ClassVar[str] = "labels"
    target_group: ClassVar[str] = "flag"
    Settings = LabelsSettings
    State = LabelsState

    @classmethod
    def recognise(cls, profile: Profile) -> Claim | None:
        dtype = profile.values.dtype
        if isinstance(dtype, pl.List) and dtype.inner == pl.String:
            return Claim(0.8, "lists of names")
        if dtype == pl.String and profile.present:
            held = profile.values.str.contains("|", literal=True).mean() or 0.0
            if isinstance(held, float) and held > 0.2:
                return Claim(0.75, f"names joined by | in {held:.0%} of the cells")
        return None

    def read(self, values: pl.Series, first_row: int = 0) -> pl.Series:
        if isinstance(values.dtype, pl.List) and not values.dtype.inner.is_nested():
            if self.state is None:
                self._native = "list"
            return _cleaned(values.cast(pl.List(pl.String)))
        values = blank_to_null(values)
        if values.dtype not in (pl.String, pl.Null):
            do = f"say --feature {self.column}=category"
            refuse(self, values, values.is_not_null(), first_row, f"holds label sets, but came as {values.dtype}", do)
        if self.state is None:
            self._native = "string"
        # An empty text cell is an empty set, not a missing one: "no label" is an answer.
        return _cleaned(values.cast(pl.String).fill_null("").str.split(self.settings.separator))

    def partial_fit(self, values: pl.Series) -> Self:
        if self.state is None:
            self.state = {"rows": 0, "missing": 0, "counts": {}}
        self.state["rows"] += len(values)
        self.state["missing"] += values.null_count()
        names = values.alias("name").list.unique().explode().drop_nulls()
        for name, count in names.value_counts(name="count").iter_rows():
            self.state["counts"][name] = self.state["counts"].get(name, 0) + count
        return self

    def finish(self) -> Self:
        gathered = self.state
        ranked = sorted(gathered["counts"].items(), key=lambda item: (-item[1], item[0]))
        kept = sorted([item for item in ranked if item[1] >= self.settings.min_count][: self.settings.max_size])
        self.state = LabelsState(
            [name for name, _ in kept],
            [count for _, count in kept],
            gathered["rows"],
            gathered["missing"],
            getattr(self, "_native", "string"),
        )
        return self

    @property
    def names(self) -> list[str]:
        """The names in the order of their flags."""
        return self.state.names

    @property
    def slots(self) -> list[Slot]:
        return [Slot(self.column, name, "flag") for name in self.names]

    def encode(self, values: pl.Series) -> dict[str, np.ndarray]:
        flags = np.zeros((len(values), len(self.names)), dtype=np.uint8)
        pairs = pl.DataFrame({"row": np.arange(len(values)), "name": values}).explode("name").drop_nulls()
        codes = pairs["name"].replace_strict(
            self.names, list(range(len(self.names))), default=-1, return_dtype=pl.Int64
        )
        known = (codes >= 0).to_numpy()
        flags[pairs["row"].to_numpy()[known], codes.to_numpy()[known]] = 1
        return {"flag": flags}

    def decode(self, encoded: np.ndarray) -> pl.Series:
        names = np.array(self.names, dtype=object)
        sets = [names[row > 0.5].tolist() for row in encoded]
        series = pl.Series(self.column, sets, dtype=pl.List(pl.String))
        return series if self.state.native == "list" else series.list.join(self.settings.separator)

    def codec(self) -> LabelsCodec:
        return LabelsCodec(self.column, self.settings.separator, self.names)

    def summary(self) -> dict[str, Any]:
        return {
            "names": len(self.names),
            "rows with each": dict(zip(self.names[:10], self.state.counts[:10], strict=True)),
        }


def _cleaned(sets: pl.Series) -> pl.Series:
    """Names without blanks around them, and none that are empty."""
    return sets.list.eval(pl.element().str.strip_chars().filter(pl.element().str.strip_chars() != ""))
