"""Booleans: yes or no, in any of the usual spellings."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar, Self

import numpy as np
import polars as pl

from lamina.codecs.boolean import PAIRS, WORDS, BooleanCodec
from lamina.features.base import Claim, Feature, Profile, Slot, blank_to_null, refuse

__all__ = ["Boolean", "BooleanState"]


@dataclasses.dataclass
class BooleanState:
    """What was learned from the training rows, and how the source spells no and yes."""

    no: int
    yes: int
    missing: int
    spelling: list[str]
    native: str


class Boolean(Feature):
    """Yes or no. One ``flag`` slot, and a ``missing`` flag where training cells were missing (encoded as no).

    Example:
        >>> feature = Boolean("smoker")
        >>> cells = feature.read(pl.Series(["yes", "No", "yes"]))
        >>> feature.fit(cells).encode(cells)["flag"].ravel().tolist()
        [1, 0, 1]
    """

    kind: ClassVar[str] = "boolean"
    target_group: ClassVar[str] = "category"
    State = BooleanState

    @classmethod
    def recognise(cls, profile: Profile) -> Claim | None:
        values = profile.values
        if values.dtype == pl.Boolean:
            return Claim(0.9, "boolean values")
        if profile.distinct != 2 or not (values.dtype == pl.String or values.dtype.is_numeric()):
            return None
        spelling = {str(value).lower() for value in values.drop_nulls().unique().to_list()}
        spelling = {word.removesuffix(".0") for word in spelling}
        if any(spelling == set(pair) for pair in PAIRS):
            return Claim(0.9, f"only {' and '.join(sorted(spelling))}")
        return None

    def read(self, values: pl.Series, first_row: int = 0) -> pl.Series:
        values = blank_to_null(values)
        do = f"mend the cells, leave them empty, or say --feature {self.column}=category"
        if values.dtype not in (pl.String, pl.Boolean, pl.Null) and not values.dtype.is_numeric():
            refuse(self, values, values.is_not_null(), first_row, f"holds yes or no, but came as {values.dtype}", do)
            return pl.Series(values.name, [None] * len(values), dtype=pl.Boolean)
        words = values.cast(pl.Int64) if values.dtype == pl.Boolean else values
        words = words.cast(pl.String).str.to_lowercase()
        read = words.replace_strict(
            list(WORDS), [bool(value) for value in WORDS.values()], default=None, return_dtype=pl.Boolean
        )
        refuse(
            self,
            values,
            read.is_null() & words.is_not_null(),
            first_row,
            "holds yes or no, but some cells are neither",
            do,
        )
        if not isinstance(self.state, BooleanState):  # also between the pieces of a table
            self._remember(values)
        return read

    def _remember(self, values: pl.Series) -> None:
        """Keep the source's spelling, so that predictions come back in it."""
        if values.dtype != pl.Null:  # a piece without any cell says nothing of the source
            self._native = (
                "boolean" if values.dtype == pl.Boolean else "string" if values.dtype == pl.String else "number"
            )
        spelling = getattr(self, "_spelling", ["", ""])
        for word in values.drop_nulls().unique(maintain_order=True).cast(pl.String).to_list():
            code = WORDS.get(word.lower())
            if code is not None and not spelling[code]:
                spelling[code] = word
        self._spelling = spelling

    def partial_fit(self, values: pl.Series) -> Self:
        no, yes, missing = self.state or (0, 0, 0)
        self.state = (
            no + int((~values).sum() or 0),
            yes + int(values.sum() or 0),
            missing + values.null_count(),
        )
        return self

    def finish(self) -> Self:
        spelling = getattr(self, "_spelling", ["", ""])
        no, yes, missing = self.state
        self.state = BooleanState(
            no,
            yes,
            missing,
            [spelling[0] or "false", spelling[1] or "true"],
            getattr(self, "_native", "boolean"),
        )
        return self

    @property
    def names(self) -> list[str]:
        """The spelling of no and yes, in the order of their codes."""
        return self.state.spelling

    @property
    def slots(self) -> list[Slot]:
        slots = [Slot(self.column, "value", "flag")]
        if self.state.missing:
            slots.append(Slot(self.column, "missing", "flag"))
        return slots

    def encode(self, values: pl.Series) -> dict[str, np.ndarray]:
        missing = values.is_null().to_numpy()
        flags = values.fill_null(False).to_numpy().astype(np.uint8)
        if self.is_target:
            return {"category": np.where(missing, -1, flags.astype(np.int32))[:, None]}
        columns = [flags, missing.astype(np.uint8)] if self.state.missing else [flags]
        return {"flag": np.stack(columns, axis=1)}

    def decode(self, encoded: np.ndarray) -> pl.Series:
        yes = encoded.astype(np.float64) > 0.5
        if self.state.native == "boolean":
            return pl.Series(self.column, yes)
        if self.state.native == "number":
            return pl.Series(self.column, yes.astype(np.int64))
        return pl.Series(self.column, np.where(yes, self.names[1], self.names[0]).tolist(), dtype=pl.String)

    def codec(self) -> BooleanCodec:
        return BooleanCodec(self.column, bool(self.state.missing))

    def summary(self) -> dict[str, Any]:
        return {self.names[0]: self.state.no, self.names[1]: self.state.yes}
