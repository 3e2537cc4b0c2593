"""Categories: one of a set of names."""

from __future__ import annotations

import dataclasses
import re
from typing import Any, ClassVar, Literal, Self

import numpy as np
import polars as pl

from lamina.codecs.category import MISSING_CODE, RESERVED, UNSEEN_CODE, CategoryCodec
from lamina.config import setting, settings
from lamina.features.base import Claim, Feature, Profile, Slot, as_text, blank_to_null

__all__ = ["MISSING_CODE", "UNSEEN_CODE", "Category", "CategorySettings", "CategoryState"]

# Whole numbers under such a name count nothing: admission_type_id, movieId, zip_code.
_CODE = re.compile(r"(^|[_\s.-])(?i:id|code|zip|zipcode|postcode)$|[a-z](Id|ID|Code)$")


@settings
class CategorySettings:
    """How names are counted and coded."""

    min_count: int | Literal["auto"] = setting(
        "auto", "Names in fewer training rows share the code of unseen ones; auto: 10 where there are over 32, else 1."
    )
    max_size: int = setting(10_000, "Keep at most so many names, the most frequent ones.", ge=1)


@dataclasses.dataclass
class CategoryState:
    """What was learned from the training rows: names, most frequent first, and how often each came."""

    names: list[str]
    counts: list[int]
    missing: int
    dropped: int
    native: str


