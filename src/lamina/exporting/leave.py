"""The way out of a run: which rows it is compared on, and which file it becomes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lamina.data.table import Table
from lamina.errors import UsageError
from lamina.exporting import FORMATS
from lamina.exporting.leaving import Exported, Leaving, Writer, check_leaves
from lamina.exporting.rows import made_rows, picked
from lamina.runs.predictor import Predictor

__all__ = ["ENDINGS", "leave"]

ENDINGS = {"bundle": ".lamina", "onnx": ".onnx", "safetensors": ".safetensors", "torch": ".pt2"}


def leave(
    predictor: Predictor,
    name: str,
    out: Path | None,
    format: str,
    table: Table | None,
    numbers: Sequence[int] | None,
    scores: dict[str, Any],
    licence: str | None = None,
) -> Exported:
    """Write a run as a file, once that has said the same as the run.

    Args:
        predictor: of the run.
        name: of the run.
        out: the file; named after the run, in the current folder, if None.
        format: a name of :data:`lamina.exporting.FORMATS`.
        table: rows to compare on; None where there is none any more, and rows are made.
        numbers: those of the held-back rows in the table; None: its first rows are taken.
        scores: the run's ``scores.json``.
        licence: a licence's name, or the file that holds it.

    Raises:
        SettingError: if there is no such format.
        UsageError: if the run's task cannot leave yet, or the file would lie in a folder that is not there.
        ExportError: if the file would differ from the run, or its network has no such form.
        MissingExtraError: if a package is needed that is not installed.
    """
    write: Writer = FORMATS[format]
    check_leaves(predictor)
    path = Path(out) if out is not None else Path(name + ENDINGS.get(format, f".{format}"))
    if not path.parent.is_dir():
        raise UsageError("the file would lie in a folder that is not there", got=path, do=f"make {path.parent}")
    if path.is_dir():
        raise UsageError("a folder has the name of the file", got=path, do="say --out FILE")
    rows = made_rows(predictor.encoder) if table is None else picked(table, predictor.encoder, numbers)
    if table is not None and len(rows):
        broken = predictor.broken(rows)  # of a file that nobody can decode there is nothing to compare
        rows = rows[[place for place in range(len(rows)) if place not in broken]]
    if not len(rows):
        raise UsageError("there is no row to compare the file with the run on", do="say --data TABLE")
    text = None
    if licence is not None and Path(licence).is_file():
        text, licence = Path(licence).read_text(encoding="utf-8"), "see LICENSE.txt"
    return write(Leaving(name, predictor, rows, table is not None, scores, licence, text), path)
