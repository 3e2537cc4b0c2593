"""The Open Inference Protocol: its addresses, tensors of every type, and raw bytes as tritonclient sends them."""

from __future__ import annotations

import json
import math
import struct
from typing import Any

import numpy as np
import pytest

from lamina import __version__
from lamina.serve.protocols.tensors import TYPES, datatype, pack, unpack
from serve.fakes import Answer, App, Fruit, Photo, app_of, b64, once

INFER = "/v2/models/fruit/infer"
LENGTH = "Inference-Header-Content-Length"


def tensor(
    name: str, data: list[Any], kind: str = "FP64", shape: list[int] | None = None, **more: Any
) -> dict[str, Any]:
    return {"name": name, "shape": shape or [len(data)], "datatype": kind, "data": data, **more}


def fruit(sizes: list[Any], kind: str = "FP64", **more: Any) -> dict[str, Any]:
    """A request of fruits by their sizes."""
    return {"inputs": [tensor("size", sizes, kind), tensor("colour", ["red"] * len(sizes), "BYTES")], **more}


def texts(*given: bytes) -> bytes:
    return b"".join(struct.pack("<I", len(text)) + text for text in given)


def raw(app: App, head: dict[str, Any], *parts: bytes, path: str = INFER) -> Answer:
    """Ask with raw bytes after the JSON."""
    body = json.dumps(head).encode()
    headers = {LENGTH: str(len(body)), "Content-Type": "application/octet-stream"}
    return once(app, path, body + b"".join(parts), headers=headers)


def test_the_table_of_addresses() -> None:
    app = app_of()
    assert once(app, "/v2").json == {"name": "lamina", "version": __version__, "extensions": ["binary_tensor_data"]}
    assert [once(app, f"/v2/health/{what}").status for what in ("live", "ready")] == [200, 200]
    assert once(app, "/v2/models/fruit/ready").status == once(app, "/v2/models/fruit/versions/1/ready").status == 200
    assert once(app, "/v2/models/none/ready").status == once(app, "/v2/models/fruit/versions/7/ready").status == 404
    described = once(app, "/v2/models/fruit").json
    assert described == {
        "name": "fruit",
        "versions": ["1"],
        "platform": "lamina",
        "inputs": [
            {"name": "size", "datatype": "FP64", "shape": [-1]},
            {"name": "colour", "datatype": "BYTES", "shape": [-1]},
        ],
        "outputs": [
            {"name": "ripe", "datatype": "BYTES", "shape": [-1]},
            {"name": "ripe_probability", "datatype": "FP64", "shape": [-1]},
            {"name": "whole", "datatype": "INT64", "shape": [-1]},
            {"name": "large", "datatype": "BOOL", "shape": [-1]},
        ],
    }
    assert once(app, "/v2/models/fruit/versions/1").json == described
    assert once(app, "/v2/repository/index", {}).json == [
        {"name": "fruit", "version": "1", "state": "READY", "reason": ""}
    ]
    assert once(app, "/v2/models/fruit/config").json["input"][1] == {
        "name": "colour",
        "data_type": "TYPE_STRING",
        "dims": [-1],
    }


def test_a_service_that_is_to_end_is_not_ready_and_still_answers() -> None:
    app = app_of()
    app.ready = False
    assert (once(app, "/v2/health/ready").status, once(app, "/v2/health/live").status) == (503, 200)
    got = once(app, INFER, fruit([1.0]))
    assert (got.status, got.headers["connection"]) == (200, "close")


def test_answers() -> None:
    got = once(app_of(), INFER, fruit([1.0, 9.0], id="a7")).json
    assert got == {
        "model_name": "fruit",
        "model_version": "1",
        "id": "a7",
        "outputs": [
            {"name": "ripe", "shape": [2], "datatype": "BYTES", "data": ["yes", "yes"]},
            {"name": "ripe_probability", "shape": [2], "datatype": "FP64", "data": [0.1, 0.9]},
            {"name": "whole", "shape": [2], "datatype": "INT64", "data": [1, 9]},
            {"name": "large", "shape": [2], "datatype": "BOOL", "data": [False, True]},
        ],
    }
    some = once(app_of(), "/v2/models/fruit/versions/1/infer", fruit([1.0], outputs=[{"name": "whole"}])).json
    assert [one["name"] for one in some["outputs"]] == ["whole"] and "id" not in some