class Category(Feature):
    """One of a set of names. One ``category`` slot: code 0 is missing, 1 unseen or rare, then the names by frequency.

    As a target there are only the names, in sorted order, coded from 0.

    Example:
        >>> feature = Category("colour").fit(pl.Series(["red", "red", "blue"]))
        >>> feature.encode(pl.Series(["blue", None, "green"]))["category"].tolist()
        [[3], [0], [1]]
    """

    kind: ClassVar[str] = "category"
    target_group: ClassVar[str] = "category"
    Settings = CategorySettings
    State = CategoryState

    @classmethod
    def recognise(cls, profile: Profile) -> Claim | None:
        values, present = profile.values, profile.present
        if values.dtype.is_integer() or (values.dtype == pl.String and _all_whole(values)):
            if profile.is_target and profile.distinct <= 20 and present >= 2 * profile.distinct:
                return Claim(0.8, f"a target of {profile.distinct} different whole numbers")
            if values.dtype == pl.String and values.str.contains(r"^0\d").fill_null(False).any():
                return Claim(0.6, f"codes with leading zeros, {profile.distinct} different")
            if _CODE.search(profile.name) and profile.distinct <= 0.5 * present:
                return Claim(0.75, f"named like a code, {profile.distinct} different whole numbers")
            return None
        if values.dtype in (pl.Categorical, pl.Enum):
            return Claim(0.8, f"{values.dtype} values, {profile.distinct} different")
        if values.dtype not in (pl.String, pl.Boolean) or not present:
            return None
        share = profile.distinct / present
        if profile.distinct <= 20 or share <= 0.5 or profile.is_target:
            return Claim(0.6, f"{profile.distinct} different names in {present} cells")
        return Claim(0.2, f"{profile.distinct} different names in {present} cells")

    def read(self, values: pl.Series, first_row: int = 0) -> pl.Series:
        values = blank_to_null(values)
        if not isinstance(self.state, CategoryState) and values.dtype != pl.Null:
            self._native = _native(values.dtype)
        if values.dtype.is_float():
            # A table that passed through pandas holds 1.0 where its CSV held 1: the same name.
            whole = ((values == values.floor()) & (values.abs() < 2**53)).fill_null(False)
            names = values.set(~whole, 0.0).cast(pl.Int64).cast(pl.String)
            return names.zip_with(whole, values.cast(pl.String))
        return as_text(values)

    def partial_fit(self, values: pl.Series) -> Self:
        if self.state is None:
            self.state = {}
        for name, count in values.alias("name").value_counts(name="count").iter_rows():
            self.state[name] = self.state.get(name, 0) + count
        return self

    def finish(self) -> Self:
        counts = self.state
        missing = counts.pop(None, 0)
        # Ties by name, so that the order of rows never matters.
        ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        least = self.settings.min_count
        if least == "auto":
            least = 10 if len(ranked) > 32 else 1
        kept = [item for item in ranked if item[1] >= least][: self.settings.max_size]
        if self.is_target:
            kept = sorted(ranked, key=lambda item: _natural(item[0]))
        self.state = CategoryState(
            [name for name, _ in kept],
            [count for _, count in kept],
            missing,
            len(ranked) - len(kept),
            getattr(self, "_native", "string"),
        )
        return self

    @property
    def names(self) -> list[str]:
        """The names in the order of their codes."""
        return self.state.names

    @property
    def slots(self) -> list[Slot]:
        return [Slot(self.column, "value", "category", size=len(self.names) + RESERVED)]

    def encode(self, values: pl.Series) -> dict[str, np.ndarray]:
        first = 0 if self.is_target else RESERVED
        unknown = -1 if self.is_target else UNSEEN_CODE
        names = values.cast(pl.String)
        codes = self._codes(names)
        lost = codes.is_null() & names.is_not_null()
        if lost.any():
            codes = codes.zip_with(~lost, self._codes(_other_spelling(names)))
        codes = (codes + first).fill_null(unknown)
        if not self.is_target:
            codes = codes.set(names.is_null(), MISSING_CODE)
        return {"category": codes.to_numpy().astype(np.int32)[:, None]}

    def _codes(self, names: pl.Series) -> pl.Series:
        """The place of each name among ours, null where it is none of them."""
        places = range(len(self.names))
        return names.replace_strict(self.names, list(places), default=None, return_dtype=pl.Int32)

    def decode(self, encoded: np.ndarray) -> pl.Series:
        first = 0 if self.is_target else RESERVED
        codes = encoded.astype(np.int64) - first
        seen = (codes >= 0) & (codes < len(self.names))
        names = np.array([*self.names, None], dtype=object)[np.where(seen, codes, len(self.names))]
        series = pl.Series(self.column, names.tolist(), dtype=pl.String)
        return _to_native(series, self.state.native)

    def codec(self) -> CategoryCodec:
        return CategoryCodec(self.column, self.names)

    def summary(self) -> dict[str, Any]:
        return {
            "names": len(self.names),
            "most frequent": dict(zip(self.names[:10], self.state.counts[:10], strict=True)),
            "rare names sharing one code": self.state.dropped,
        }


def _all_whole(values: pl.Series) -> bool:
    return bool(values.drop_nulls().str.contains(r"^[+-]?\d{1,18}$").all()) and values.null_count() < len(values)


def _other_spelling(names: pl.Series) -> pl.Series:
    """The same values as another reader spells them: 1 for 1.0, True for true, and the other way round."""
    whole = names.str.contains(r"^[+-]?\d+$")
    return (
        pl.select(pl.when(whole).then(names + ".0").otherwise(names.str.replace(r"^([+-]?\d+)\.0$", "$1")))
        .to_series()
        .replace(["true", "false", "True", "False"], ["True", "False", "true", "false"])
    )


def _native(dtype: pl.DataType) -> str:
    """The kind of value that people gave and want back."""
    if dtype.is_integer():
        return "integer"
    if dtype.is_float():
        return "float"
    return "boolean" if dtype == pl.Boolean else "string"


def _to_native(names: pl.Series, native: str) -> pl.Series:
    if native == "integer":
        return names.cast(pl.Int64)
    if native == "float":
        return names.cast(pl.Float64)
    return names == "true" if native == "boolean" else names


def _natural(name: str) -> tuple[int, float, str]:
    """Numbers in their own order, before words in theirs."""
    try:
        return 0, float(name), name
    except ValueError:
        return 1, 0.0, name
