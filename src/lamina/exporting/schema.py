"""What a row and an answer look like, as JSON Schema; and cells as JSON."""

from __future__ import annotations

import base64
import datetime
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lamina.features.base import Feature
from lamina.features.media import Media

__all__ = ["cell_as_json", "schema_of"]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
NAMED = 100  # values of a category that are told of


def schema_of(features: Sequence[Feature], answers: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
    """The JSON Schema of a row and of an answer.

    Args:
        features: of the columns that are read.
        answers: some answers, a list of cells a column.

    Returns:
        ``input`` and ``output``.
    """
    properties = {feature.column: _cell_schema(feature) for feature in features}
    row = {"type": "object", "properties": properties, "required": list(properties)}
    said = {name: _answer_schema(cells) for name, cells in answers.items()}
    answer = {"type": "object", "properties": said, "required": list(said), "additionalProperties": False}
    return {"input": {"$schema": DIALECT, **row}, "output": {"$schema": DIALECT, **answer}}


def _cell_schema(feature: Feature) -> dict[str, Any]:
    """What one cell may be; null is a missing one. Examples are values of the training rows."""
    kind, state = feature.kind, feature.state
    if kind == "number":
        about = f"A number; {state.low:g} to {state.high:g} in training."
        return {
            "type": ["number", "null"],
            "description": about,
            "examples": [state.quantiles[len(state.quantiles) // 2]],
        }
    if kind == "boolean":
        return {"type": ["boolean", "string", "number", "null"], "description": "Yes or no.", "examples": [True, False]}
    if kind == "category":
        names = [cell_as_json(name) for name in state.names[:NAMED]]
        about = f"One of {len(state.names)} names; another one counts as unknown."
        return {"type": ["string", "number", "boolean", "null"], "description": about, "examples": names}
    if kind == "date":
        return {"type": ["string", "null"], "description": "A date or a moment.", "examples": ["2024-01-31"]}
    if kind == "labels":
        about = "Any number of labels: a list, or a text."
        return {"type": ["string", "array", "null"], "description": about, "examples": state.names[:NAMED]}
    if isinstance(feature, Media):
        about = f"A file of this kind: {kind}, as a data URL."
        return {"type": ["string", "array", "null"], "description": about, "contentEncoding": "base64"}
    return {"type": ["string", "array", "null"], "description": f"A {kind}."}


def _answer_schema(cells: Sequence[Any]) -> dict[str, Any]:
    types = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array"}
    found = sorted({types.get(type(cell), "null") for cell in cells})
    return {"type": found[0] if len(found) == 1 else found}


def cell_as_json(cell: Any) -> Any:
    """A cell as a value of JSON: moments as text, bytes as a data URL, what is no number as null.

    Example:
        >>> cell_as_json(datetime.date(2024, 1, 31)), cell_as_json(float("nan")), cell_as_json(b"a")
        ('2024-01-31', None, 'data:;base64,YQ==')
    """
    if isinstance(cell, np.generic):
        cell = cell.item()
    if isinstance(cell, np.ndarray):
        cell = cell.tolist()
    if isinstance(cell, (datetime.date, datetime.datetime, datetime.time)):
        return cell.isoformat()
    if isinstance(cell, bytes):
        return f"data:;base64,{base64.b64encode(cell).decode()}"
    if isinstance(cell, float) and not math.isfinite(cell):
        return None
    if isinstance(cell, (list, tuple)):
        return [cell_as_json(one) for one in cell]
    if isinstance(cell, Mapping):
        return {str(key): cell_as_json(value) for key, value in cell.items()}
    return cell if cell is None or isinstance(cell, (str, int, float, bool)) else str(cell)