@pytest.mark.parametrize("kind", [kind for kind in TYPES if kind not in ("BYTES", "BOOL")])
def test_numbers_of_every_type(kind: str) -> None:
    form = np.dtype(TYPES[kind]).newbyteorder("<")
    plain = once(app_of(), INFER, fruit([3, 100], kind)).json["outputs"]
    assert plain[2]["data"] == [3, 100]
    sent = np.array([3, 100], form).tobytes()
    head = {
        "inputs": [
            {"name": "size", "shape": [2, 1], "datatype": kind, "parameters": {"binary_data_size": len(sent)}},
            tensor("colour", ["red", "red"], "BYTES"),
        ]
    }
    assert raw(app_of(), head, sent).json["outputs"] == plain


def test_shapes() -> None:
    for shape in ([2], [2, 1], [2, 1, 1]):
        body = {"inputs": [tensor("size", [1, 9], "INT32", shape), tensor("colour", [["a"], ["b"]], "BYTES", [2, 1])]}
        assert once(app_of(), INFER, body).json["outputs"][2]["data"] == [1, 9]
    pixels = {"inputs": [tensor("picture", [[[1, 2], [3, 4]], [[5, 6], [7, 8]]], "UINT8", [2, 2, 2])]}
    got = once(app_of(Photo()), "/v2/models/photo/infer", pixels).json["outputs"]
    assert [one["data"] for one in got] == [[2, 2], ["[[1, 2]]", "[[5, 6]]"]]


def test_missing_values() -> None:
    assert once(app_of(), INFER, fruit([None, 2.0])).json["outputs"][2]["data"] == [0, 2]
    sent = struct.pack("<2f", math.nan, 2)
    head = {
        "inputs": [
            {"name": "size", "shape": [2], "datatype": "FP32", "parameters": {"binary_data_size": len(sent)}},
            tensor("colour", [None, ""], "BYTES"),
        ]
    }
    assert raw(app_of(), head, sent).json["outputs"][2]["data"] == [0, 2]


def test_raw_bytes_in_and_out() -> None:
    sizes, colours = struct.pack("<2d", 1, 9), texts(b"red", "größe".encode())
    head = {
        "inputs": [
            {"name": "size", "shape": [2], "datatype": "FP64", "parameters": {"binary_data_size": len(sizes)}},
            {"name": "colour", "shape": [2], "datatype": "BYTES", "parameters": {"binary_data_size": len(colours)}},
        ],
        "outputs": [
            {"name": "ripe", "parameters": {"binary_data": True}},
            {"name": "whole"},
            {"name": "large", "parameters": {"binary_data": True}},
        ],
    }
    got = raw(app_of(), head, sizes, colours)
    assert got.headers["content-type"] == "application/octet-stream"
    length = int(got.headers[LENGTH.lower()])
    outputs = json.loads(got.body[:length])["outputs"]
    assert [one.get("parameters", {}).get("binary_data_size") for one in outputs] == [14, None, 2]
    assert outputs[1]["data"] == [1, 9]
    assert got.body[length:] == texts(b"yes", b"yes") + b"\0\1"
    every = once(app_of(), INFER, fruit([1.0], parameters={"binary_data_output": True}))
    assert all(
        "binary_data_size" in one["parameters"]
        for one in json.loads(every.body[: int(every.headers[LENGTH.lower()])])["outputs"]
    )


def test_files_are_bytes_either_way() -> None:
    head = {"inputs": [{"name": "picture", "shape": [1], "datatype": "BYTES", "parameters": {"binary_data_size": 8}}]}
    assert raw(app_of(Photo()), head, texts(b"\x89PNG"), path="/v2/models/photo/infer").json["outputs"][0]["data"] == [
        4
    ]
    body = {"inputs": [tensor("picture", [b64(b"\x89PNG")], "BYTES")]}
    assert once(app_of(Photo()), "/v2/models/photo/infer", body).json["outputs"][0]["data"] == [4]
    got = once(app_of(Photo()), "/v2/models/photo/infer", {"inputs": [tensor("picture", ["/etc/passwd"], "BYTES")]})
    assert (got.status, "names and addresses are not opened" in got.json["error"]) == (400, True)


