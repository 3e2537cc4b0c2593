"""A run behind the service: the same answers as the run gives, whatever a client sends."""

from __future__ import annotations

import asyncio
import datetime
import io
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import lamina
from lamina.serve import App, Loaded, ServeSettings
from lamina.serve.from_run import FromRun
from serve.fakes import ask, b64, once

ROWS = 160


def table() -> pl.DataFrame:
    """Patients: a number, a whole number, words, a yes or no, a day, a note."""
    random = np.random.default_rng(0)
    age, job = random.normal(50, 15, ROWS).round(1), random.choice(["cook", "clerk", "nurse"], ROWS)
    note = [f"{random.choice(['calm', 'tired', 'dizzy'])} since day {day}" for day in random.integers(1, 9, ROWS)]
    ill = age + 20 * (job == "cook") > 60
    return pl.DataFrame(
        {
            "age": age,
            "visits": random.integers(0, 9, ROWS),
            "job": job,
            "smoker": random.choice(["yes", "no"], ROWS),
            "seen": [
                datetime.date(2024, 1, 1) + datetime.timedelta(days=int(day)) for day in random.integers(0, 300, ROWS)
            ],
            "note": note,
            "ill": np.where(ill, "yes", "no"),
        }
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("runs") / "ill"
    features = {"data.features": {"note": "text"}, "data.inputs": ["age", "visits", "job", "smoker", "seen", "note"]}
    return lamina.train(table(), "ill", budget="10steps", baselines=["constant"], out=folder, **features)


@pytest.fixture(scope="module")
def app(run: Any) -> App:
    return App([Loaded(FromRun(run, "ill"), ServeSettings(rows=100))])


def cells() -> list[dict[str, Any]]:
    frame = table().drop("ill").with_columns(pl.col("seen").cast(pl.String))
    return frame.to_dicts()


def close(found: list[dict[str, Any]], wanted: list[dict[str, Any]]) -> None:
    for one, other in zip(found, wanted, strict=True):
        assert one.keys() == other.keys()
        for name, value in one.items():
            assert math.isclose(value, other[name], abs_tol=1e-5) if isinstance(value, float) else value == other[name]


def test_the_answers_are_those_of_the_run(run: Any, app: App) -> None:
    wanted = run.predict(table().drop("ill")).to_dicts()
    rows = cells()
    path = "/v1/models/ill:predict"
    close(once(app, path, {"instances": rows[:100]}).json["predictions"], wanted[:100])

    async def one_by_one() -> list[Any]:
        return await asyncio.gather(*(ask(app, path, {"instances": [row]}) for row in rows))

    close([got.json["predictions"][0] for got in asyncio.run(one_by_one())], wanted)


def test_texts_of_numbers_and_missing_and_unseen_values(run: Any, app: App) -> None:
    rows: list[dict[str, Any]] = [
        {"age": "41.5", "visits": "3", "job": "COOK", "smoker": True, "seen": "2024-02-03", "note": None},
        dict.fromkeys(["age", "visits", "job", "smoker", "seen", "note"]),
        {"age": 41.5, "visits": 3, "job": "pilot", "smoker": 1, "seen": None, "note": "neu: größe 😀"},
        {"age": "", "visits": "?", "job": 7, "smoker": "no", "seen": "", "note": ""},
    ]
    alone = [once(app, "/v1/models/ill:predict", {"instances": [row]}).json["predictions"][0] for row in rows]
    close(once(app, "/v1/models/ill:predict", {"instances": rows}).json["predictions"], alone)
    frame = pl.DataFrame({"age": ["41.5"], "visits": ["3"], "job": ["COOK"], "smoker": ["True"], "seen": ["2024-02-03"],
                          "note": [None]}, schema_overrides={"note": pl.String})  # fmt: skip
    close(alone[:1], run.predict(frame).to_dicts())


@pytest.mark.parametrize(
    ("name", "cell", "said"),
    [
        ("age", "old", "column 'age'"),
        ("smoker", "perhaps", "column 'smoker' holds yes or no, but some cells are neither"),
        ("seen", "yesterday", "column 'seen'"),
        ("age", [1, 2], "column 'age' takes one value"),
        ("note", {"a": 1}, "column 'note' takes one value"),
    ],
)
def test_a_bad_cell_is_named(name: str, cell: Any, said: str, app: App) -> None:
    rows = [cells()[0], {**cells()[0], name: cell}]
    got = once(app, "/v1/models/ill:predict", {"instances": rows})
    assert (got.status, said in got.json["error"], "row" in got.json["error"]) == (400, True, True), got.json


ANY = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=12)
)


@settings(max_examples=60)
@given(
    st.lists(
        st.fixed_dictionaries(dict.fromkeys(("age", "visits", "job", "smoker", "seen", "note"), ANY)),
        min_size=1,
        max_size=3,
    )
)
def test_cells_of_any_kind_are_answered_or_refused(app: App, rows: list[dict[str, Any]]) -> None:
    try:
        body = json.dumps({"instances": rows}, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return
    got = once(app, "/v1/models/ill:predict", body)
    assert got.status in (200, 400), got


def test_the_schema_says_what_columns_take(app: App) -> None:
    model = app.models.first()
    assert list(model.columns) == ["age", "visits", "job", "smoker", "seen", "note"]
    assert model.columns["job"]["examples"] and model.columns["smoker"]["examples"] == ["no", "yes"]
    assert list(model.answers) == ["ill", "ill_probability_no", "ill_probability_yes"]
    assert (
        model.answers["ill"]["type"] == ["string", "null"]
        and model.answers["ill_probability_no"]["type"][0] == "number"
    )


def test_pictures_come_as_bytes_and_never_by_name(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    names = []
    for place in range(40):
        name = tmp_path / f"{place}.png"
        Image.fromarray(random.integers(0, 120 + 100 * (place % 2), (8, 8, 3)).astype(np.uint8)).save(name)
        names.append(str(name))
    rows = pl.DataFrame({"picture": names, "kind": ["dark", "bright"] * 20})
    run = lamina.train(rows, "kind", budget="4steps", baselines=["constant"], out=tmp_path / "run")
    app = App([Loaded(FromRun(run, "kind"))])
    assert app.models.first().columns["picture"]["contentEncoding"] == "base64"
    wanted = run.predict(rows.head(3).drop("kind")).to_dicts()
    sent = [{"picture": b64(Path(name).read_bytes())} for name in names[:3]]
    close(once(app, "/v1/models/kind:predict", {"instances": sent}).json["predictions"], wanted)
    for cell, said in ((names[0], "takes files in base64"), (b64(b"no picture"), "picture")):
        got = once(app, "/v1/models/kind:predict", {"instances": [{"picture": cell}]})
        assert (got.status, said in got.json["error"]) == (400, True), got.json
    assert once(app, "/v1/models/kind:predict", {"instances": [{"picture": None}]}).status == 200
    large = io.BytesIO()
    Image.new("RGB", (30, 50)).save(large, "PNG")
    assert once(app, "/v1/models/kind:predict", {"instances": [b64(large.getvalue())]}).status == 200
