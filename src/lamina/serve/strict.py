"""JSON that is only JSON: no NaN, no infinity, no key twice, no half letter, no depth without end."""

from __future__ import annotations

import json
import math
import re
from typing import Any

from lamina.serve.refusal import Refusal

__all__ = ["DEPTH", "dumps", "loads"]

DEPTH = 32  # lists and objects within each other: a film is four deep

_HUGE = re.compile(rb"[eE]\+?\d{3}|\d{300}")  # a number that may be too large, or words that look like one


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"a key stands twice: {max(keys, key=keys.count)[:60]}")
    return made


def _no_constant(text: str) -> None:
    raise ValueError(f"{text} is not JSON; null is a missing value")


def _finite(text: str) -> float:
    if math.isinf(value := float(text)):
        raise ValueError(f"{text[:20]} is too large for a number")
    return value


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant)
_CAREFUL = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant, parse_float=_finite)


def _plain(value: Any) -> Any:
    """What NumPy holds as Python does; all else, such as dates, as text."""
    return value.item() if hasattr(value, "item") else str(value)


_ENCODER = json.JSONEncoder(allow_nan=False, ensure_ascii=False, separators=(",", ":"), default=_plain)


def loads(body: bytes | bytearray) -> Any:
    """Read strict JSON.

    Raises:
        Refusal: 400, if it is not such JSON.

    Example:
        >>> loads(b'{"age": [39, null]}')
        {'age': [39, None]}
    """
    try:
        value = (_CAREFUL if _HUGE.search(body) else _DECODER).decode(body.decode())
        if b"\\ud" in body or b"\\uD" in body:
            _ENCODER.encode(value).encode()  # half a letter, as "\ud800" is, has no bytes
    except RecursionError:
        raise _too_deep() from None
    except ValueError as error:  # UnicodeError is one
        said = "text that is no UTF-8" if isinstance(error, UnicodeError) else str(error)
        raise Refusal(400, "the body is not valid JSON", got=said, do="send one JSON object") from None
    if body.count(b"[") + body.count(b"{") > DEPTH:
        _check_depth(value)
    return value


def _check_depth(value: Any) -> None:
    level = [value] if isinstance(value, (list, dict)) else []
    for _ in range(DEPTH):
        inner = (deeper for one in level for deeper in (one.values() if isinstance(one, dict) else one))
        level = [deeper for deeper in inner if isinstance(deeper, (list, dict))]
        if not level:
            return
    raise _too_deep()


def _too_deep() -> Refusal:
    return Refusal(400, "the body is nested too deeply", allowed=f"{DEPTH} lists and objects within each other")


def dumps(value: Any) -> bytes:
    """Write strict JSON; numbers that are none become null.

    Example:
        >>> dumps({"a": [1.5, float("nan")]})
        b'{"a":[1.5,null]}'
    """
    try:
        text = _ENCODER.encode(value)
    except ValueError:
        text = _ENCODER.encode(_without_nan(value))
    return text.encode("utf-8", "replace")


def _without_nan(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _without_nan(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_nan(inner) for inner in value]
    return value
