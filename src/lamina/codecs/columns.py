"""All input columns of a few rows at once, as the arrays that a network takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lamina.codecs.base import WIDE, Codec
from lamina.codecs.ragged import Ragged
from lamina.errors import MissingColumnError, nearest

__all__ = ["encoded"]

_EMPTY: dict[str, Any] = {"number": np.float32, "flag": np.uint8, "category": np.int32}


def encoded(codecs: Sequence[Codec], columns: Mapping[str, Sequence[Any]], first_row: int = 0) -> dict[str, Any]:
    """Cells to arrays, by the names and in the order of :meth:`lamina.features.encoder.Encoder.encode`.

    Args:
        codecs: of the input columns, in their order.
        columns: name -> n cells; more columns are fine.
        first_row: number of the first row, for messages.

    Returns:
        ``number``, ``flag`` and ``category``, (n, slots) each, and a ragged array for each wide slot by its name.

    Raises:
        MissingColumnError: if a column is not there; it names it and the nearest one.
        DataError: if cells are not of their column's type.

    Example:
        >>> from lamina.codecs.boolean import BooleanCodec
        >>> encoded([BooleanCodec("a", False)], {"a": ["yes", "no"]})["flag"].ravel().tolist()
        [1, 0]
    """
    parts: dict[str, list[np.ndarray]] = {group: [] for group in _EMPTY}
    wide: dict[str, Ragged] = {}
    for codec in codecs:
        if codec.column not in columns:
            raise _missing(codecs, columns)
        for group, array in codec.encode(columns[codec.column], first_row).items():
            if group in WIDE:
                wide[f"{group}{len(wide):03}"] = array
            else:
                parts[group].append(array)
    rows = len(columns[codecs[0].column]) if codecs else 0
    plain = {
        group: np.concatenate(arrays, axis=1) if arrays else np.empty((rows, 0), _EMPTY[group])
        for group, arrays in parts.items()
    }
    return {**plain, **wide}


def _missing(codecs: Sequence[Codec], columns: Mapping[str, Any]) -> MissingColumnError:
    names = [codec.column for codec in codecs if codec.column not in columns]
    return MissingColumnError(
        f"column {names[0]!r} is missing" + (f", and {len(names) - 1} more" if names[1:] else ""),
        got=f"columns {', '.join(list(columns)[:20])}",
        do=nearest(names[0], columns) or "add the column",
    )
