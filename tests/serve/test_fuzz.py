"""Whatever comes, the answer is no fault of the service: bytes of any kind, and bodies that are almost right."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serve.fakes import Answer, Fruit, Photo, app_of, ask

APP = app_of(Fruit(), Photo(), rows=50, body=20_000)
LENGTH = "Inference-Header-Content-Length"
ADDRESSES = [
    "/v1/models/fruit:predict",
    "/v1/models/photo:predict",
    "/v2/models/fruit/infer",
    "/v2/models/photo/infer",
    "/invocations",
]
KEYS = [
    "instances",
    "inputs",
    "outputs",
    "dataframe_split",
    "dataframe_records",
    "columns",
    "data",
    "size",
    "colour",
    "picture",
    "name",
    "shape",
    "datatype",
    "parameters",
    "binary_data_size",
    "binary_data",
    "id",
    "b64",
    "signature_name",
]
WORDS = [
    "FP32",
    "BYTES",
    "BOOL",
    "INT64",
    "size",
    "colour",
    "picture",
    "ripe",
    "/etc/passwd",
    "aGk=",
    "serving_default",
]

LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(WORDS)
    | st.integers(0, 4)
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=4), inner, max_size=4)
    ),
    max_leaves=16,
)
TENSORS = st.fixed_dictionaries(
    {},
    optional={
        "name": st.sampled_from(["size", "colour", "picture", ""]) | VALUES,
        "shape": st.lists(st.integers(-1, 3), max_size=3) | VALUES,
        "datatype": st.sampled_from(["FP32", "FP16", "INT64", "BOOL", "BYTES"]) | VALUES,
        "data": st.lists(LEAVES, max_size=4) | VALUES,
        "parameters": st.fixed_dictionaries({}, optional={"binary_data_size": st.integers(-1, 40) | VALUES}) | VALUES,
    },
)
ROWS = st.lists(
    st.fixed_dictionaries({}, optional={"size": VALUES, "colour": VALUES, "picture": VALUES}) | VALUES, max_size=4
)
BODIES = st.fixed_dictionaries(
    {},
    optional={
        "instances": ROWS | VALUES,
        "inputs": st.lists(TENSORS, max_size=3)
        | st.fixed_dictionaries({}, optional={"size": VALUES, "colour": VALUES})
        | ROWS,
        "outputs": st.lists(st.fixed_dictionaries({}, optional={"name": VALUES, "parameters": VALUES}), max_size=2)
        | VALUES,
        "dataframe_split": st.fixed_dictionaries({}, optional={"columns": VALUES, "data": VALUES}) | VALUES,
        "dataframe_records": ROWS | VALUES,
        "parameters": VALUES,
        "id": VALUES,
        "params": VALUES,
    },
)
HEADERS = st.dictionaries(
    st.sampled_from(
        [
            "Content-Type",
            "Content-Encoding",
            "Content-Length",
            "Origin",
            "Host",
            "Authorization",
            "X-Request-Id",
            LENGTH,
        ]
    ),
    st.sampled_from(
        ["application/json", "text/csv", "gzip", "deflate", "7", "0", "40", "localhost", "null", "Bearer x", "a-1"]
    )
    | st.text(st.characters(max_codepoint=255), max_size=12),
    max_size=3,
)


def fine(got: Answer) -> None:
    """An answer or a refusal of the usual form; never a fault."""
    assert got.status in (200, 400, 401, 403, 404, 405, 413, 415, 421, 429, 503), got
    if got.status != 200:
        assert list(got.json) == ["error"] and "Traceback" not in got.json["error"]


def given_to(path: str, body: Any, headers: dict[str, str], pieces: int = 1) -> None:
    # Floats that are none, too: Python writes them, JSON has none.
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    fine(asyncio.run(ask(APP, path, content, headers=headers, pieces=pieces)))


@settings(max_examples=120)
@given(st.sampled_from(ADDRESSES), BODIES)
def test_bodies_that_are_almost_right(path: str, body: Any) -> None:
    given_to(path, body, {})


@settings(max_examples=80)
@given(st.sampled_from(ADDRESSES), VALUES | BODIES, HEADERS, st.integers(1, 4))
def test_values_of_any_kind_under_any_headers(path: str, body: Any, headers: dict[str, str], pieces: int) -> None:
    given_to(path, body, headers, pieces)


@settings(max_examples=80)
@given(st.sampled_from(ADDRESSES), st.binary(max_size=200), HEADERS)
def test_bytes_of_any_kind(path: str, body: bytes, headers: dict[str, str]) -> None:
    given_to(path, body, headers)


@settings(max_examples=80)
@given(st.sampled_from(["/v2/models/fruit/infer", "/v2/models/photo/infer"]), BODIES, st.binary(max_size=60))
def test_raw_bytes_after_the_json(path: str, head: Any, rest: bytes) -> None:
    body = json.dumps(head).encode()
    given_to(path, body + rest, {LENGTH: str(len(body))})


@settings(max_examples=80)
@given(
    st.text(max_size=30).map(lambda text: "/" + text) | st.sampled_from(ADDRESSES).map(lambda path: path[:-2]),
    st.sampled_from(["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "TRACE"]),
)
def test_addresses_of_any_kind(path: str, method: str) -> None:
    fine(asyncio.run(ask(APP, path, b"{}", method=method)))


@pytest.mark.parametrize("path", ADDRESSES)
def test_each_byte_of_a_good_body_may_be_another(path: str) -> None:
    good = json.dumps(
        {
            "inputs": [
                {"name": "size", "shape": [1], "datatype": "FP32", "data": [1.5]},
                {"name": "colour", "shape": [1], "datatype": "BYTES", "data": ["red"]},
            ]
        }
        if path.endswith("infer")
        else {"instances": [{"size": 1.5, "colour": "red"}]}
    ).encode()

    async def main() -> None:
        for place in range(len(good)):
            for byte in b'"[{}]:,0\\\x00\xff':
                fine(await ask(APP, path, good[:place] + bytes([byte]) + good[place + 1 :]))
            fine(await ask(APP, path, good[:place] + good[place + 1 :]))
            fine(await ask(APP, path, good[:place]))

    asyncio.run(main())
