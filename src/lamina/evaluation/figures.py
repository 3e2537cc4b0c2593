"""Numbers as people read them."""

from __future__ import annotations

import math

__all__ = ["figure", "together"]


def figure(value: float | None, digits: int = 4) -> str:
    """A number with sensible rounding: thousands separated, else so many significant digits.

    Example:
        >>> figure(45438.2), figure(0.92553), figure(39.1872), figure(12), figure(None)
        ('45,438', '0.9255', '39.19', '12', 'not defined')
        >>> figure(0.00001234), figure(2.5e12)
        ('1.234e-05', '2.5e+12')
    """
    if value is None or not math.isfinite(value):
        return "not defined"
    if value == 0:
        return "0"
    size = abs(value)
    if size >= 1e12 or size < 1e-4:
        return f"{value:.{digits}g}"
    if float(value).is_integer():
        return f"{value:,.0f}"
    # The place of the first digit once rounded: 0.99999 becomes 1.000, not 1.0000.
    first = math.floor(math.log10(float(f"{size:.{digits - 1}e}")))
    return f"{value:,.{max(0, digits - 1 - first)}f}"


def together(values: list[float | None], digits: int = 4) -> list[str]:
    """Numbers that stand beside each other, to the same decimals: those of the largest.

    Example:
        >>> together([0.9255, 0.9, 0.01234])
        ['0.9255', '0.9000', '0.0123']
        >>> together([1, 0.5]), together([-0.0001, 0.0023], digits=2)
        (['1.0000', '0.5000'], ['-0.0001', '0.0023'])
    """
    known = [value for value in values if value is not None and math.isfinite(value)]
    largest = max((abs(value) for value in known), default=0.0)
    if not known or largest >= 1e12 or largest < 1e-4:
        return [figure(value, digits) for value in values]
    if all(float(value).is_integer() for value in known):
        decimals = 0
    else:
        # A score of exactly 1 stands among scores below 1, and gets their decimals.
        decimals = max(0, digits - 1 - (-1 if largest == 1 else math.floor(math.log10(largest))))
    return ["not defined" if value not in known else f"{value:,.{decimals}f}" for value in values]
