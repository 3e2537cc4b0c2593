"""JSON that is only JSON."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lamina.serve.refusal import Refusal
from lamina.serve.strict import DEPTH, dumps, loads

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(VALUES)
def test_what_is_written_is_read_again(value: Any) -> None:
    assert loads(dumps(value)) == value
    assert loads(json.dumps(value).encode()) == value


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "Expecting value"),
        (b"{", "Expecting property name"),
        (b"[1] [2]", "Extra data"),
        (b'{"a": NaN}', "NaN is not JSON"),
        (b"[-Infinity]", "-Infinity is not JSON"),
        (b"[1e999]", "1e999 is too large"),
        (b"[-1E+400]", "is too large"),
        (b"[" + b"9" * 5000 + b"]", "4300"),
        (b"[" + b"9" * 400 + b".5]", "is too large"),
        (b'{"a": 1, "b": {"c": 1, "c": 2}}', "a key stands twice: c"),
        (b'"\xff"', "no UTF-8"),
        (b'\xff\xfe[\x001\x00]\x00', "no UTF-8"),
        (b'["\\ud800"]', "no UTF-8"),
        (b'{"\\uDFFF": 1}', "no UTF-8"),
        (b"[" * (DEPTH + 1) + b"]" * (DEPTH + 1), "nested too deeply"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"a":' * 90_000, "nested too deeply"),
    ],
)  # fmt: skip
def test_anything_else_is_refused(body: bytes, said: str) -> None:
    with pytest.raises(Refusal, match=r"the body is") as caught:
        loads(body)
    assert caught.value.status == 400
    assert said in str(caught.value)


def test_what_only_looks_bad_is_read() -> None:
    assert loads(b'["E999 and 1e999", "\\ud83d\\ude00", 1e300]') == ["E999 and 1e999", "😀", 1e300]
    deep: Any = 1
    for _ in range(DEPTH):
        deep = [deep]
    assert loads(json.dumps(deep).encode()) == deep
    assert len(loads(json.dumps([[[1]]] * 1000).encode())) == 1000


def test_numbers_that_are_none_become_null() -> None:
    assert (
        dumps({"a": math.nan, "b": [math.inf, 1.5], "c": {"d": -math.inf}})
        == b'{"a":null,"b":[null,1.5],"c":{"d":null}}'
    )