RED = tensor("colour", ["red"], "BYTES")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({}, "inputs must be a list of tensors · got NoneType"),
        ({"inputs": [3]}, "inputs must be a list of tensors"),
        ({"inputs": []}, "there are no rows"),
        ({"inputs": [RED]}, "row 0 has no column 'size'"),
        ({"inputs": [tensor("sise", [1])]}, "there is no such input · got 'sise' · did you mean size?"),
        ({"inputs": [tensor("size", [1]) | {"name": ["size"]}]}, "there is no such input"),
        ({"inputs": [RED, RED]}, "an input stands twice"),
        ({"inputs": [tensor("size", [1, 2]), RED]}, "columns must be of one length"),
        ({"inputs": [tensor("size", [1], "FP31")]}, "input 'size' has no datatype of the protocol · got 'FP31'"),
        ({"inputs": [tensor("size", [1], ["FP32"])]}, "has no datatype"),  # type: ignore[arg-type]
        ({"inputs": [tensor("size", [1], shape=[2])]}, "does not fill its shape · got 1 values · allowed: 2"),
        ({"inputs": [tensor("size", [1]) | {"shape": []}]}, "input 'size' has no valid shape"),
        ({"inputs": [tensor("size", [1]) | {"shape": [-1]}]}, "input 'size' has no valid shape"),
        ({"inputs": [tensor("size", [1]) | {"shape": [True]}]}, "input 'size' has no valid shape"),
        ({"inputs": [tensor("size", [1]) | {"shape": [10**15]}]}, "input 'size' has no valid shape"),
        ({"inputs": [tensor("size", ["one"])]}, "the data of input 'size' is not FP64 · got 'one'"),
        ({"inputs": [tensor("size", [1.5], "INT8")]}, "is not INT8"),
        ({"inputs": [tensor("size", [True])]}, "is not FP64"),
        ({"inputs": [tensor("size", [[1], 2])]}, "is not nested evenly"),
        ({"inputs": [{"name": "size", "shape": [1], "datatype": "FP64"}]}, "input 'size' has no data"),
        ({"inputs": [tensor("size", [1], parameters=3)]}, "the parameters of input 'size' must be an object"),
        (fruit([1.0], outputs=[{"name": "rip"}]), "there is no such output · got 'rip'"),
        (fruit([1.0], outputs=3), "outputs must be a list of objects"),
        (fruit([1.0], outputs=[{"name": "ripe", "parameters": 3}]), "of output 'ripe' must be an object"),
    ],
)
def test_what_is_wrong_is_said(body: Any, said: str) -> None:
    got = once(app_of(), INFER, body)
    assert (got.status, said in got.json["error"]) == (400, True), got.json


@pytest.mark.parametrize(
    ("kind", "sent", "size", "said"),
    [
        ("FP64", b"\0" * 8, 9, "says a wrong binary_data_size · got 9 · allowed: up to 8 bytes"),
        ("FP64", b"\0" * 8, -1, "says a wrong binary_data_size"),
        ("FP64", b"\0" * 8, "8", "says a wrong binary_data_size"),
        ("FP64", b"\0" * 8, 7, "do not fill its shape · got 7 bytes"),
        ("FP64", b"\0" * 9, 8, "more bytes follow than the inputs say · got 1 more"),
        ("BYTES", texts(b"a")[:-1], 4, "are not 1 texts, each after its length"),
        ("BYTES", b"\xff\xff\xff\xffa", 5, "are not 1 texts"),
        ("BYTES", texts(b"a", b"b"), 10, "are not 1 texts"),
        ("BYTES", b"", 0, "are not 1 texts"),
        ("BYTES", texts(b"\xff"), 5, "takes text · got bytes that are no UTF-8"),
    ],
)
def test_raw_bytes_that_are_wrong(kind: str, sent: bytes, size: Any, said: str) -> None:
    head = {"inputs": [{"name": "size", "shape": [1], "datatype": kind, "parameters": {"binary_data_size": size}}, RED]}
    got = raw(app_of(), head, sent)
    assert (got.status, said in got.json["error"]) == (400, True), got.json


@pytest.mark.parametrize("length", ["x", "-1", "9" * 30, "999"])
def test_a_wrong_length_of_the_json_is_said(length: str) -> None:
    got = once(app_of(), INFER, fruit([1.0]), headers={LENGTH: length})
    assert (got.status, "is wrong" in got.json["error"]) == (400, True)


@pytest.mark.parametrize("kind", list(TYPES))
def test_what_is_packed_is_unpacked(kind: str) -> None:
    values: list[Any] = {"BYTES": ["a", "größe", ""], "BOOL": [True, False, True]}.get(kind, [0, 1, 100])
    found = unpack(memoryview(pack(values, kind)), kind, 3, "x")
    assert [one.decode() for one in found] == values if kind == "BYTES" else found == values


def test_types_of_columns() -> None:
    kinds: list[tuple[Any, str]] = [
        ("number", "FP64"),
        (["null", "integer"], "INT64"),
        (["boolean", "null"], "BOOL"),
        ("array", "BYTES"),
        (["null"], "BYTES"),
    ]
    assert [datatype({"type": kind}) for kind, _ in kinds] == [name for _, name in kinds]
    assert datatype({}) == "BYTES"
    assert datatype(Fruit().schema["input"]["properties"]["size"]) == "FP64"
