"""What the contracts share: comparing values, and trying every choice and bound of settings."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from lamina.config import check, schema
from lamina.errors import SettingError

__all__ = ["check_bounds", "choices", "same"]


def same(one: Any, other: Any, tolerance: float = 1e-9) -> bool:
    """Whether two values of JSON or numpy are equal, numbers within a share of their size.

    Example:
        >>> same({"a": [1.0, 2]}, {"a": [1.0 + 1e-12, 2]})
        True
    """
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and one.shape == other.shape and bool((one == other).all())
    if isinstance(one, Mapping):
        return list(one) == list(other) and all(same(one[key], other[key], tolerance) for key in one)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(same(a, b, tolerance) for a, b in zip(one, other, strict=True))
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=tolerance, abs_tol=tolerance)
    return bool(one == other)


# --- the checks ---------------------------------------------------------------------------------------------------


def choices(settings: type) -> Iterator[tuple[str, Any]]:
    """(setting, value) for every value of every setting that has a list of them."""
    for name, entry in schema(settings)["properties"].items():
        for part in [entry, *entry.get("anyOf", [])]:
            yield from ((name, value) for value in part.get("enum", []))


def check_bounds(settings: type) -> None:
    """Every setting has a help, and refuses another type, values past its bounds and words that it does not list."""
    wrong: list[tuple[str, Any]] = [("no_such_setting", 1)]
    for name, entry in schema(settings)["properties"].items():
        wrong.append((name, object()))
        steps = {"minimum": -1, "exclusiveMinimum": 0, "maximum": 1, "exclusiveMaximum": 0}
        wrong += [(name, entry[bound] + step) for bound, step in steps.items() if bound in entry]
        if "enum" in entry:
            wrong.append((name, "no such choice"))
        assert entry.get("description"), f"{name} has no help"
    for name, value in wrong:
        try:
            check(settings, {name: value})
        except SettingError as error:
            assert name in str(error), error
        else:
            raise AssertionError(f"{name}={value!r} was taken")
