"""The plain form, and TensorFlow Serving's; what goes wrong in any of them."""

from __future__ import annotations

import asyncio
import gzip
import json
import zlib
from typing import Any

import pytest

from serve.fakes import Fruit, Photo, app_of, ask, b64, once, rows_of

PREDICT = "/v1/models/fruit:predict"
YES = {"ripe": "yes", "ripe_probability": 0.1, "whole": 1, "large": False}


def test_rows() -> None:
    got = once(app_of(), PREDICT, rows_of(1, 0.25))
    assert (got.status, got.headers["content-type"]) == (200, "application/json")
    no = {"ripe": "no", "ripe_probability": 0.025, "whole": 0, "large": False}
    assert got.json == {"predictions": [YES, no]}
    assert int(got.headers["content-length"]) == len(got.body)


def test_columns() -> None:
    got = once(app_of(), PREDICT, {"inputs": {"size": [1, 9], "colour": ["red", None]}})
    assert got.json["outputs"]["ripe"] == ["yes", "yes"] and got.json["outputs"]["large"] == [False, True]


def test_a_single_column_needs_no_name() -> None:
    bodies: list[Any] = [{"instances": [{"b64": b64(b"ab")}]}, {"instances": [b64(b"ab")]},
                         {"instances": [{"picture": b64(b"ab")}]}, {"instances": [[97, 98]]}]  # fmt: skip
    for body in bodies:
        got = once(app_of(Photo()), "/v1/models/photo:predict", body)
        assert got.json == {"predictions": [{"bytes": 2, "first": [97]}]}, body
    assert once(app_of(Photo()), "/v1/models/photo:predict", {"inputs": [b64(b"ab")]}).json["outputs"]["bytes"] == [2]


@pytest.mark.parametrize("pieces", [1, 2, 7])
def test_a_body_may_come_in_pieces(pieces: int) -> None:
    assert asyncio.run(ask(app_of(), PREDICT, rows_of(1), pieces=pieces)).json == {"predictions": [YES]}


@pytest.mark.parametrize("kind", ["application/json", "application/json; charset=utf-8",
                                  "application/x-www-form-urlencoded", "Application/JSON"])  # fmt: skip
def test_json_under_its_names(kind: str) -> None:
    assert once(app_of(), PREDICT, rows_of(1), headers={"Content-Type": kind}).status == 200


@pytest.mark.parametrize(("name", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
def test_a_body_may_be_packed(name: str, pack: Any) -> None:
    body = json.dumps(rows_of(1)).encode()
    assert once(app_of(), PREDICT, pack(body), headers={"Content-Encoding": name}).json == {"predictions": [YES]}
    bomb = pack(b" " * 3_000_000 + body)
    assert len(bomb) < 10_000
    assert once(app_of(body=100_000), PREDICT, bomb, headers={"Content-Encoding": name}).status == 413
    for broken in (pack(body)[:-4], pack(body) + b"x", b"", b"\0" * 40):
        got = once(app_of(), PREDICT, broken, headers={"Content-Encoding": name})
        assert (got.status, "is not packed by" in got.json["error"]) == (400, True)


def test_the_versions_and_what_is_known_of_them() -> None:
    app = app_of()
    fine = {"error_code": "OK", "error_message": ""}
    states = [{"version": "1", "state": "AVAILABLE", "status": fine}]
    assert once(app, "/v1/models").json == {"models": [{"name": "fruit", "version": "1"}]}
    assert once(app, "/v1/models/fruit").json == {"model_version_status": states}
    assert once(app, "/v1/models/fruit/versions/1").json == {"model_version_status": states}
    found = once(app, "/v1/models/fruit/metadata").json
    assert found["model_spec"] == {"name": "fruit", "version": "1"}
    assert found["metadata"]["schema"] == Fruit().schema
    assert found["metadata"]["examples"] == Fruit().examples
    assert once(app, "/v1/models/fruit/versions/1:predict", rows_of(1)).json == {"predictions": [YES]}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({}, "the body names no rows · got nothing"),
        ({"instances": [], "inputs": {}}, "the body names no rows · got instances, inputs"),
        ({"instance": []}, "the body has an unknown part · got instance"),
        ({"instance": []}, "did you mean instances?"),
        ({"instances": []}, "there are no rows"),
        ({"instances": [{"size": 1}]}, "row 0 has no column 'colour'"),
        ({"instances": [{"size": "x", "colour": None}]}, "column 'size' holds numbers · got 'x' in row 0"),
        ({"instances": [{"size": 1, "colour": 1}], "signature_name": "other"}, "there is one way to ask a model"),
        ([], "the body must be a JSON object · got list"),
        (3, "the body must be a JSON object · got int"),
        (b"{", "the body is not valid JSON"),
        (b"", "the body is not valid JSON"),
    ],
)
def test_what_is_wrong_is_said(body: Any, said: str) -> None:
    got = once(app_of(), PREDICT, body)
    assert (got.status, list(got.json)) == (400, ["error"])
    assert said in got.json["error"]
    assert "\n" not in got.json["error"] and "Traceback" not in got.json["error"]


