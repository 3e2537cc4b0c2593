"""Looking inside a network: its structure, and what it does with a row."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
import torch
from torch import Tensor, nn

from lamina.data.batches import rows_at_once, to_tensors
from lamina.explain.attention import Looks, attention
from lamina.explain.dead import Units, dead_units
from lamina.explain.filters import Where, filters, maps, where
from lamina.explain.gates import Gate, gates
from lamina.explain.gradients import gradient_of_row
from lamina.explain.structure import Part, made_up, structure
from lamina.features.base import Feature, Slot
from lamina.models.committee import Committee
from lamina.models.encoder_decoder import EncoderDecoder
from lamina.models.mixed import Mixed
from lamina.runs.predictor import Predictor

__all__ = ["MOST", "ColumnLook", "Look", "RowLook", "look", "look_at"]

MOST = 1000  # rows on which dead units are looked for


@dataclasses.dataclass
class ColumnLook:
    """A wide column of a row, as its network sees it.

    Attributes:
        name: of its array.
        slot: of the column.
        cell: its items, (length, ...).
        labels: of its places: words, or the numbers of moments.
        maps: first and last map of a picture.
        where: which pixels the answer came from.
        grid: patches down and across, where the network reads patches.
        gradient: (T,) how much the answer hangs on each place.
    """

    name: str
    slot: Slot
    cell: np.ndarray
    labels: list[str]
    maps: list[tuple[str, Tensor]] = dataclasses.field(default_factory=list)
    where: Where | None = None
    grid: tuple[int, int] | None = None
    gradient: Tensor | None = None


@dataclasses.dataclass
class RowLook:
    """What a network does with one row.

    Attributes:
        row: its number.
        answer: prediction columns -> value.
        columns: its wide columns.
        gates: of recurrent layers.
        attention: of layers with attention.
    """

    row: int
    answer: dict[str, Any]
    columns: list[ColumnLook]
    gates: list[Gate]
    attention: list[Looks]


@dataclasses.dataclass
class Look:
    """What there is to see in a network; of several that answer together, in the first.

    Attributes:
        networks: how many answer together.
        parts: the network as a tree.
        filters: column -> the first filters of its network, (filters, channels, height, width).
        units: dead and constant units by layer.
        rows: how many rows ``units`` rests on.
        row: what it does with a row, where one was given.
    """

    networks: int
    parts: list[Part]
    filters: dict[str, Tensor]
    units: list[Units] = dataclasses.field(default_factory=list)
    rows: int = 0
    row: RowLook | None = None


def look(predictor: Predictor, rows: pl.DataFrame | None = None, row: int = 0) -> Look:
    """Look inside the network of a predictor.

    Args:
        predictor: features and network.
        rows: raw rows, of which up to 1,000 are run; without them only the structure and the filters are seen.
        row: place among ``rows`` of the one to look at.

    Raises:
        MissingColumnError: if an input column is not there.
        DataError: if a cell is not of its column's type.
    """
    encoder, size = predictor.encoder, rows_at_once(wide=bool(predictor.encoder.layout.wide))
    if rows is None or not len(rows):
        return look_at(predictor, [])
    cells = encoder.read(rows.head(MOST))
    batches = [
        to_tensors(encoder.encode(cells[start : start + size], first_row=start)) for start in range(0, len(cells), size)
    ]
    one = to_tensors(encoder.encode(encoder.read(rows[row : row + 1], row), first_row=row))
    return look_at(predictor, batches, one, row)


def look_at(
    predictor: Predictor, batches: Sequence[Mapping[str, Tensor]], one: Mapping[str, Tensor] | None = None, row: int = 0
) -> Look:
    """Look inside the network of a predictor with encoded rows.

    Args:
        predictor: features and network.
        batches: the inputs of some rows, on which dead units are looked for.
        one: the inputs of a single row; without it only the structure, the filters and the units are seen.
        row: its number.
    """
    model, encoder = predictor.model, predictor.encoder
    network = model.networks[0] if isinstance(model, Committee) else model
    assert isinstance(network, nn.Module)
    slots = encoder.layout.wide_by_name
    found = Look(
        networks=len(model.networks) if isinstance(model, Committee) else 1,
        parts=[],
        filters={
            slots[name].column: kernel
            for name, backbone in _backbones(network).items()
            if slots[name].group in ("image", "clip") and (kernel := filters(backbone)) is not None
        },
    )
    if batches:
        found.units = dead_units(network, batches)
        found.rows = sum(len(next(iter(batch.values()))) for batch in batches)
    found.parts = structure(network, made_up(encoder.layout) if one is None else one)
    if one is not None:
        found.row = _row(predictor, network, one, row)
    return found


def _backbones(network: nn.Module) -> dict[str, nn.Module]:
    """The networks of wide columns by the name of their array."""
    return dict(network.backbones.items()) if isinstance(network, Mixed | EncoderDecoder) else {}


def _row(predictor: Predictor, network: nn.Module, inputs: Mapping[str, Tensor], row: int) -> RowLook:
    with torch.inference_mode():
        outputs = predictor.objective.outputs(predictor.model, dict(inputs), [row])
    answer: dict[str, Any] = {}
    for task, said in zip(predictor.objective.tasks, predictor.objective.answers(outputs), strict=True):
        answer |= said.frame(task.feature).row(0, named=True)
    features = {feature.column: feature for feature in predictor.encoder.inputs}
    slots = predictor.encoder.layout.wide_by_name
    columns = []
    for name, backbone in _backbones(network).items():
        length = int(inputs[f"{name}.length"][0])
        if not length:
            continue  # a missing cell shows nothing
        slot = slots[name]
        cell = inputs[name][0].numpy()[None] if slot.group == "image" else inputs[name][0, :length].numpy()
        seen = ColumnLook(name, slot, cell, _labels(features[slot.column], slot, cell))
        if slot.group == "image":
            seen.grid = getattr(backbone, "grid", None)
            seen.maps, seen.where = maps(network, inputs, backbone), where(network, inputs, backbone, name)
        elif slot.group in ("tokens", "frames"):
            seen.gradient = gradient_of_row(network, inputs, backbone)
        columns.append(seen)
    return RowLook(row, answer, columns, gates(network, inputs), attention(network, inputs))


def _labels(feature: Feature, slot: Slot, cell: np.ndarray) -> list[str]:
    """What stands at each place."""
    if slot.group != "tokens":
        return [str(place) for place in range(len(cell))]
    tokens = feature.tokens  # type: ignore[attr-defined]
    return [tokens.text(cell[place : place + 1]) for place in range(len(cell))]
