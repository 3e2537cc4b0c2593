"""The contract of features, over every row of the name table: a new row is tested by being there."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, ClassVar, Self

import numpy as np
import polars as pl
import pytest

from lamina.codecs.ragged import Ragged
from lamina.features import FEATURES, Feature
from lamina.features.base import Claim, Profile, Slot, as_text
from lamina.features.number import Number
from lamina.testing import FEATURE_CHECKS, check_feature, sample_columns

COLUMNS = sample_columns()


@pytest.mark.parametrize("kind", FEATURES)
def test_the_name_in_the_table_is_the_kind(kind: str) -> None:
    cls = FEATURES[kind]
    assert issubclass(cls, Feature)
    assert cls.kind == kind
    assert FEATURES.name_of(cls) == kind


@pytest.mark.parametrize("check", FEATURE_CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("kind", FEATURES)
def test_contract(kind: str, check: Callable[[type[Feature], list[pl.Series]], None]) -> None:
    check(FEATURES[kind], COLUMNS)


class Centred(Number):
    """A broken feature: what a cell becomes depends on the cells beside it."""

    def encode(self, values: pl.Series) -> dict[str, np.ndarray]:
        arrays = super().encode(values)
        arrays["number"] = arrays["number"] - arrays["number"][:1]
        return arrays


class Forgetful(Number):
    """A broken feature: only the last piece teaches."""

    def partial_fit(self, values: pl.Series) -> Self:
        self.state = None
        return super().partial_fit(values)


class Careless(Number):
    """A broken feature: words are an error of somebody else's."""

    def read(self, values: pl.Series, first_row: int = 0) -> pl.Series:
        return values.cast(pl.Float64)


@pytest.mark.parametrize("cls", [Centred, Forgetful, Careless], ids=lambda cls: cls.__name__)
def test_a_broken_feature_from_outside_is_found(cls: type[Feature]) -> None:
    with pytest.raises((AssertionError, pl.exceptions.PolarsError)):
        check_feature(cls)


@dataclasses.dataclass
class LettersState:
    """The longest text."""

    longest: int


class Letters(Feature):
    """A wide feature from outside: a token for each letter."""

    kind: ClassVar[str] = "letters"
    State = LettersState

    @classmethod
    def recognise(cls, profile: Profile) -> Claim | None:
        return None

    def read(self, values: pl.Series, first_row: int = 0) -> pl.Series:
        return as_text(values)

    def partial_fit(self, values: pl.Series) -> Self:
        self.state = max(self.state or 1, values.str.len_chars().max() or 1)
        return self

    def finish(self) -> Self:
        self.state = LettersState(self.state)
        return self

    @property
    def slots(self) -> list[Slot]:
        return [Slot(self.column, "value", "tokens", size=256, length=self.state.longest)]

    def encode(self, values: pl.Series) -> dict[str, Any]:
        rows = [np.array([1 + ord(letter) % 255 for letter in cell or ""], np.int32) for cell in values]
        return {"tokens": Ragged.of(rows) if rows else Ragged(np.empty(0, np.int32), np.empty(0, np.int64))}

    def decode(self, encoded: np.ndarray) -> pl.Series:
        raise NotImplementedError


def test_a_wide_feature_from_outside_is_checked_too() -> None:
    for check in FEATURE_CHECKS:
        if check.__name__ != "imports_no_torch":  # this file is no module that could be imported
            check(Letters, COLUMNS)


class Shouting(Letters):
    """A broken feature: a missing cell says something."""

    def encode(self, values: pl.Series) -> dict[str, Any]:
        return super().encode(values.fill_null("?"))


class Overflowing(Letters):
    """A broken feature: tokens past its size."""

    def encode(self, values: pl.Series) -> dict[str, Any]:
        tokens = super().encode(values)["tokens"]
        return {"tokens": Ragged(tokens.values + 255, tokens.ends)}


class Padded(Letters):
    """A broken feature: rows side by side, where each should be as long as it is."""

    def encode(self, values: pl.Series) -> dict[str, Any]:
        return {"tokens": super().encode(values)["tokens"].padded()[0]}


class Filling(Letters):
    """A broken feature: what a cell becomes depends on the cells beside it."""

    def encode(self, values: pl.Series) -> dict[str, Any]:
        longest = int(values.str.len_chars().max() or 0)
        return super().encode(values.str.pad_end(longest))


@pytest.mark.parametrize("cls", [Shouting, Overflowing, Padded, Filling], ids=lambda cls: cls.__name__)
def test_a_broken_wide_feature_is_found(cls: type[Feature]) -> None:
    with pytest.raises(AssertionError):
        check_feature(cls)
