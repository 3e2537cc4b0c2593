"""The contract of features, over every row of the name table: a new row is tested by being there."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl
import pytest

from lamina.features import FEATURES, Feature
from lamina.testing import FEATURE_CHECKS, sample_columns

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
