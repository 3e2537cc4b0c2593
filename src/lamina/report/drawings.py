"""Drawings of what is inside a network: its flow as boxes, filters and maps as contact sheets, weights as heat maps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from lamina.report.markup import Raw, escape, short
from lamina.report.thumbnail import data_uri, png

__all__ = ["Box", "count", "flow", "heat_map", "overlay", "shape", "sheet"]

COLD, HOT = np.array([28, 95, 174.0]), np.array([194, 87, 12.0])  # as the style sheet's first and second colour
PAPER = np.array([255.0, 255, 255])
BOX, TALL, GAP = 196, 54, 22  # of the flow
SHEET = 384  # pixels of a contact sheet
LABELS = 48  # places of a heat map that are named


class Box(NamedTuple):
    """One step of a network's flow.

    Attributes:
        name: on top.
        about: below it.
        share: of the work, 0 to 1, which is its shade.
    """

    name: str
    about: str
    share: float = 0.0


def shape(sizes: Sequence[int] | None) -> str:
    """A shape as text: ``64 x 8 x 8``."""
    return " x ".join(f"{size:,}" for size in sizes) if sizes else "–"


def count(value: int) -> str:
    """A large count for people.

    Example:
        >>> count(512), count(271_098), count(41_000_000)
        ('512', '271k', '41M')
    """
    for size, unit in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if value >= size:
            return f"{value / size:.3g}{unit}"
    return str(value)


def flow(lanes: Sequence[Sequence[Box]], after: Sequence[Box]) -> Raw:
    """Lanes of boxes side by side, one a column, that join into the boxes ``after`` them; from top to bottom."""
    lanes = [lane for lane in lanes if lane]
    width = max(1, len(lanes)) * (BOX + GAP) - GAP
    deepest = max((len(lane) for lane in lanes), default=0)
    step = TALL + GAP
    parts: list[str] = []
    middle = (width - BOX) / 2
    for place, lane in enumerate(lanes):
        left = place * (BOX + GAP) if len(lanes) > 1 else middle
        for depth, box in enumerate(lane):
            top = depth * step
            parts.append(_box(box, left, top))
            if depth + 1 < len(lane):
                parts.append(_arrow(left + BOX / 2, top + TALL, left + BOX / 2, top + step))
            elif after:
                parts.append(_arrow(left + BOX / 2, top + TALL, middle + BOX / 2, deepest * step))
    for depth, box in enumerate(after):
        top = (deepest + depth) * step
        parts.append(_box(box, middle, top))
        if depth + 1 < len(after):
            parts.append(_arrow(middle + BOX / 2, top + TALL, middle + BOX / 2, top + step))
    height = (deepest + len(after)) * step
    return Raw(
        f'<svg class="chart flow" role="img" aria-label="The network" viewBox="-2 -2 {width + 4} {height}" '
        f'width="{width}" height="{height}">{"".join(parts)}</svg>'
    )


def _box(box: Box, left: float, top: float) -> str:
    said = f"{box.name}: {box.about}, {box.share:.1%} of the work"
    return (
        f'<g><title>{escape(said)}</title><rect class="cell" x="{left:.1f}" y="{top:.1f}" width="{BOX}" '
        f'height="{TALL}" rx="4" fill-opacity="{0.06 + 0.5 * box.share:.3f}"/>'
        f'<text class="name strong" x="{left + 10:.1f}" y="{top + 22:.1f}">{escape(short(box.name, 27))}</text>'
        f'<text class="tick" x="{left + 10:.1f}" y="{top + 41:.1f}">{escape(short(box.about, 32))}</text></g>'
    )


def _arrow(x1: float, y1: float, x2: float, y2: float) -> str:
    tip = f"{x2 - 3.5:.1f},{y2 - 6:.1f} {x2 + 3.5:.1f},{y2 - 6:.1f} {x2:.1f},{y2:.1f}"
    return (
        f'<line class="base" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2 - 5:.1f}"/>'
        f'<polygon class="point" points="{tip}"/>'
    )


def sheet(tiles: np.ndarray, most: int = 64) -> Raw:
    """Filters or maps side by side, each stretched to its own lowest and highest value.

    Args:
        tiles: (n, height, width, channels); three channels are colours, of any other number the mean is shown.
        most: tiles that are shown.
    """
    tiles = np.asarray(tiles[:most], np.float64)
    if tiles.shape[3] != 3:
        tiles = tiles.mean(3, keepdims=True)
    low, high = tiles.min((1, 2, 3), keepdims=True), tiles.max((1, 2, 3), keepdims=True)
    tiles = (tiles - low) / np.where(high > low, high - low, 1.0)
    across = math.ceil(math.sqrt(len(tiles) * 1.6))
    down = -(-len(tiles) // across)
    scale = max(1, SHEET // (across * max(tiles.shape[1:3])))
    tiles = tiles.repeat(scale, 1).repeat(scale, 2)
    height, width, channels = tiles.shape[1:]
    canvas = np.ones((down * (height + 2) - 2, across * (width + 2) - 2, channels))
    for place, tile in enumerate(tiles):
        top, left = place // across * (height + 2), place % across * (width + 2)
        canvas[top : top + height, left : left + width] = tile
    return _image((canvas * 255).astype(np.uint8), f"{len(tiles)} tiles")


def overlay(pixels: np.ndarray, shares: np.ndarray, side: int = 224) -> Raw:
    """A picture (height, width, channels), 0 to 255, in grey with what counts in colour; some ``side`` pixels large."""
    grey = np.asarray(pixels, np.float64).mean(2)
    low, high = grey.min(), grey.max()
    grey = (grey - low) / ((high - low) or 1.0) * 255
    heat = np.clip(shares, 0, 1)[..., None] * 0.75
    mixed = grey[..., None] * (1 - heat) + HOT * heat
    scale = max(1, side // max(mixed.shape[:2]))
    mixed = mixed.repeat(scale, 0).repeat(scale, 1)
    return _image(mixed.clip(0, 255).astype(np.uint8), "where the answer comes from")


def heat_map(
    values: np.ndarray, labels: Sequence[str] = (), *, signed: bool = False, most: float = 0.0, tall: int = 0
) -> Raw:
    """Values by shade, places from left to right.

    Args:
        values: (rows, places).
        labels: of the places, below.
        signed: from blue through white to orange, around zero; else from white to blue, from zero on.
        most: the value of the full shade; the largest if 0.
        tall: pixels of a row; chosen if 0.
    """
    values = np.nan_to_num(np.asarray(values, np.float64))
    most = most or np.abs(values).max() or 1.0
    scaled = np.clip(values / most, -1, 1)[..., None]
    colour = np.where(scaled >= 0, PAPER + (HOT if signed else COLD) * scaled - PAPER * scaled, 0)
    colour = np.where(scaled < 0, PAPER + COLD * -scaled - PAPER * -scaled, colour)
    rows, places = values.shape
    wide = max(3.0, min(22.0, (320 if rows == places else 620) / places))
    tall = tall or (round(wide) if rows == places else max(3, min(22, 160 // rows)))
    width, height = wide * places, tall * rows
    named = [short(label, 14) for label in labels] if len(labels) == places and places <= LABELS else []
    below = 8 + 6.2 * max((len(label) for label in named), default=0) if named else 0
    source = data_uri(png(colour.clip(0, 255).astype(np.uint8)), "image/png")
    texts = "".join(
        f'<text class="tick" text-anchor="end" transform="translate({wide * (place + 0.5) + 3:.1f} {height + 8}) '
        f'rotate(-60)">{escape(label)}</text>'
        for place, label in enumerate(named)
    )
    left = 0.55 * below
    return Raw(
        f'<svg class="chart heat" role="img" aria-label="{rows} by {places} values" '
        f'viewBox="{-left:.0f} 0 {width + left:.0f} {height + below:.0f}" '
        f'style="max-width:{width + left:.0f}px" width="{width + left:.0f}" height="{height + below:.0f}">'
        f'<image href="{source}" width="{width:.1f}" height="{height}" preserveAspectRatio="none" '
        f'style="image-rendering:pixelated"/><rect x="0" y="0" width="{width:.1f}" height="{height}" fill="none" '
        f'class="rule"/>{texts}</svg>'
    )


def _image(pixels: np.ndarray, label: str) -> Raw:
    source = data_uri(png(np.ascontiguousarray(pixels)), "image/png")
    return Raw(f'<img class="sheet" src="{source}" alt="{escape(label)}" width="{pixels.shape[1]}">')