def test_signatures_may_be_named() -> None:
    assert once(app_of(), PREDICT, {**rows_of(1), "signature_name": "serving_default"}).status == 200


@pytest.mark.parametrize(
    ("method", "path", "status", "said"),
    [
        ("POST", "/v1/models/fruits:predict", 404, "did you mean fruit?"),
        ("POST", "/v1/models/fruit/versions/2:predict", 404, "fruit has no such version · got 2 · allowed: 1"),
        ("POST", "/v1/models/fruit/versions/one:predict", 404, "fruit has no such version · got one"),
        ("POST", "/v1/models/fruit/versions/" + "9" * 5000 + ":predict", 404, "fruit has no such version"),
        ("POST", "/v1/models/fruit:predct", 404, "there is nothing at this address"),
        ("POST", "/v1/modls", 404, "did you mean /v1/models?"),
        ("GET", PREDICT, 405, "this address is not asked so · got GET · allowed: POST"),
        ("DELETE", "/v1/models/fruit", 405, "got DELETE · allowed: GET"),
        ("POST", "/", 405, "allowed: GET"),
        ("OPTIONS", PREDICT, 405, "allowed: POST"),
        ("GET", "/etc/passwd", 404, "there is nothing at this address"),
    ],
)
def test_addresses_and_methods(method: str, path: str, status: int, said: str) -> None:
    got = asyncio.run(ask(app_of(), path, rows_of(1) if method == "POST" else None, method=method))
    assert (got.status, said in got.json["error"]) == (status, True), got.json
    assert ("allow" in got.headers) == (status == 405)


@pytest.mark.parametrize("kind", ["text/plain", "application/xml", "multipart/form-data; boundary=x", "text/csv"])
def test_other_forms_of_bodies_are_refused(kind: str) -> None:
    got = once(app_of(), PREDICT, rows_of(1), headers={"Content-Type": kind})
    assert (got.status, "allowed: application/json" in got.json["error"]) == (415, True)
    assert once(app_of(), PREDICT, rows_of(1), headers={"Content-Encoding": "br"}).status == 415


def test_too_much_is_refused() -> None:
    app = app_of(body=1000, rows=5)
    assert once(app, PREDICT, rows_of(*range(5))).status == 200
    assert once(app, PREDICT, rows_of(*range(6))).status == 413
    got = once(app, PREDICT, b" " * 1001)
    assert (got.status, got.headers["connection"]) == (413, "close")
    assert asyncio.run(ask(app, PREDICT, b" " * 5000, pieces=10)).status == 413
    for length in ("1001", "9" * 30, "-1", "x"):
        assert once(app, PREDICT, rows_of(1), headers={"Content-Length": length}).status == 413


def test_a_fault_of_the_model_says_nothing_of_the_machine(capsys: pytest.CaptureFixture[str]) -> None:
    body = {"instances": [{"size": 1, "colour": "fault"}]}
    got = once(app_of(), PREDICT, body, headers={"X-Request-Id": "abc-1"})
    assert (got.status, got.headers["x-request-id"]) == (500, "abc-1")
    assert got.json == {"error": "the model failed · the log of the service says why, under abc-1"}
    line = json.loads(capsys.readouterr().err)
    assert (line["what"], line["id"]) == ("fault", "abc-1") and "ZeroDivisionError: secret" in line["error"]
    unnamed = once(app_of(), PREDICT, body)
    assert json.loads(capsys.readouterr().err)["id"] == unnamed.headers["x-request-id"]
    assert unnamed.headers["x-request-id"] in unnamed.json["error"]


def test_requests_have_names() -> None:
    assert (
        once(app_of(), PREDICT, rows_of(1), headers={"X-Request-Id": "a.b:c_1-2"}).headers["x-request-id"]
        == "a.b:c_1-2"
    )
    made = once(app_of(), PREDICT, b"{", headers={"X-Request-Id": "a\tb"}).headers["x-request-id"]
    assert made != "a\tb" and len(made) == 16


def test_the_log_names_requests_and_no_rows(capsys: pytest.CaptureFixture[str]) -> None:
    once(app_of(log=True), PREDICT, rows_of(123456))
    line = json.loads(capsys.readouterr().err)
    assert {name: line[name] for name in ("what", "method", "path", "model", "status")} == {
        "what": "request", "method": "POST", "path": PREDICT, "model": "fruit", "status": 200,
    }  # fmt: skip
    assert "123456" not in json.dumps(line)


def test_what_the_model_says_of_missing_numbers_is_null() -> None:
    class Nothing(Fruit):
        def _of(self, row: Any) -> dict[str, Any]:
            return {"ripe": None, "ripe_probability": float("nan"), "whole": 0, "large": False}

    got = once(app_of(Nothing()), PREDICT, rows_of(1))
    assert got.json["predictions"][0]["ripe_probability"] is None


def test_the_head_of_a_page_is_as_its_body() -> None:
    assert asyncio.run(ask(app_of(), "/v1/models", method="HEAD")).status == 200
