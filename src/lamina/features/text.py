"""Text: running words."""

from __future__ import annotations

from typing import ClassVar

import polars as pl

from lamina.features.base import Claim, Profile
from lamina.features.silent import Silent

__all__ = ["Text"]


class Text(Silent):
    """Running words. Recognised, so that it is not taken for a category; not yet an input."""

    kind: ClassVar[str] = "text"

    @classmethod
    def recognise(cls, profile: Profile) -> Claim | None:
        if profile.values.dtype != pl.String or not profile.present:
            return None
        words = float(profile.values.drop_nulls().str.count_matches(r"\S+").to_numpy().mean())
        if profile.distinct > 0.5 * profile.present and profile.distinct > 20 and words >= 3:
            return Claim(0.65, f"{words:.1f} words a cell, {profile.distinct} different")
        return None
