"""Identifiers: names of rows, which say nothing about them."""

from __future__ import annotations

import re
from typing import ClassVar

import polars as pl

from lamina.features.base import Claim, Profile
from lamina.features.silent import Silent

__all__ = ["Identifier"]

_NAMED = re.compile(r"(^|[_\s.-])(id|uuid|guid|key|nr|nbr|number|index|rowid)$", re.IGNORECASE)
_NAMED_CAMEL = re.compile(r"[a-z](Id|ID|Nr|Key)$")


class Identifier(Silent):
    """A name that belongs to one row or one owner. Not an input: a network would learn it by heart."""

    kind: ClassVar[str] = "identifier"

    @classmethod
    def recognise(cls, profile: Profile) -> Claim | None:
        values, present = profile.values, profile.present
        if profile.is_target or present < 20:
            return None
        numeric = values
        if values.dtype == pl.String:
            if not values.drop_nulls().str.contains(r"^[+-]?\d{1,18}$").all():
                # Words: unique ones without blanks are names of rows.
                words = values.str.contains(r"\s").sum() or 0
                if profile.distinct >= 0.95 * present and words < 0.5 * present:
                    return Claim(0.5, f"{profile.distinct} different names in {present} cells")
                return None
            numeric = values.cast(pl.Int64, strict=False)
        if not numeric.dtype.is_integer():
            return None
        named = bool(_NAMED.search(profile.name) or _NAMED_CAMEL.search(profile.name))
        if named and profile.distinct > 0.5 * present:
            return Claim(0.85, f"named like one, {profile.distinct} different whole numbers in {present} cells")
        # Counted upwards by one, row by row: a row number.
        if profile.distinct == profile.rows and bool((numeric.diff().drop_nulls() == 1).all()):
            return Claim(0.85, f"{present} whole numbers, each one more than the last")
        return None
