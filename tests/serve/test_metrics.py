"""Counts for Prometheus."""

from __future__ import annotations

import os
import re

from lamina.serve.metrics import HELP, Metrics, shared_file
from serve.fakes import Fruit, Photo, app_of, once, rows_of

LINE = re.compile(r'(\w+)(\{(\w+="[^"]*"(,\w+="[^"]*")*)\})? (-?[0-9.e+-]+)')


def counts(text: str) -> dict[str, float]:
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert all(LINE.fullmatch(line) for line in lines)
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines}


def test_requests_and_rows_are_counted() -> None:
    app = app_of(Fruit(), Photo())
    for body in (rows_of(1), rows_of(1, 2, 3), {"instances": 3}):
        once(app, "/v1/models/fruit:predict", body)
    once(app, "/nowhere")
    got = once(app, "/metrics")
    assert got.headers["content-type"].startswith("text/plain; version=0.0.4")
    found = counts(got.body.decode())
    assert found['lamina_requests_total{model="fruit",status="200"}'] == 2
    assert found['lamina_requests_total{model="fruit",status="400"}'] == 1
    assert found['lamina_requests_total{model="",status="404"}'] == 1
    assert found['lamina_rows_total{model="fruit"}'] == 4
    assert found['lamina_rows_total{model="photo"}'] == 0
    assert found['lamina_batch_rows_bucket{model="fruit",le="1"}'] == 1
    assert found['lamina_batch_rows_bucket{model="fruit",le="4"}'] == 2
    assert found['lamina_batch_rows_sum{model="fruit"}'] == 4
    assert found['lamina_request_seconds_count{model="fruit"}'] == 3
    assert found['lamina_request_seconds_bucket{model="fruit",le="+Inf"}'] == 3


def test_buckets_grow() -> None:
    metrics = Metrics(["a"])
    for seconds in (0.0005, 0.001, 0.02, 60):
        metrics.answered("a", 200, seconds)
    found = counts(metrics.text({"a": 7}))
    buckets = [value for name, value in found.items() if name.startswith("lamina_request_seconds_bucket")]
    assert buckets == sorted(buckets) and buckets[0] == 2 and buckets[-1] == 4
    assert found['lamina_request_seconds_sum{model="a"}'] == 60.0215
    assert found['lamina_waiting_rows{model="a"}'] == 7


def test_each_name_has_its_help_and_type_once() -> None:
    text = Metrics(["a", "b"]).text({})
    for name, (kind, said) in HELP.items():
        assert text.count(f"# HELP {name} {said}\n") == text.count(f"# TYPE {name} {kind}\n") == 1


def test_processes_count_together() -> None:
    handle = shared_file(["a"], 3)
    several = [Metrics(["a"], handle, place, 3) for place in range(3)]
    os.close(handle)
    for place, metrics in enumerate(several):
        for _ in range(place + 1):
            metrics.answered("a", 200, 0.01)
    for metrics in several:
        assert counts(metrics.text({}))['lamina_requests_total{model="a",status="200"}'] == 6


def test_a_model_that_came_later_is_not_counted_and_does_no_harm() -> None:
    assert Metrics(["a"]).batches("b") is None
