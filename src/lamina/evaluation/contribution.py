"""What each input column contributes: how much worse the answers are with its cells exchanged among rows.

Permutation importance (Breiman 2001), for any model: a column's cells, with all that they were encoded to, go to other
rows, so that they look as ever and say nothing. Of two columns that say the same, neither contributes much.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from lamina.codecs.ragged import Ragged
from lamina.evaluation.intervals import bootstrap, interval
from lamina.features.layout import Layout

__all__ = ["MOST_ROWS", "Loss", "contributions", "exchanged"]

MOST_ROWS = 1000  # that are looked at
LEAST_ROWS = 100  # however little time there is
MOST_COLUMNS = 60  # that are looked at: wide ones, then the first of the others
REPEATS = 3  # exchanges of a column
RESAMPLES = 500  # bootstrap replicates behind each interval

Loss = Callable[[Mapping[str, Any]], np.ndarray]


def contributions(
    loss: Loss, arrays: Mapping[str, Any], layout: Layout, *, seed: int = 0, seconds: float = 20.0
) -> list[dict[str, Any]]:
    """Exchange one column after the other, and see how much the loss rises.

    Args:
        loss: from the arrays of n rows to the loss of each row for each target, (n, targets), lower is better.
        arrays: of rows that the model has not learned from, up to 1,000, in no particular order; and whatever else
            ``loss`` needs of them.
        layout: says which parts of the arrays belong to a column.
        seed: of the exchanges.
        seconds: time for all. Where it does not suffice there are fewer exchanges, then fewer rows, then columns that
            are not looked at.

    Returns:
        A JSON document for each target: ``loss`` as the rows are, ``rows``, ``exchanges`` of each column, ``columns``
        (a list of name, value, low, high: the rise and its 95% interval over rows, the largest first) and ``left_out``
        (names of columns that were not looked at).

    Example:
        >>> from lamina.features.base import Slot
        >>> layout = Layout.of([Slot("age", "value", "number"), Slot("noise", "value", "number")])
        >>> rows = {"number": np.random.default_rng(0).normal(size=(200, 2))}
        >>> truth = rows["number"][:, 0].copy()
        >>> found = contributions(lambda rows: (rows["number"][:, :1] - truth[:, None]) ** 2, rows, layout)
        >>> [(column["name"], round(column["value"])) for column in found[0]["columns"]]
        [('age', 2), ('noise', 0)]
    """
    count = _rows(arrays)
    started = time.monotonic()
    base = loss(arrays)  # (n, targets)
    # Where time is short, a picture or a text is what one wants to know of.
    names = list(dict.fromkeys([*(slot.column for slot in layout.wide), *layout.columns]))[:MOST_COLUMNS]
    passes = seconds / max(1e-6, time.monotonic() - started) / max(1, len(names))  # over all rows, for each column
    if passes < 1 and count > LEAST_ROWS:
        count = max(LEAST_ROWS, int(count * passes))
        arrays, base = {name: array[:count] for name, array in arrays.items()}, base[:count]
    repeats = min(REPEATS, max(1, int(passes)))
    rises: dict[str, np.ndarray] = {}
    for name in names:
        # One column at least, and none in whose middle the time would be long over.
        if rises and time.monotonic() - started > 1.5 * seconds:
            break
        place = layout.columns.index(name)
        orders = (np.random.default_rng([seed, place, again]).permutation(count) for again in range(repeats))
        rises[name] = np.mean([loss(exchanged(arrays, layout, name, order)) - base for order in orders], axis=0)
    left_out = [name for name in layout.columns if name not in rises]
    return [
        {
            "loss": float(base[:, target].mean()) if count else None,
            "rows": count,
            "exchanges": repeats,
            "columns": _ranked({name: rise[:, target] for name, rise in rises.items()}, seed),
            "left_out": left_out,
        }
        for target in range(base.shape[1])
    ]


def exchanged(arrays: Mapping[str, Any], layout: Layout, column: str, order: np.ndarray) -> dict[str, Any]:
    """Arrays in which one column's cells come from other rows, all its slots from the same one.

    Args:
        arrays: of n rows, by group and by the names of wide slots; they stay as they are.
        layout: of these arrays.
        column: whose cells are exchanged.
        order: (n,) the row that each row's cell comes from.
    """
    found = dict(arrays)
    for group, slots in (("number", layout.numbers), ("flag", layout.flags), ("category", layout.categories)):
        places = [place for place, slot in enumerate(slots) if slot.column == column]
        if places:
            found[group] = np.array(arrays[group])
            found[group][:, places] = arrays[group][order][:, places]
    for name, slot in layout.wide_by_name.items():
        if slot.column == column:
            found[name] = arrays[name].take(order) if isinstance(arrays[name], Ragged) else arrays[name][order]
    return found


def _rows(arrays: Mapping[str, Any]) -> int:
    return len(next(iter(arrays.values())))


def _ranked(rises: Mapping[str, np.ndarray], seed: int) -> list[dict[str, Any]]:
    """The mean rise of each column with its interval, the largest first: name -> (n,) rise of each row."""
    if not rises:
        return []
    rise = np.stack(list(rises.values()), axis=1)  # (n, columns)
    rows = len(rise)
    # The same rows are drawn for every column.
    measures = {"rise": lambda weights: weights @ rise / weights.sum(axis=1, keepdims=True)}
    found = bootstrap(measures, rows, seed=seed, resamples=RESAMPLES)["rise"]
    listed: Sequence[dict[str, Any]] = [
        {"name": name, **interval(found.value[place], found.drawn[:, place], rows)} for place, name in enumerate(rises)
    ]
    return sorted(listed, key=lambda one: -(one["value"] or 0.0))
