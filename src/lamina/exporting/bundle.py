"""The bundle: a run as one file that predicts without PyTorch."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from lamina import __version__
from lamina.errors import ExportError
from lamina.exporting.compare import CLOSE, difference, differing_column, one_and_many, refuse_different
from lamina.exporting.graph import OUTPUT, inputs_of, onnx_of
from lamina.exporting.leaving import Exported, Leaving
from lamina.exporting.rows import altered
from lamina.exporting.schema import cell_as_json, schema_of
from lamina.features.media import Media
from lamina.runtime.archive import FORMAT, MANIFEST, write_archive
from lamina.runtime.bundle import Bundle

__all__ = ["manifest_of", "write_bundle"]

EXAMPLES = 3
LARGEST_EXAMPLE = 2**18  # bytes of a file that is kept as an example


def write_bundle(leaving: Leaving, path: Path) -> Exported:
    """Write a run as a bundle, once it has said the same as the run on every row.

    Args:
        leaving: the run.
        path: of the file, which is there whole or not at all.

    Raises:
        ExportError: if the bundle differs from the run, or the network has no form as a graph.
        MissingExtraError: if the packages that write graphs are not installed.
    """
    predictor, encoder = leaving.predictor, leaving.predictor.encoder
    graph = onnx_of(predictor.model, predictor.objective, encoder.layout)
    members = {
        "bundle.json": _json(_document(leaving)),
        "schema.json": b"{}",
        "examples.json": b"{}",
        "scores.json": _json(leaving.scores),
        "graph.onnx": graph,
    }
    if leaving.licence_text is not None:
        members["LICENSE.txt"] = leaving.licence_text.encode()
    bundle = Bundle(members)
    rows = altered(leaving.rows, encoder)
    greatest, row = difference(one_and_many(rows), predictor.activate, lambda frame: bundle.outputs(_columns(frame)))
    if not greatest <= 0:
        column = differing_column(encoder, rows, bundle.arrays(_columns(rows)))
        refuse_different(greatest, row, len(rows), column)
    _refuse_other_answers(leaving, bundle, rows)
    said = bundle.predict(_columns(rows))
    shown = [feature for feature in encoder.inputs if feature.column in bundle.inputs]
    members["schema.json"] = _json(schema_of(shown, said))
    members["examples.json"] = _json(_examples(leaving, bundle))
    write_archive(path, members, manifest_of(members))
    sizes = {name: len(content) for name, content in members.items()}
    return Exported(path, "bundle", path.stat().st_size, sizes, len(rows), leaving.are_real, greatest)


def _document(leaving: Leaving) -> dict[str, Any]:
    """What the bundle holds, and how its parts fit."""
    predictor = leaving.predictor
    codecs = [feature.codec() for feature in predictor.encoder.inputs if feature.slots]
    return {
        "format": FORMAT,
        "lamina": __version__,
        "name": leaving.name,
        "licence": leaving.licence,
        "tasks": [task.name for task in predictor.objective.tasks],
        "inputs": [codec.to_json() for codec in codecs],
        "answers": [task.codec().to_json() for task in predictor.objective.tasks],
        "graph": {
            "file": "graph.onnx",
            "inputs": [one.to_json() for one in inputs_of(predictor.encoder.layout)],
            "output": OUTPUT,
        },
    }


def _columns(frame: pl.DataFrame) -> dict[str, list[Any]]:
    """Rows as a caller without polars has them."""
    return {column.name: column.to_list() for column in frame}


def _refuse_other_answers(leaving: Leaving, bundle: Bundle, rows: pl.DataFrame) -> None:
    """Raise an ExportError where what people read differs: a name, a type, or a value by more than 1e-4 of its size."""
    wanted, given = leaving.predictor.predict(rows), bundle.predict(_columns(rows))
    if list(given) != wanted.columns:
        raise ExportError("the bundle answers in other columns than the run", got=list(given), allowed=wanted.columns)
    for column in wanted:
        for row, (one, other) in enumerate(zip(column.to_list(), given[column.name], strict=True)):
            if isinstance(one, float) and isinstance(other, float):
                same = bool(np.isclose(one, other, rtol=1e-4, atol=1e-4, equal_nan=True))
            else:
                same = one == other and type(one) is type(other)
            if not same and not _on_the_edge(leaving, wanted[row]):
                raise ExportError("the bundle says something else than the run, and was not written",
                                  got=f"{other!r} for {one!r} in column {column.name!r}, row {row}")  # fmt: skip


def _on_the_edge(leaving: Leaving, answer: pl.DataFrame) -> bool:
    """Whether a row's decision hangs on less than a graph and a network may differ by."""
    for task in leaving.predictor.objective.tasks:
        names = [f"{task.feature.column}_probability_{name}" for name in getattr(task.feature, "names", [])]
        shares = np.array([answer[name][0] for name in names])
        edges = task.state.get("threshold", task.state.get("thresholds"))
        if task.name == "binary":
            shares = shares[1:]
        elif edges is None:  # the likeliest wins over the next
            shares, edges = np.sort(shares)[-1:], np.sort(shares)[-2:-1]
        if len(shares) and np.abs(shares - edges).min() < 2 * CLOSE:
            return True
    return False


def _examples(leaving: Leaving, bundle: Bundle) -> dict[str, Any]:
    """A few rows as JSON, and what the bundle says of them."""
    found = (_without_names(leaving, row) for row in leaving.rows.select(bundle.inputs).head(EXAMPLES).to_dicts())
    rows = [row for row in found if row is not None]
    said = bundle.predict(rows) if rows else []
    as_json = [[{name: cell_as_json(cell) for name, cell in row.items()} for row in part] for part in (rows, said)]
    return {"rows": as_json[0], "answers": as_json[1], "are_real": leaving.are_real}


def _without_names(leaving: Leaving, row: dict[str, Any]) -> dict[str, Any] | None:
    """A row whose files are in it; None where one is too large to be an example, or lies in an archive."""
    for feature in leaving.predictor.encoder.inputs:
        cell = row.get(feature.column)
        if isinstance(feature, Media) and isinstance(cell, str):
            file = Path(cell)
            if not file.is_file() or file.stat().st_size > LARGEST_EXAMPLE:
                return None
            row = {**row, feature.column: file.read_bytes()}
    return row


def manifest_of(members: Mapping[str, bytes]) -> bytes:
    """Every other member with its size and SHA-256."""
    files = {
        name: {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        for name, content in sorted(members.items())
        if name != MANIFEST
    }
    return _json({"format": FORMAT, "files": files})


def _json(value: Any) -> bytes:
    return (json.dumps(value, indent=1, allow_nan=False, ensure_ascii=False) + "\n").encode()
