"""Whether what leaves says the same as the run, on one row and on many."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import polars as pl

from lamina.codecs.ragged import Ragged
from lamina.data.batches import to_tensors
from lamina.errors import ExportError
from lamina.features.encoder import Encoder
from lamina.runs.predictor import Predictor

__all__ = ["CLOSE", "Outputs", "difference", "differing_column", "one_and_many", "refuse_different", "tensors_of"]

CLOSE = 1e-4  # by which activated outputs may differ
ALONE = 8  # rows that are asked for one by one too

Outputs = Callable[[pl.DataFrame], np.ndarray]


def one_and_many(frame: pl.DataFrame) -> Iterator[tuple[int, pl.DataFrame]]:
    """All rows at once, then some of them alone; each after the number of its first row."""
    yield 0, frame
    for row in np.unique(np.linspace(0, len(frame) - 1, min(ALONE, len(frame))).round().astype(int)).tolist():
        yield row, frame[row]


def difference(pieces: Iterable[tuple[int, pl.DataFrame]], run: Outputs, file: Outputs) -> tuple[float, int]:
    """The greatest difference of the activated outputs, and the number of the row that it is in.

    Args:
        pieces: as :func:`one_and_many` gives them.
        run, file: raw rows to outputs, (rows, width).
    """
    greatest, place = 0.0, 0
    for first, frame in pieces:
        wanted, given = run(frame), file(frame)
        if wanted.shape != given.shape:
            raise ExportError("the file has other outputs than the run", got=given.shape, allowed=wanted.shape)
        apart = np.abs(given.astype(np.float64) - wanted).max(1, initial=0.0)
        apart = np.where(np.isnan(apart), np.inf, apart)  # what is no number differs, even from itself
        if len(apart) and apart.max() > greatest:
            greatest, place = float(apart.max()), first + int(apart.argmax())
    return greatest, place


def refuse_different(greatest: float, row: int, rows: int, column: str | None = None) -> None:
    """Say where the file differs from the run, and by how much; do nothing where it does not.

    Raises:
        ExportError: if they differ by more than 1e-4.
    """
    if not greatest <= CLOSE:
        where = "by its graph" if column is None else f"column {column!r} is encoded otherwise"
        raise ExportError(
            "the file says something else than the run, and was not written",
            got=f"outputs that differ by {greatest:.2g} in row {row} of {rows} compared ones, {where}",
            allowed=f"{CLOSE:g}",
            do="say so where Lamina is made: this is a fault of its own",
        )


def differing_column(encoder: Encoder, frame: pl.DataFrame, arrays: dict[str, Any]) -> str | None:
    """The first column whose cells came as other arrays than the run makes of them; None where all are alike.

    Args:
        encoder: of the run.
        frame: raw rows.
        arrays: what the file's own codecs made of them.
    """
    wanted = encoder.encode(encoder.read(frame))
    layout = encoder.layout
    slots = {"number": layout.numbers, "flag": layout.flags, "category": layout.categories}
    for group, held in slots.items():
        for place, slot in enumerate(held):
            if not np.allclose(wanted[group][:, place], arrays[group][:, place], atol=1e-6):
                return slot.column
    for name, slot in layout.wide_by_name.items():
        one, other = wanted[name], arrays[name]
        assert isinstance(one, Ragged) and isinstance(other, Ragged)
        if not np.array_equal(one.ends, other.ends) or not np.allclose(one.values, other.values, atol=1e-6):
            return slot.column
    return None


def tensors_of(predictor: Predictor, frame: pl.DataFrame) -> dict[str, np.ndarray]:
    """Raw rows as a graph takes them."""
    encoder = predictor.encoder
    return {name: tensor.numpy() for name, tensor in to_tensors(encoder.encode(encoder.read(frame))).items()}
