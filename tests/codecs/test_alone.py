"""Codecs work where there is nothing but Python and numpy."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from typing import Any

import polars as pl
import pytest

from lamina.codecs import CODECS
from lamina.features import FEATURES
from lamina.testing import sample_columns

# As on a machine where none of these is installed: to import one is an error.
PROGRAM = """
import sys
for name in ("torch", "polars", "pydantic", "pyarrow", "pandas", "yaml", "sklearn", "scipy"):
    sys.modules[name] = None
import base64, json
from lamina.codecs import ANSWERS, CODECS
from lamina.codecs.columns import encoded
import lamina, lamina.errors, lamina.extras, lamina.files, lamina.names, numpy
for line in sys.stdin:
    given = json.loads(line)
    cells = [base64.b85decode(cell[1]) if isinstance(cell, list) and cell[:1] == ["bytes"] else cell
             for cell in given["cells"]]
    codec = CODECS[given["codec"]["kind"]].from_json(given["codec"])
    arrays = encoded([codec], {codec.column: cells})
    print(json.dumps({name: getattr(array, "values", array).tolist() for name, array in arrays.items()}))
for name in ANSWERS:
    assert ANSWERS[name].kind == name
"""

COLUMNS = {
    "number": "half",
    "category": "count",
    "boolean": "yes words",
    "date": "day words",
    "labels": "sets",
    "text": "text",
    "image": "pictures",
    "clip": "grids",
    "audio": "sounds",
    "music": "tunes",
    "series": "waves",
}


def as_json(cell: Any) -> Any:
    return ["bytes", base64.b85encode(cell).decode()] if isinstance(cell, bytes) else cell


def test_every_codec_works_with_nothing_but_numpy() -> None:
    columns = {column.name: column for column in sample_columns()}
    columns["half"] = pl.Series([0.5, None, 3.0])
    columns["grids"] = pl.Series(
        [[[[0, 9], [255, 7]], [[1, 2], [3, 4]]], None], dtype=pl.List(pl.List(pl.List(pl.UInt8)))
    )
    columns["pictures"] = columns["pictures"].head(3)
    columns["sounds"] = columns["sounds"].head(3)
    columns["tunes"] = columns["tunes"].head(3)
    assert set(COLUMNS) == set(CODECS)
    asked, wanted = [], []
    for kind, name in COLUMNS.items():
        feature = FEATURES[kind]("c")
        cells = feature.read(columns[name])
        feature.fit(cells)
        given = {"codec": feature.codec().to_json(), "cells": [as_json(cell) for cell in columns[name].to_list()]}
        asked.append(json.dumps(given, allow_nan=False))
        wanted.append(
            {group: getattr(array, "values", array).tolist() for group, array in feature.encode(cells).items()}
        )
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], input="\n".join(asked), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    for kind, line, arrays in zip(COLUMNS, done.stdout.splitlines(), wanted, strict=True):
        found = {
            name.rstrip("0123456789"): values for name, values in json.loads(line).items() if values and values[0] != []
        }
        assert found == {name: values for name, values in arrays.items() if values}, kind


@pytest.mark.parametrize("kind", CODECS)
def test_importing_a_codec_is_light(kind: str) -> None:
    heavy = "[name for name in ('torch', 'polars', 'pydantic', 'PIL') if name in sys.modules]"
    code = f"import sys; import {CODECS[kind].__module__}; print({heavy})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
