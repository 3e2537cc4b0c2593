"""Rows to look at: pictures, texts, sounds and series of judged rows, and of a table as it comes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from lamina.codecs.content import file_bytes
from lamina.codecs.ragged import Ragged
from lamina.data.infer import Schema
from lamina.data.located import locate
from lamina.data.table import Table
from lamina.errors import DataError, LaminaError
from lamina.evaluation.matrix import shrunk
from lamina.features.base import Feature, Slot
from lamina.features.encoder import Encoder
from lamina.features.media import Broken, Media, cells_of
from lamina.features.tags import Tags, marked
from lamina.report.thumbnail import data_uri, film_strip, spectrogram, thumbnail

__all__ = ["first_cells", "pick", "samples", "shown"]

MOST = 24  # judged rows that are shown
LETTERS = 200  # of a text
POINTS = 120  # of a line
LINES = 4  # channels of a series that are drawn; of more than twice as many, a picture is

LOOKED_AT, LOOKED_AT_FILES = 5000, 200  # cells that a feature learns from, to say what a column holds
FIRST = {"picture": 24, "film": 8, "spectrogram": 8, "lines": 8, "text": 10}  # cells of a column that are shown
PLAYERS = 5  # a column
LOUDEST = 300_000  # bytes of a recording that lies in a page
SOUNDS = {
    b"RIFF": "audio/wav",
    b"OggS": "audio/ogg",
    b"fLaC": "audio/flac",
    b"ID3": "audio/mpeg",
    b"\xff": "audio/mpeg",
}


# --- one cell --------------------------------------------------------------------------------------------------------


def shown(feature: Feature, slot: Slot, cell: np.ndarray) -> dict[str, Any]:
    """An encoded cell as something to look at, of JSON values.

    Args:
        feature: that it was encoded by.
        slot: that it was encoded to.
        cell: its items, (length, ...); none where it is missing.

    Returns:
        ``column``, ``kind``, ``size``, and by the kind: ``text`` (of a "text"); ``picture``, the data URI of a PNG (of
        a "picture", "film" or "spectrogram"); ``lines``, of each channel values from 0 to 1 (of "lines"). Nothing more
        than the column and the kind of a "missing" cell.
    """
    if not len(cell):
        return {"column": slot.column, "kind": "missing"}
    return {"column": slot.column} | _SHOW[slot.group](feature, cell)


def _picture(feature: Feature, cell: np.ndarray) -> dict[str, Any]:
    height, width = cell.shape[1:3]
    return {"kind": "picture", "picture": thumbnail(cell[0]), "size": f"{width} x {height}"}


def _film(feature: Feature, cell: np.ndarray) -> dict[str, Any]:
    height, width = cell.shape[1:3]
    return {"kind": "film", "picture": film_strip(cell), "size": f"{len(cell)} of {width} x {height}"}


def _text(feature: Feature, cell: np.ndarray) -> dict[str, Any]:
    text = feature.decode(Ragged(cell, np.array([len(cell)])))[0]  # type: ignore[arg-type]
    return {"kind": "text", "text": _cut(text), "size": f"{len(cell):,} tokens"}


def _frames(feature: Feature, cell: np.ndarray) -> dict[str, Any]:
    length, channels = cell.shape
    if feature.kind == "audio" or channels > 2 * LINES:
        return {"kind": "spectrogram", "picture": spectrogram(cell), "size": f"{length:,} frames of {channels}"}
    drawn = np.nan_to_num(shrunk(cell[None, :, None], POINTS, 1)[0, :, 0])  # (points, channels)
    low, high = drawn.min(axis=0), drawn.max(axis=0)
    scaled = np.where(high > low, (drawn - low) / np.where(high > low, high - low, 1), 0.5).T
    size = f"{length:,} steps" + (f" of {channels} channels" if channels > 1 else "")
    return {"kind": "lines", "lines": [[round(float(y), 3) for y in line] for line in scaled[:LINES]], "size": size}


_SHOW = {"image": _picture, "clip": _film, "tokens": _text, "frames": _frames}


def _cut(text: Any) -> str:
    line = " ".join(str(text).split())
    return line if len(line) <= LETTERS else line[: LETTERS - 1] + "…"


# --- judged rows -----------------------------------------------------------------------------------------------------


def pick(losses: np.ndarray, seed: int, most: int = MOST) -> np.ndarray:
    """Rows to show: half of them those with the largest loss, the largest first, then as many of the others at random.

    Shape:
        (n,) -> (up to most,)

    Example:
        >>> pick(np.array([0.1, 3.0, 0.2, 2.0, 0.3]), seed=0, most=4)[:2].tolist()
        [1, 3]
    """
    worst = np.argsort(-losses, kind="stable")[: most // 2]
    others = np.setdiff1d(np.arange(len(losses)), worst)
    drawn = np.random.default_rng([seed, len(losses)]).permutation(others)[: most - len(worst)]
    return np.concatenate([worst, np.sort(drawn)])


def samples(
    encoder: Encoder,
    arrays: Mapping[str, Any],
    places: np.ndarray,
    said: Sequence[tuple[pl.Series, pl.DataFrame]],
    losses: np.ndarray,
    seed: int,
) -> list[dict[str, Any]]:
    """Judged rows with what was answered, and something to look at for each wide column.

    Args:
        encoder: the features; a table without wide columns gives no rows to look at.
        arrays: those of a store.
        places: (n,) of the judged rows in it.
        said: for each target its true cells, (n,), and the answers as columns, n rows (see
            :meth:`lamina.features.answer.Answer.frame`).
        losses: (n,) of each row, higher is worse.
        seed: of the rows that are taken at random.

    Returns:
        A list of ``row`` (its number in the source), ``is_worst`` (whether it is there for its loss), ``targets`` (name
        -> truth, answer, and its probability or interval as ``sure``) and ``cells`` (see :func:`shown`).
    """
    slots = encoder.layout.wide_by_name
    if not slots:
        return []
    features = {feature.column: feature for feature in encoder.inputs}
    picked = pick(losses, seed)
    wide = {name: arrays[name].take(places[picked]) for name in slots}
    rows = np.asarray(arrays["row"])[places[picked]]
    found = []
    for place, judged in enumerate(picked.tolist()):
        cells = [
            shown(features[slot.column], slot, wide[name][place : place + 1].values) for name, slot in slots.items()
        ]
        targets = {truth.name: _said(truth, frame, judged) for truth, frame in said}
        for tags in (feature for feature in encoder.targets if isinstance(feature, Tags)):
            ((truth, frame),) = said  # labels are predicted alone
            name, _ = encoder.layout.holding_target
            text = features[tags.settings.of].decode(wide[name][place : place + 1])[0]
            both = {"truth": truth[judged], "answer": frame[tags.column][judged]}
            targets[tags.column] |= {
                side: _cut(marked((text or "").split(), labels.to_list(), tags.state.spans))
                for side, labels in both.items()
            }
        found.append({"row": int(rows[place]), "is_worst": place < MOST // 2, "targets": targets, "cells": cells})
    return found


def _said(truth: pl.Series, frame: pl.DataFrame, row: int) -> dict[str, Any]:
    """What was true of a row, what was answered, and how sure."""
    name, answered = truth.name, frame.row(row, named=True)
    answer = _plain(answered[name])
    sure = None
    if f"{name}_low" in answered:
        sure = f"{_plain(answered[f'{name}_low'])} to {_plain(answered[f'{name}_high'])}"
    elif (share := answered.get(f"{name}_probability_{answer}")) is not None:
        sure = f"probability {share:.2f}"
    elif (share := answered.get(f"{name}_sureness")) is not None:
        sure = f"sureness {share:.2f}"
    return {"truth": _plain(truth[row]), "answer": answer, "sure": sure}


def _plain(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, (pl.Series, list)):
        return ", ".join(map(str, value)) or "none"
    return _cut(str(value).lower() if isinstance(value, bool) else value) or "nothing"


# --- a table as it comes ---------------------------------------------------------------------------------------------


def first_cells(
    table: Table, schema: Schema, files: str | None = None, *, pictures: bool = False
) -> list[dict[str, Any]]:
    """The columns of a table that hold pictures, texts, sounds or series, each learned from its first cells.

    Args:
        table: the rows; names of files in it are found as in training.
        schema: what its columns are.
        files: the folder or zip file that names are relative to.
        pictures: whether there is to be something to look at, which makes the result large.

    Returns:
        A list of ``column``, ``feature``, ``rows`` (that were looked at), ``summary``, and ``broken`` (sentences); with
        pictures also ``cells`` (see :func:`shown`) and ``players`` (data URIs of recordings, or why there is none). A
        column that cannot be read has one sentence only.
    """
    features = [schema[name].feature for name in schema if not schema[name].feature.is_target]
    wide = [feature for feature in features if isinstance(feature, Media) or feature.kind in ("text", "series")]
    if not wide:
        return []
    found = []
    for feature in wide:
        try:
            locate(table, [feature], files)
            rows = LOOKED_AT_FILES if isinstance(feature, Media) else LOOKED_AT
            found.append(_column(feature, table.head(rows)[feature.column], pictures))
        except LaminaError as error:
            found.append(
                {"column": feature.column, "feature": feature.kind, "rows": 0, "summary": {}, "broken": [str(error)]}
            )
    return found


def _column(feature: Feature, raw: pl.Series, pictures: bool) -> dict[str, Any]:
    fitted = type(feature)(feature.column, feature.settings)
    cells = fitted.read(raw)
    summary = fitted.fit(cells).summary()
    found: dict[str, Any] = {"column": feature.column, "feature": feature.kind, "rows": len(raw), "summary": summary}
    if not pictures:
        return found | {"broken": []}
    few = cells.drop_nulls().head(max(FIRST.values()))
    broken: Broken = {}
    looks = _looks(fitted, few, broken)
    found["cells"] = [look for place, look in enumerate(looks) if place < FIRST.get(look["kind"], 0)]
    found["players"] = [_player(cell) for cell in cells_of(few.head(PLAYERS))] if feature.kind == "audio" else []
    return found | {"broken": list(broken.values())}


def _looks(feature: Feature, cells: pl.Series, broken: Broken) -> list[dict[str, Any]]:
    """Each cell as something to look at; texts as they stand in the table."""
    if feature.kind == "text":
        return [{"column": feature.column, "kind": "text", "text": _cut(text)} for text in cells]
    (slot,) = feature.slots
    arrays = feature.encode(cells, broken) if isinstance(feature, Media) else feature.encode(cells)
    encoded = arrays[slot.group]
    return [shown(feature, slot, encoded[place : place + 1].values) for place in range(len(cells))]


def _player(cell: Any) -> dict[str, str]:
    """A recording as a data URI, or why there is none."""
    name = cell.rpartition("/")[2] if isinstance(cell, str) else "a recording in the table"
    try:
        content = file_bytes(cell) if isinstance(cell, str) else cell
    except DataError as error:
        return {"name": name, "why": str(error)}
    kind = next(
        (kind for magic, kind in SOUNDS.items() if isinstance(content, bytes) and content.startswith(magic)), ""
    )
    if not kind:
        return {"name": name, "why": "not a file that a page can play"}
    if len(content) > LOUDEST:
        return {"name": name, "why": f"too large for a page: {len(content):,} bytes"}
    return {"name": name, "sound": data_uri(content, kind)}
