"""The contract of features, over every row of the name table: a new row is tested by being there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Self

import numpy as np
import polars as pl
import pytest

from lamina.features import FEATURES, Feature
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
