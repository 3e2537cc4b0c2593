"""What is inside a network, as one page that opens offline."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from lamina.explain.attention import Looks
from lamina.explain.dead import sentence
from lamina.explain.gates import Gate
from lamina.explain.look import ColumnLook, Look, RowLook
from lamina.explain.structure import Part
from lamina.report import chart
from lamina.report.drawings import Box, count, flow, heat_map, overlay, shape, sheet
from lamina.report.markup import Raw, escape, number, share, short, table, whole
from lamina.report.thumbnail import spectrogram, thumbnail

__all__ = ["inside", "looking"]

STYLE = """<style>
.chart.flow { max-width: 100%; }
.chart.heat { margin-bottom: .4rem; }
.sheets { display: flex; flex-wrap: wrap; gap: 1.4rem 2rem; align-items: start; margin: 0 0 1.4rem; }
.sheets img, .sheets .picture { max-width: 100%; image-rendering: pixelated; }
.sheets .picture { width: 224px; }
details { margin: 0 0 1rem; }
summary { cursor: pointer; color: var(--soft); font-size: .875rem; margin-bottom: .6rem; }
</style>"""

DEEPEST = 3  # of the table that is open at once
UNITS = 32  # of a recurrent layer that are drawn
PLACES = 120  # of a row
HEADS = 32  # heat maps of attention
MAPS = 24


def looking(found: Look, title: str, version: object = None) -> str:
    """The page of a look into a network.

    Args:
        found: as :func:`lamina.explain.look.look` gave it.
        title: the run's name.
        version: of Lamina.

    Returns:
        A whole HTML document.
    """
    return whole(f"Inside {short(title, 80)}", Raw(""), inside(found), version)


def inside(found: Look) -> Raw:
    """The drawings of a look into a network, as sections of a page."""
    first = found.parts[0]
    about = f"{count(first.parameters)} weights, {count(first.operations)} multiply-adds a row"
    if found.networks > 1:
        about += f"; the first of {found.networks} networks that answer together"
    sections = [_structure(found.parts, about), _filters(found), _units(found)]
    if found.row is not None:
        sections.append(_row(found.row))
    return Raw(STYLE + "".join(sections))


def _section(title: str, body: str, about: str = "") -> str:
    lead = f'<p class="small soft">{escape(about)}</p>' if about else ""
    return f"<section><h2>{escape(title)}</h2>{lead}{body}</section>" if body else ""


def _figure(title: str, drawn: Raw, more: str = "") -> str:
    said = f"<span>{escape(more)}</span>" if more else ""
    return f"<figure><figcaption>{escape(short(title, 80))}{said}</figcaption>{drawn}</figure>"


# --- the network ----------------------------------------------------------------------------------------------------


def _structure(parts: Sequence[Part], size: str) -> str:
    lanes, after = _lanes(parts)
    drawn = f'<div class="wide" tabindex="0">{flow(lanes, after)}</div>'
    top = [part for part in parts if part.depth <= DEEPEST]
    listed = str(_table(top))
    if len(top) < len(parts):
        listed += f"<details><summary>All {len(parts):,} parts</summary>{_table(parts)}</details>"
    about = f"{size}. What each part gives for one row; the darker a box, the more of the work is done in it."
    return _section("The network", drawn + listed, about)


def _lanes(parts: Sequence[Part]) -> tuple[list[list[Box]], list[Box]]:
    """The network of each wide column and of the plain ones as a lane, and what follows where they join."""
    columns = [part.name for part in parts if part.name.startswith("backbones.") and part.depth == 2]
    inside = [_boxes([part for part in parts if part.depth == 3 and part.name.startswith(f"{column}.")], parts)
              for column in columns]  # fmt: skip
    for column, lane in zip(columns, inside, strict=True):
        lane.insert(0, Box(column.removeprefix("backbones."), next(one.kind for one in parts if one.name == column)))
    rest = [part for part in parts if part.depth == 1 and part.name not in ("backbones", "absent", "bring")]
    if not columns:
        return [_boxes(rest, parts)], []
    plain = _boxes([part for part in rest if part.name in ("columns", "plain")], parts)
    return [*inside, plain], _boxes([part for part in rest if part.name not in ("columns", "plain")], parts)


def _boxes(chosen: Sequence[Part], parts: Sequence[Part]) -> list[Box]:
    """A box for each part that was run; a list of layers becomes its items, many alike become one."""
    boxes: list[tuple[str, Box]] = []
    for part in chosen:
        inner = [one for one in parts if one.name.startswith(f"{part.name}.") and one.depth == part.depth + 1]
        if part.shape is None and inner:
            boxes += [(one.kind, _box(one)) for one in inner if one.shape is not None]
        elif part.shape is not None:
            boxes.append((part.kind, _box(part)))
    return _joined(boxes)


def _box(part: Part) -> Box:
    about = " · ".join([shape(part.shape), *([count(part.parameters)] if part.parameters else [])])
    name = ".".join(part.name.split(".")[-2:]) if part.name[-1:].isdigit() else part.name.rpartition(".")[2]
    return Box(f"{name} {part.kind}", about, part.share)


def _joined(boxes: list[tuple[str, Box]]) -> list[Box]:
    """Neighbours of one kind and shape as one box that says how many they are."""
    found: list[tuple[str, Box, int]] = []
    for kind, box in boxes:
        if found and found[-1][0] == kind and found[-1][1].about == box.about:
            before = found[-1][1]
            found[-1] = (kind, before._replace(share=before.share + box.share), found[-1][2] + 1)
        else:
            found.append((kind, box, 1))
    return [box if many == 1 else box._replace(about=f"{many} alike: {box.about}") for _, box, many in found]


def _table(parts: Sequence[Part]) -> Raw:
    heads = [("part", "text"), ("kind", "text"), ("gives", "text"), ("weights", "number"), ("multiply-adds", "number"),
             ("share", "number")]  # fmt: skip
    rows = []
    for part in parts:
        name = Raw("&nbsp;&nbsp;" * part.depth + escape(part.name.rpartition(".")[2] or "whole"))
        work = count(part.operations) if part.operations else "–"
        weights = count(part.parameters) if part.parameters else "–"
        rows.append([name, part.kind, shape(part.shape), weights, work, share(part.share) if part.operations else "–"])
    return table(heads, rows)


def _filters(found: Look) -> str:
    drawn = "".join(
        _figure(
            column, sheet(kernel.permute(0, 2, 3, 1).numpy()), f"{len(kernel)} filters of {shape(kernel.shape[2:])}"
        )
        for column, kernel in found.filters.items()
    )
    return _section("First filters", f'<div class="sheets">{drawn}</div>' if drawn else "")


def _units(found: Look) -> str:
    said = sentence(found.units, found.rows)
    listed = [one for one in found.units if one.constant]
    heads = [("layer", "text"), ("units", "number"), ("never above zero", "number"), ("of one value", "number")]
    rows = [[one.name, f"{one.size:,}", f"{one.dead:,}", f"{one.constant:,}"] for one in listed]
    return _section("Dead units", f"<p>{escape(said)}</p>" + (table(heads, rows) if rows else "") if said else "")


# --- a row ----------------------------------------------------------------------------------------------------------


def _row(row: RowLook) -> str:
    said = ", ".join(f"{name} {_value(value)}" for name, value in list(row.answer.items())[:6])
    seen = "".join(map(_column, row.columns))
    titled = _section(f"Row {row.row:,}", f"<p>{escape(short(said, 400))}</p>{seen}")
    labels = {len(column.labels): column.labels for column in row.columns if column.slot.group != "image"}
    return titled + _gates(row.gates, labels) + _attention(row, labels)


def _value(value: Any) -> str:
    return number(value) if isinstance(value, float) else str(value)


def _column(seen: ColumnLook) -> str:
    parts = [f"<h3>{escape(short(seen.slot.column, 80))}</h3>"]
    figures = []
    if seen.slot.group == "image":
        picture = f'<img class="picture" src="{thumbnail(seen.cell[0].astype(np.uint8), 224)}" alt="">'
        figures.append(_figure("the picture", Raw(picture)))
        if seen.where is not None:
            drawn = overlay(seen.cell[0], seen.where.shares.numpy())
            figures.append(_figure("where the answer comes from", drawn, seen.where.method))
        for place, (name, values) in enumerate(seen.maps):
            about = f"{min(MAPS, len(values))} of {len(values)} channels of {shape(values.shape[1:])}"
            tiles = values.float().numpy()[:MAPS, :, :, None]
            figures.append(_figure(f"{'last' if place else 'first'} map: {name}", sheet(tiles, MAPS), about))
    elif seen.slot.group == "tokens":
        parts.append(f"<blockquote>{escape(short(' '.join(seen.labels), 600))}</blockquote>")
    elif seen.slot.group == "frames":
        picture = f'<img class="sheet" src="{spectrogram(seen.cell)}" alt="">'
        figures.append(_figure("the frames", Raw(picture), f"{len(seen.cell):,} of {seen.cell.shape[1]} channels"))
    if seen.gradient is not None:
        lengths = seen.gradient.numpy()[: len(seen.labels)]
        drawn = heat_map(lengths[None, :PLACES], seen.labels[:PLACES], tall=26)
        line = chart.line({"gradient": list(enumerate(lengths.tolist()))}, x="place", y="length of the gradient")
        figures.append(_figure("how much the answer hangs on each place", drawn, "length of the gradient"))
        figures.append(_figure("the same over the row", line))
    return "".join(parts) + f'<div class="sheets">{"".join(figures)}</div>'


def _over_picture(looks: Looks, column: ColumnLook, grid: tuple[int, int]) -> str:
    """Where the first word of a network of patches looks, the mean over heads, on the picture."""
    weights = looks.weights.float().mean(0)[0, -grid[0] * grid[1] :].reshape(grid).numpy()
    height, width = column.cell.shape[1:3]
    down, across = (np.arange(size) * cells // size for size, cells in zip((height, width), grid, strict=True))
    drawn = overlay(column.cell[0], weights[down][:, across] / max(weights.max(), 1e-12), 150)
    return _figure(looks.name.removeprefix("backbones."), drawn, "the first word, mean over heads")


def _gates(found: Sequence[Gate], labels: dict[int, list[str]]) -> str:
    drawn = ""
    for name, direction in dict.fromkeys((gate.name, gate.direction) for gate in found):
        drawn += f"<h3>{escape(name)}, {escape(direction)}</h3>"
        figures = []
        for gate in found:
            if (gate.name, gate.direction) == (name, direction):
                values = gate.values.float().numpy()[:PLACES, :UNITS].T
                named = labels.get(len(gate.values), [])[:PLACES]
                mean = f"mean {gate.values.mean():.2f}" if gate.is_share else ""
                figures.append(
                    _figure(
                        gate.gate, heat_map(values, named, signed=not gate.is_share, most=float(gate.is_share)), mean
                    )
                )
        drawn += f'<div class="sheets">{"".join(figures)}</div>'
    about = f"A line a unit (the first {UNITS}), places from left to right. Gates are white at 0 and blue at 1; states "
    return _section("Gates and states", drawn, about + "are blue below zero and orange above.")


def _attention(row: RowLook, labels: dict[int, list[str]]) -> str:
    figures = []
    pictures = {f"backbones.{column.name}.": column for column in row.columns if column.grid is not None}
    for looks in row.attention:
        column = next((one for start, one in pictures.items() if looks.name.startswith(start)), None)
        if column is not None and column.grid is not None:
            figures.append(_over_picture(looks, column, column.grid))
            continue
        places = looks.weights.shape[2]
        named = labels.get(places) or (["(first)", *labels[places - 1]] if places - 1 in labels else [])
        for head, weights in enumerate(looks.weights.float().numpy()):
            title = looks.name if looks.is_pool else f"{looks.name}, head {head + 1}"
            size = 26 if looks.is_pool else 0
            figures.append(_figure(title, heat_map(weights[:PLACES, :PLACES], named[:PLACES], tall=size)))
    more = f"<p>{len(figures) - HEADS:,} more are not drawn.</p>" if len(figures) > HEADS else ""
    drawn = f'<div class="sheets">{"".join(figures[:HEADS])}</div>{more}' if figures else ""
    about = (
        "Each line is a place, and shows from which places (left to right) it takes. This says where a layer looks, "
        "and not by itself why the network answers as it does."
    )
    return _section("Attention", drawn, about)
