"""A run folder as a model of the service: for trying out, where a bundle is not there yet. Needs torch and polars."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from lamina.errors import DataError, UsageError
from lamina.features.base import Feature
from lamina.features.media import Media

__all__ = ["FromRun"]

_KINDS: dict[str, list[str]] = {
    "number": ["number", "string", "null"],
    "boolean": ["boolean", "string", "number", "null"],
    "labels": ["array", "string", "null"],
    "series": ["array", "string", "null"],
    "tags": ["array", "string", "null"],
}
_WORDS = ["string", "number", "boolean", "null"]
_MEDIA = {"image": "image/*", "audio": "audio/*", "clip": "video/*", "music": "audio/midi"}
_SHOWN = 200  # names of a category that a form offers


class FromRun:
    """What :func:`lamina.load` opened, as :class:`lamina.serve.servable.Servable`.

    Args:
        run: a run that predicts rows.
        name: what it is called.

    Raises:
        UsageError: if the run reads no rows.
    """

    def __init__(self, run: Any, name: str) -> None:
        self.name = name
        self._predictor = run.predictor
        self._predictor.check_reads()
        self._features: list[Feature] = [one for one in self._predictor.encoder.inputs if one.slots]
        if not self._features:
            raise UsageError("the run reads no column", got=str(run.path), do="serve a run that predicts rows")
        # What says nothing to the network need not be sent.
        self._idle = [one.column for one in self._predictor.encoder.inputs if not one.slots]
        self.scores = run.scores
        self.schema = {"input": self._row(), "output": self._answer()}

    def predict(self, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Answers to rows, in their order; errors as for :meth:`lamina.runs.predictor.Predictor.predict`."""
        return self._predicted(rows).to_dicts()

    def _predicted(self, rows: Sequence[dict[str, Any]]) -> pl.DataFrame:
        columns = [_column(one, [row.get(one.column) for row in rows]) for one in self._features]
        idle = [pl.Series(name, [None] * len(rows), dtype=pl.Null) for name in self._idle]
        return self._predictor.predict(pl.DataFrame(columns + idle))

    def _row(self) -> dict[str, Any]:
        columns = {one.column: _described(one) for one in self._features}
        return {"type": "object", "properties": columns, "required": list(columns)}

    def _answer(self) -> dict[str, Any]:
        made = self._predicted([{}])
        return {
            "type": "object",
            "properties": {name: {"type": [_kind(dtype), "null"]} for name, dtype in made.schema.items()},
            "required": made.columns,
        }


def _described(feature: Feature) -> dict[str, Any]:
    """The JSON Schema of a column."""
    if isinstance(feature, Media) and feature.kind in _MEDIA:
        kinds = ["string", "array", "object", "null"]
        media = {"contentEncoding": "base64", "contentMediaType": _MEDIA[feature.kind]}
        return {"type": kinds, **media, "x-kind": feature.kind}
    described: dict[str, Any] = {"type": _KINDS.get(feature.kind, _WORDS), "x-kind": feature.kind}
    if feature.kind in ("category", "boolean"):
        described["examples"] = list(feature.names[:_SHOWN])  # type: ignore[attr-defined]
    return described


def _kind(dtype: pl.DataType) -> str:
    if dtype == pl.Boolean:
        return "boolean"
    if dtype.is_numeric():
        return "integer" if dtype.is_integer() else "number"
    return "array" if dtype.is_nested() else "string"


def _column(feature: Feature, cells: list[Any]) -> pl.Series:
    """Cells as a column; those of several types as text, which features read as well.

    Raises:
        DataError: if they are lists of several shapes or types.
    """
    try:
        return pl.Series(feature.column, cells, strict=True)
    except (TypeError, OverflowError, pl.exceptions.PolarsError) as error:
        if any(isinstance(cell, (list, bytes)) for cell in cells):
            raise DataError(f"column {feature.column!r} has cells of several kinds", got=str(error)[:200],
                            do="send lists of numbers of one depth, or bytes") from None  # fmt: skip
        return pl.Series(feature.column, [None if cell is None else str(cell) for cell in cells], dtype=pl.String)
