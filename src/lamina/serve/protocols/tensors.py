"""Columns as the tensors of the Open Inference Protocol: names of types, JSON lists, and raw bytes."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lamina.serve.refusal import Refusal

__all__ = ["TYPES", "datatype", "pack", "read", "unpack", "values"]

TYPES: dict[str, Any] = {
    "BOOL": np.bool_, "UINT8": np.uint8, "UINT16": np.uint16, "UINT32": np.uint32, "UINT64": np.uint64,
    "INT8": np.int8, "INT16": np.int16, "INT32": np.int32, "INT64": np.int64,
    "FP16": np.float16, "FP32": np.float32, "FP64": np.float64, "BYTES": None,
}  # fmt: skip
_OF_SCHEMA = {"number": "FP64", "integer": "INT64", "boolean": "BOOL"}
_LENGTH = struct.Struct("<I")  # before each text


def datatype(column: Mapping[str, Any]) -> str:
    """The type of a column, by its JSON Schema: numbers and booleans are themselves, all else is BYTES.

    Example:
        >>> datatype({"type": ["number", "null"]}), datatype({"type": "string"})
        ('FP64', 'BYTES')
    """
    kinds = column.get("type", "string")
    kind = kinds if isinstance(kinds, str) else next((one for one in kinds if one != "null"), "string")
    return _OF_SCHEMA.get(kind, "BYTES")


def read(tensor: Any, raw: memoryview, is_file: bool) -> tuple[list[Any], int]:
    """A tensor of the request as the cells of a column, and how many of the raw bytes were its.

    Args:
        tensor: what stands in JSON: shape, datatype, and data or the number of raw bytes.
        raw: bytes that follow the JSON, and are not read yet.
        is_file: whether the column's cells are bytes.

    Raises:
        Refusal: 400 if it is not as it says.
    """
    name = tensor["name"]
    kind, shape = tensor.get("datatype"), tensor.get("shape")
    if not isinstance(kind, str) or kind not in TYPES:
        raise Refusal(400, f"input {name!r} has no datatype of the protocol", got=repr(kind)[:60],
                      allowed=", ".join(TYPES))  # fmt: skip
    if not _is_shape(shape):
        raise Refusal(400, f"input {name!r} has no valid shape", got=repr(shape)[:60], allowed="[rows] or [rows, ...]")
    count = math.prod(shape)
    size = (tensor.get("parameters") or {}).get("binary_data_size")
    if size is None:
        cells = _listed(tensor.get("data"), name, kind, count)
        used = 0
    else:
        if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size <= len(raw):
            raise Refusal(400, f"input {name!r} says a wrong binary_data_size", got=repr(size)[:60],
                          allowed=f"up to {len(raw)} bytes that follow")  # fmt: skip
        cells, used = unpack(raw[:size], kind, count, name), size
    if kind == "BYTES" and not is_file:
        cells = [_text(cell, name) for cell in cells]
    return (cells if math.prod(shape[1:]) == 1 else _shaped(cells, shape)), used


def _is_shape(shape: Any) -> bool:
    return (
        isinstance(shape, list)
        and 1 <= len(shape) <= 6
        and all(isinstance(size, int) and not isinstance(size, bool) and 0 < size < 2**40 for size in shape)
    )


def _listed(data: Any, name: str, kind: str, count: int) -> list[Any]:
    """The values of a JSON list, nested or not."""
    if not isinstance(data, list):
        raise Refusal(400, f"input {name!r} has no data", got=type(data).__name__, allowed="a list, nested or not")
    while data and isinstance(data[0], list):
        if not all(isinstance(inner, list) for inner in data):
            raise Refusal(400, f"the data of input {name!r} is not nested evenly")
        data = [value for inner in data for value in inner]
    if len(data) != count:
        raise Refusal(400, f"the data of input {name!r} does not fill its shape", got=f"{len(data)} values",
                      allowed=f"{count}")  # fmt: skip
    able: Any = {"BYTES": str, "BOOL": bool}.get(kind, (int, float) if kind.startswith("FP") else int)
    for value in data:
        if value is not None and (not isinstance(value, able) or (isinstance(value, bool) and kind != "BOOL")):
            raise Refusal(400, f"the data of input {name!r} is not {kind}", got=repr(value)[:60])
    return data


def unpack(raw: memoryview, kind: str, count: int, name: str) -> list[Any]:
    """Raw bytes as values; a number that is none is a missing one.

    Raises:
        Refusal: 400 if these are too few or too many bytes.
    """
    if kind == "BYTES":
        return _unpack_texts(raw, count, name)
    form = np.dtype(TYPES[kind]).newbyteorder("<")
    if len(raw) != count * form.itemsize:
        raise Refusal(400, f"the bytes of input {name!r} do not fill its shape", got=f"{len(raw)} bytes",
                      allowed=f"{count} values of {kind}")  # fmt: skip
    if kind == "BOOL":
        return [byte != 0 for byte in raw]
    found = np.frombuffer(raw, form)
    made: list[Any] = found.tolist()
    if kind.startswith("FP") and np.isnan(found).any():
        return [None if math.isnan(value) else value for value in made]
    return made


def _unpack_texts(raw: memoryview, count: int, name: str) -> list[bytes]:
    texts, place = [], 0
    for _ in range(count):
        end = place + _LENGTH.size
        length = _LENGTH.unpack_from(raw, place)[0] if end <= len(raw) else len(raw)
        if end + length > len(raw):
            break
        texts.append(bytes(raw[end : end + length]))
        place = end + length
    if len(texts) != count or place != len(raw):
        raise Refusal(400, f"the bytes of input {name!r} are not {count} texts, each after its length")
    return texts


def pack(cells: Sequence[Any], kind: str) -> bytes:
    """Values as raw bytes, as :func:`unpack` reads them."""
    if kind == "BYTES":
        texts = [_as_text(cell).encode("utf-8", "replace") for cell in cells]
        return b"".join(part for text in texts for part in (_LENGTH.pack(len(text)), text))
    missing = math.nan if kind.startswith("FP") else 0
    full = [missing if cell is None else cell for cell in cells]
    return np.asarray(full, np.dtype(TYPES[kind]).newbyteorder("<")).tobytes()


def values(cells: Sequence[Any], kind: str) -> list[Any]:
    """Values as JSON ones."""
    return [_as_text(cell) for cell in cells] if kind == "BYTES" else list(cells)


def _as_text(cell: Any) -> str:
    if isinstance(cell, str):
        return cell
    return "" if cell is None else json.dumps(cell, ensure_ascii=False, default=str)


def _text(cell: Any, name: str) -> Any:
    if not isinstance(cell, bytes):
        return cell
    try:
        return cell.decode()
    except UnicodeError:
        raise Refusal(400, f"input {name!r} takes text", got="bytes that are no UTF-8") from None


def _shaped(cells: list[Any], shape: Sequence[int]) -> list[Any]:
    """A flat list as lists within lists."""
    for size in reversed(shape[1:]):
        cells = [cells[place : place + size] for place in range(0, len(cells), size)]
    return cells
