"""Constants: columns that say the same in every row."""

from __future__ import annotations

from typing import ClassVar

from lamina.features.base import Claim, Profile
from lamina.features.silent import Silent

__all__ = ["Constant"]


class Constant(Silent):
    """One value in every row, or none at all. Not an input: there is nothing to learn from it."""

    kind: ClassVar[str] = "constant"

    @classmethod
    def recognise(cls, profile: Profile) -> Claim | None:
        if profile.present == 0:
            return Claim(1.0, "every cell is missing")
        if profile.distinct == 1 and profile.present == profile.rows:
            return Claim(1.0, f"every cell is {profile.values.drop_nulls()[0]!r}")
        return None
