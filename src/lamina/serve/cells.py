"""Rows as clients send them, to rows that a model may see: every column there, files as bytes, nothing else nested."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lamina.errors import nearest, some
from lamina.serve.refusal import Refusal

__all__ = ["Cells", "as_columns", "is_file"]

_NESTED = frozenset((dict, list))
_BYTES = {"b64"}  # the only key of an object that stands for bytes


class Cells:
    """The columns of a model, and what their cells may be.

    Args:
        schema: JSON Schema of a row.

    Example:
        >>> cells = Cells({"properties": {"age": {"type": "number"}}, "required": ["age"]})
        >>> cells.rows([{"age": 39, "shoes": 2}])
        [{'age': 39, 'shoes': 2}]
        >>> cells.rows([{"shoes": 2}])
        Traceback (most recent call last):
        lamina.serve.refusal.Refusal: row 0 has no column 'age' · got shoes · allowed: null where a value is missing
    """

    def __init__(self, schema: Mapping[str, Any]) -> None:
        properties: Mapping[str, Mapping[str, Any]] = schema.get("properties", {})
        self.names = list(properties)
        self.needed = frozenset(schema.get("required", properties))
        self.files = [name for name, one in properties.items() if is_file(one)]
        self.lists = {name for name, one in properties.items() if "array" in _kinds(one)} | set(self.files)

    def rows(self, given: Any, most: int = 2**63) -> list[dict[str, Any]]:
        """Rows, checked; a bare value is a row where the model reads a single column.

        Args:
            given: what stands where a list of rows should.
            most: rows that a request may have.

        Raises:
            Refusal: 400, with the row and the column; 413 where there are too many.
        """
        if not isinstance(given, list):
            raise Refusal(400, "rows must be a list", got=type(given).__name__, do='send {"instances": [{...}]}')
        if not given:
            raise Refusal(400, "there are no rows", allowed="one or more")
        if len(given) > most:
            raise Refusal(413, "there are too many rows", got=f"{len(given):,}", allowed=f"{most:,}",
                          do="send them in several requests, or use lamina predict")  # fmt: skip
        for place, row in enumerate(given):
            if type(row) is not dict or (row.keys() == _BYTES and len(self.names) == 1):
                row = given[place] = self._alone(row, place)
            if not self.needed <= row.keys():
                raise self._missing(row, place)
            if not _NESTED.isdisjoint(map(type, row.values())):
                self._flatten(row, place)
            for name in self.files:
                row[name] = _file(row[name], name, place)
        return given

    def columns(self, given: Mapping[str, Any], most: int = 2**63) -> list[dict[str, Any]]:
        """Rows from columns, ``{"age": [39, 40]}``; errors as for :meth:`rows`."""
        if not isinstance(given, Mapping) or not all(isinstance(cells, list) for cells in given.values()):
            raise Refusal(400, "columns must be an object of lists", got=type(given).__name__,
                          do='send {"inputs": {"column": [...]}}')  # fmt: skip
        lengths = {len(cells) for cells in given.values()}
        if len(lengths) > 1:
            uneven = some(f"{name} {len(cells)}" for name, cells in given.items())
            raise Refusal(400, "columns must be of one length", got=uneven)
        names = list(given)
        return self.rows([dict(zip(names, row, strict=True)) for row in zip(*given.values(), strict=True)], most)

    def _alone(self, value: Any, place: int) -> dict[str, Any]:
        if len(self.names) != 1:
            raise Refusal(400, f"row {place} must be an object", got=type(value).__name__,
                          allowed=f"a value for each of {some(self.names)}")  # fmt: skip
        return {self.names[0]: value}

    def _missing(self, row: Mapping[str, Any], place: int) -> Refusal:
        name = next(one for one in self.names if one in self.needed and one not in row)
        got = some(map(str, row), 20) or "no column"
        return Refusal(400, f"row {place} has no column {name!r}", got=got, allowed="null where a value is missing",
                       do=nearest(name, (str(one) for one in row if one not in self.needed)))  # fmt: skip

    def _flatten(self, row: dict[str, Any], place: int) -> None:
        """Bytes for ``{"b64": ...}``; lists only where a column takes them."""
        for name, cell in row.items():
            if isinstance(cell, dict) and cell.keys() == _BYTES and isinstance(cell["b64"], str):
                content = _bytes(cell["b64"], name, place)
                row[name] = content if name in self.files else _text(content, name, place)
            elif (isinstance(cell, dict) or (isinstance(cell, list) and name not in self.lists)) and name in self.names:
                raise Refusal(400, f"column {name!r} takes one value", got=f"{_json(cell)} in row {place}",
                              do='send text, a number, true, false or null; bytes as {"b64": "..."}')  # fmt: skip


def is_file(column: Mapping[str, Any]) -> bool:
    """Whether a column's cells are files: pictures, recordings, films."""
    return column.get("contentEncoding") == "base64"


def as_columns(answers: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Columns from rows that all have the same names.

    Example:
        >>> as_columns([{"a": 1}, {"a": 2}])
        {'a': [1, 2]}
    """
    return {name: [row[name] for row in answers] for name in (answers[0] if answers else ())}


def _kinds(column: Mapping[str, Any]) -> Iterable[str]:
    kinds = column.get("type", ())
    return [kinds] if isinstance(kinds, str) else kinds


def _file(cell: Any, name: str, place: int) -> Any:
    """A file's bytes; text is never the name of a file of this machine."""
    if isinstance(cell, str):
        head, comma, rest = cell.partition(",")
        return _bytes(rest if comma and head.startswith("data:") else cell, name, place) if cell else None
    if cell is None or isinstance(cell, (bytes, list)):
        return cell
    raise Refusal(400, f"column {name!r} takes files", got=f"{_json(cell)} in row {place}",
                  do='send its bytes in base64, as text or as {"b64": "..."}, or null')  # fmt: skip


def _bytes(text: str, name: str, place: int) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Refusal(400, f"column {name!r} takes files in base64", got=f"other text in row {place}",
                      do="send the bytes of the file; names and addresses are not opened") from None  # fmt: skip


def _text(content: bytes, name: str, place: int) -> str:
    try:
        return content.decode()
    except UnicodeError:
        raise Refusal(400, f"column {name!r} takes text", got=f"bytes in row {place} that are no UTF-8") from None


def _json(cell: Any) -> str:
    return {list: "a list", dict: "an object", bool: "true or false", bytes: "bytes"}.get(type(cell), "a number")
