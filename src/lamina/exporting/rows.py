"""The rows on which what leaves is compared with the run: real ones, ones with a cell missing, ones never seen."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import polars as pl

from lamina.data.table import Table
from lamina.errors import ExportError
from lamina.features.base import Feature
from lamina.features.encoder import Encoder

__all__ = ["MOST", "altered", "made_rows", "picked"]

MOST, MOST_WIDE = 256, 48  # rows that are compared, where cells are plain and where they are pictures, texts or sounds
WORD = "a word that no row has"


def picked(table: Table, encoder: Encoder, numbers: Sequence[int] | None = None) -> pl.DataFrame:
    """Some rows of a table, the columns that a run reads.

    Args:
        table: as the run reads it.
        encoder: of the run.
        numbers: those of the rows to pick from, evenly; the first ones if None.
    """
    most = MOST_WIDE if encoder.layout.wide else MOST
    names = [feature.column for feature in encoder.inputs]
    if numbers is None or not len(numbers):
        return _known(table.head(most), names)
    places = np.unique(np.linspace(0, len(numbers) - 1, most).round().astype(int))
    wanted = np.sort(np.asarray(numbers))[places]
    found, start = [], 0
    for chunk in table.chunks():
        inside = wanted[(wanted >= start) & (wanted < start + len(chunk))] - start
        found.append(_known(chunk, names)[inside.tolist()])
        start += len(chunk)
        if start > wanted[-1]:
            break
    return pl.concat(found)


def _known(frame: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    """The columns that are there; one that is not is told of when the rows are read."""
    return frame.select(name for name in names if name in frame.columns)


def altered(frame: pl.DataFrame, encoder: Encoder) -> pl.DataFrame:
    """The same rows; then for each column one with that cell missing, and one with a value that no row has."""
    more = [frame]
    for feature in encoder.inputs:
        for value in (None, _unseen(feature, frame[feature.column])):
            cell = pl.Series(feature.column, [value], dtype=frame.schema[feature.column])
            if len(frame) and (value is None or cell[0] is not None):
                more.append(frame.head(1).with_columns(cell))
    return pl.concat(more)


def _unseen(feature: Feature, cells: pl.Series) -> Any:
    """A cell that no row has; None where there is no other."""
    is_text = cells.dtype == pl.String
    if feature.kind == "number":
        beyond = 2 * abs(feature.state.high) + 3
        whole = min(127, int(beyond))  # what the fewest bits hold
        return f"{whole}" if is_text else whole if cells.dtype.is_integer() else float(beyond)
    if feature.kind in ("category", "labels", "text"):
        highest = cells.max() if cells.dtype.is_integer() else None
        return WORD if is_text else None if not isinstance(highest, int) or highest > 100 else highest + 3
    return None


def made_rows(encoder: Encoder, count: int = 40) -> pl.DataFrame:
    """Rows made from what the features learned, for a run whose table is gone: typical cells, and missing ones.

    Raises:
        ExportError: if a column is one that no cell can be made for: pictures, sounds, series, music.
    """
    draw = np.random.default_rng(0)
    columns = []
    for feature in encoder.inputs:
        if not feature.slots:
            columns.append(pl.Series(feature.column, [None] * count, dtype=pl.String))
            continue
        make = MADE.get(feature.kind)
        if make is None:
            raise ExportError("there are no rows to compare the file with the run on",
                              got=f"a {feature.kind} column {feature.column!r}, and a table that is not there any more",
                              do="say where rows are: --data TABLE")  # fmt: skip
        cells = [*make(feature), None]
        columns.append(pl.Series(feature.column, [cells[place] for place in draw.integers(0, len(cells), count)]))
    return pl.DataFrame(columns)


def _words(feature: Feature) -> list[Any]:
    """Texts of the words that the network knows most of."""
    known = [word.decode("utf-8", "replace") for slot in feature.slots for word in slot.spelling[3:60]]
    return [" ".join(known[: place + 1]) for place in range(0, max(1, len(known)), 7)] if known else [WORD]


MADE: dict[str, Callable[[Any], Sequence[Any]]] = {
    "number": lambda feature: [float(value) for value in feature.state.quantiles[::16]],
    "boolean": lambda feature: [True, False],
    "category": lambda feature: [str(name) for name in feature.state.names],
    "date": lambda feature: [datetime.datetime(2020, 1, 1) + datetime.timedelta(hours=997 * step) for step in range(9)],
    "text": _words,
}
