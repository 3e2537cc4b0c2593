"""Charts as inline SVG: pure functions from data to text.

Colours and fonts come from the page's style sheet by class, so that a chart follows light, dark and print. A chart of
nothing is the empty string. Values that are no numbers are left out; a line has a gap there.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, TypeGuard

from lamina.evaluation.figures import figure
from lamina.report.markup import Raw, escape, short

__all__ = ["Bar", "bars", "heat", "histogram", "line", "scatter", "spark", "ticks"]

WIDTH = 440  # of every chart: on a telephone its text is still legible
HEIGHT = 280
SPARK = (200, 72)  # width and height of a line without axes
LEFT, RIGHT, TOP, BOTTOM = 58, 14, 26, 42  # margins

Point = tuple[float | None, float | None]


class Bar(NamedTuple):
    """One row of :func:`bars`."""

    name: str
    value: float | None
    low: float | None = None
    high: float | None = None
    strong: bool = False


class _Axis(NamedTuple):
    """A scale from data to pixels."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def at(self, value: float) -> float:
        if self.log:
            share = math.log(value / self.low) / math.log(self.high / self.low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return round(self.start + share * (self.end - self.start), 1)


def ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Round values from low to high, a few of them.

    Example:
        >>> ticks(0.0, 1.0)
        [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    """
    if not high > low:
        return [low]
    rough = (high - low) / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(size * power for size in (1, 2, 5, 10) if size * power >= rough * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(place * step, 12 - math.floor(math.log10(step))) + 0.0 for place in range(first, last + 1)]


def line(
    series: Mapping[str, Sequence[Point]],
    *,
    x: str,
    y: str,
    mark: float | None = None,
    diagonal: bool = False,
    unit: bool = False,
) -> Raw:
    """Lines through points.

    Args:
        series: name -> points (x, y) in the order of x.
        x: what the horizontal axis is.
        y: what the vertical axis is; it is logarithmic where positive values span a factor of more than 50.
        mark: an x to mark with a vertical line.
        diagonal: draw the line y = x.
        unit: both axes from 0 to 1.
    """
    known = [point for points in series.values() for point in _complete(points)]
    if not known:
        return Raw("")
    xs, ys = [a for a, _ in known], [b for _, b in known]
    log = not unit and min(ys) > 0 and max(ys) > 50 * min(ys)
    across = _axis([0.0, 1.0] if unit else xs, LEFT, WIDTH - RIGHT)
    up = _axis([0.0, 1.0] if unit else ys, HEIGHT - BOTTOM, TOP, log=log, room=0.0 if unit else 0.04)
    parts = [_grid(across, up, x, y)]
    if diagonal:
        parts.append(_segment(across.at(across.low), up.at(up.low), across.at(across.high), up.at(up.high), "guide"))
    if mark is not None and across.low <= mark <= across.high:
        parts.append(_segment(across.at(mark), up.start, across.at(mark), up.end, "guide"))
    for place, points in enumerate(series.values()):
        parts += _strokes(points, across, up, f"series{place}")
    parts.append(_legend(list(series)))
    return _svg(f"{y} by {x}: {', '.join(series)}", parts)


def scatter(
    points: Sequence[Point], *, x: str, y: str, diagonal: bool = False, sizes: Sequence[float] | None = None
) -> Raw:
    """Points; with ``diagonal`` both axes have one scale and the line y = x is drawn; ``sizes`` are the dots' areas."""
    kept = [(a, b, size) for (a, b), size in zip(points, sizes or [1.0] * len(points), strict=True)]
    known = [(a, b, size) for a, b, size in kept if _known(a) and _known(b)]
    if not known:
        return Raw("")
    xs, ys = [a for a, _, _ in known], [b for _, b, _ in known]
    across = _axis(xs + ys if diagonal else xs, LEFT, WIDTH - RIGHT, room=0.03)
    up = _axis(xs + ys if diagonal else ys, HEIGHT - BOTTOM, TOP, room=0.03)
    parts = [_grid(across, up, x, y)]
    if diagonal:
        parts.append(_segment(across.start, up.start, across.end, up.end, "guide"))
    radius, kind = (3.0, "dot") if len(known) <= 50 else (2.0, "dot faint")
    largest = max(size for _, _, size in known)
    for a, b, size in known:
        drawn = round(max(1.5, 7 * math.sqrt(size / largest)), 1) if sizes else radius
        parts.append(f'<circle class="{kind}" cx="{across.at(a)}" cy="{up.at(b)}" r="{drawn}"/>')
    return _svg(f"{y} by {x}, {len(known)} points", parts)


def histogram(edges: Sequence[float], counts: Sequence[float], *, x: str, y: str) -> Raw:
    """Columns between edges; zero is marked where it lies inside."""
    if not counts or len(edges) != len(counts) + 1 or not all(_known(value) for value in (*edges, *counts)):
        return Raw("")
    across = _axis([edges[0], edges[-1]], LEFT, WIDTH - RIGHT)
    up = _axis([0.0, max(*counts, 1.0)], HEIGHT - BOTTOM, TOP)
    parts = [_grid(across, up, x, y)]
    for low, high, count in zip(edges, edges[1:], counts, strict=False):
        left, right, top = across.at(low), across.at(high), up.at(count)
        width, height = max(0.5, round(right - left - 0.6, 1)), round(up.start - top, 1)
        parts.append(f'<rect class="column" x="{left}" y="{top}" width="{width}" height="{height}"/>')
    if edges[0] < 0 < edges[-1]:
        parts.append(_segment(across.at(0), up.start, across.at(0), up.end, "guide"))
    return _svg(f"{y} by {x}", parts)


def bars(rows: Sequence[Bar], *, x: str, zero: bool = False) -> Raw:
    """One row per name: a dot for the value and a bar from low to high, on a scale that need not begin at zero.

    A row so far off that the others would be squeezed together stands at the edge, as an arrow with its value.

    Args:
        rows: from top to bottom.
        x: what the axis is.
        zero: values are amounts: the scale holds zero, which is marked, and every row stands at its place.
    """
    rows = [row for row in rows if _known(row.value)]
    if not rows:
        return Raw("")
    left, step, top, right = 128, 26, 8, WIDTH - 18
    bottom = top + step * len(rows)
    far = None if zero else _far(rows)
    values = [value for row in rows if row != far for value in _span(row)] + [0.0] * zero
    across = _axis(values, left, right, room=0.05)
    places = ticks(across.low, across.high, 4)
    parts = [
        f"{_segment(across.at(place), top, across.at(place), bottom, 'rule')}"
        f"{_text(across.at(place), bottom + 17, label, 'middle', 'tick')}"
        for place, label in zip(places, _labels(places), strict=True)
    ]
    if zero:
        parts.append(_segment(across.at(0), top, across.at(0), bottom, "base"))
    for place, row in enumerate(rows):
        y, kind = top + step * (place + 0.5), "strong" if row.strong else "plain"
        parts.append(_text(left - 12, y + 4, short(row.name, 20), "end", f"name {kind}", row.name))
        parts.append(_edge(row, across, y) if row == far else _whisker(row, across, y, kind))
    parts.append(_text((left + right) / 2, bottom + 36, x, "middle", "axis"))
    said = ", ".join(f"{row.name} {figure(row.value)}" for row in rows)
    return _svg(f"{x}: {said}", parts, height=bottom + 44)


def _span(row: Bar) -> list[float]:
    return [value for value in (row.value, row.low, row.high) if _known(value)]


def _far(rows: Sequence[Bar]) -> Bar | None:
    """The row without which the scale would be less than half as long, if there is one; never the main row."""
    if len(rows) < 3:
        return None

    def length(kept: Sequence[Bar]) -> float:
        values = [value for row in kept for value in _span(row)]
        return max(values) - min(values)

    others = {row: length([other for other in rows if other != row]) for row in rows if not row.strong}
    far = min(others, key=lambda row: others[row]) if others else None
    return far if far is not None and 0 < others[far] < length(rows) / 2 else None


def _whisker(row: Bar, across: _Axis, y: float, kind: str) -> str:
    assert row.value is not None
    dot = f'<circle class="point {kind}" cx="{across.at(row.value)}" cy="{y}" r="4.5"/>'
    if not _known(row.low) or not _known(row.high):
        return dot
    return _segment(across.at(row.low), y, across.at(row.high), y, f"interval {kind}") + dot


def _edge(row: Bar, across: _Axis, y: float) -> str:
    assert row.value is not None
    if row.value < across.low:
        return _text(across.start + 2, y + 4, f"◂ {figure(row.value, 3)}", "start", "tick")
    return _text(across.end - 2, y + 4, f"{figure(row.value, 3)} ▸", "end", "tick")


def spark(lines: Sequence[Sequence[float | None]]) -> Raw:
    """Small lines without axes, of values from 0 to 1 at even steps."""
    known = [line for line in lines if any(map(_known, line))]
    if not known:
        return Raw("")
    parts: list[str] = []
    for place, line in enumerate(known):
        across, up = _Axis(0, max(1, len(line) - 1), 2, SPARK[0] - 2), _Axis(0, 1, SPARK[1] - 3, 3)
        parts += _strokes(list(enumerate(line)), across, up, f"series{place % 4}")
    return _svg(f"{len(known)} line(s) over time", parts, SPARK[1], SPARK[0])


def heat(classes: Sequence[str], counts: Sequence[Sequence[int]]) -> Raw:
    """A confusion matrix: a row for each true class, shaded by its share of the row."""
    size = len(classes)
    if not size or not any(map(any, counts)):
        return Raw("")
    left = 120
    cell = (WIDTH - left - 6) / size
    tall = min(cell, 52.0)
    longest = max(len(short(name, 14)) for name in classes)
    flat = longest * 7 <= cell
    top = 46 if flat else 34 + 6 * longest
    parts = [_text(left, 12, "predicted →", "start", "axis"), _text(left - 10, top - 8, "true ↓", "end", "axis")]
    for place, name in enumerate(classes):
        middle = left + cell * (place + 0.5)
        parts.append(_text(left - 10, top + tall * (place + 0.5) + 4, short(name, 16), "end", "name", name))
        if flat:
            parts.append(_text(middle, top - 8, short(name, 14), "middle", "name", name))
        else:
            turn = f' transform="rotate(-60 {middle:.1f} {top - 6})"'
            parts.append(_text(middle, top - 6, short(name, 14), "start", "name", name, turn))
    for place, row in enumerate(counts):
        total = sum(row)
        for other, count in enumerate(row):
            part = count / total if total else 0.0
            x, y = left + cell * other, top + tall * place
            tip = f"{classes[place]} taken for {classes[other]}: {count:,} of {total:,}"
            parts.append(
                f'<g><title>{escape(tip)}</title><rect class="cell" x="{x:.1f}" y="{y:.1f}" width="{cell - 1:.1f}" '
                f'height="{tall - 1:.1f}" fill-opacity="{0.04 + 0.86 * part:.3f}"/>'
                f"{_cell_text(x + cell / 2, y + tall / 2, count, part, cell, tall)}</g>"
            )
    return _svg("Confusion matrix, true classes in rows", parts, height=math.ceil(top + tall * size + 4))


def _cell_text(x: float, y: float, count: int, part: float, cell: float, tall: float) -> str:
    """The count, and its share of the row where there is room."""
    kind = "count inverse" if part > 0.5 else "count"
    if cell < 26 or tall < 14 or (count == 0 and cell < 40):
        return ""
    if tall < 36 or cell < 56:
        return _text(x, y + 4, figure(count, 3), "middle", kind)
    return _text(x, y - 2, f"{count:,}", "middle", kind) + _text(x, y + 13, f"{part:.0%}", "middle", f"{kind} small")


# --- pieces ---------------------------------------------------------------------------------------------------------


def _known(value: float | None) -> TypeGuard[float]:
    return value is not None and math.isfinite(value)


def _complete(points: Iterable[Point]) -> list[tuple[float, float]]:
    """The points of which both parts are numbers."""
    return [(a, b) for a, b in points if _known(a) and _known(b)]


def _axis(values: Sequence[float], start: float, end: float, *, log: bool = False, room: float = 0.0) -> _Axis:
    """A scale that holds all values, with some room at both ends."""
    low, high = min(values), max(values)
    if high - low <= 1e-9 * max(abs(low), abs(high)):
        # One value stands in the middle.
        low, high = (low / 2, high * 2) if log else (low - (abs(low) or 1) / 2, high + (abs(high) or 1) / 2)
    if log:
        return _Axis(low / 1.1, high * 1.1, start, end, log=True)
    return _Axis(low - room * (high - low), high + room * (high - low), start, end)


def _labels(places: Sequence[float]) -> list[str]:
    """Ticks to the decimals that tell them apart."""
    largest = max(map(abs, places), default=0.0)
    if largest >= 1e6:
        return [f"{place / 1e6:,.4g}M" if largest < 1e10 else f"{place:.3g}" for place in places]
    if 0 < largest < 1e-3:
        return [f"{place:.3g}" for place in places]
    step = min((b - a for a, b in itertools.pairwise(places)), default=largest or 1.0)
    decimals = next((count for count in range(7) if abs(step * 10**count - round(step * 10**count)) < 1e-6), 7)
    return [f"{place:,.{decimals}f}" for place in places]


def _grid(across: _Axis, up: _Axis, x: str, y: str) -> str:
    """Rules, tick labels and names of both axes."""
    if up.log:
        powers = range(math.ceil(math.log10(up.low)), math.floor(math.log10(up.high)) + 1)
        steps = (1, 2, 5) if len(powers) < 3 else (1,)
        span = range(math.floor(math.log10(up.low)), math.ceil(math.log10(up.high)) + 1)
        levels = [step * 10.0**power for power in span for step in steps if up.low <= step * 10.0**power <= up.high]
        level_names = [f"{level:g}" for level in levels]
    else:
        levels = ticks(up.low, up.high)
        level_names = _labels(levels)
    parts = [
        _segment(across.start, up.at(level), across.end, up.at(level), "rule")
        + _text(across.start - 8, up.at(level) + 4, name, "end", "tick")
        for level, name in zip(levels, level_names, strict=True)
    ]
    places = ticks(across.low, across.high)
    parts += [
        _text(across.at(place), up.start + 17, name, "middle", "tick")
        for place, name in zip(places, _labels(places), strict=True)
    ]
    parts.append(_segment(across.start, up.start, across.end, up.start, "base"))
    parts.append(_text((across.start + across.end) / 2, up.start + 36, x, "middle", "axis"))
    parts.append(_text(4, 14, y, "start", "axis"))
    return "".join(parts)


def _strokes(points: Sequence[Point], across: _Axis, up: _Axis, kind: str) -> list[str]:
    """A line with gaps where a value is unknown; a lonely point is a dot."""
    pieces: list[list[tuple[float, float]]] = [[]]
    for a, b in points:
        if _known(a) and _known(b):
            pieces[-1].append((across.at(a), up.at(b)))
        else:
            pieces.append([])
    parts = []
    for piece in filter(None, pieces):
        if len(piece) == 1:
            parts.append(f'<circle class="{kind} lone" cx="{piece[0][0]}" cy="{piece[0][1]}" r="3"/>')
        else:
            parts.append(f'<polyline class="{kind}" points="{" ".join(f"{a},{b}" for a, b in piece)}"/>')
    return parts


def _legend(names: Sequence[str]) -> str:
    """The names of the lines, from the right edge, if there is more than one."""
    if len(names) < 2:
        return ""
    parts, right = [], float(WIDTH - RIGHT)
    for place in reversed(range(len(names))):
        parts.append(_text(right, 14, names[place], "end", "tick"))
        right -= 6.3 * len(names[place]) + 6
        parts.append(_segment(right - 16, 10, right, 10, f"series{place}"))
        right -= 30
    return "".join(parts)


def _segment(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _text(x: float, y: float, text: str, anchor: str, kind: str, full: str = "", more: str = "") -> str:
    tip = f"<title>{escape(full)}</title>" if full and full != text else ""
    shown = escape(text.replace("-", "−")) if kind == "tick" and text[:1] == "-" else escape(text)
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{more}>{tip}{shown}</text>'


def _svg(label: str, parts: Iterable[str], height: int = HEIGHT, width: int = WIDTH) -> Raw:
    return Raw(
        f'<svg class="chart" role="img" aria-label="{escape(label)}" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}">{"".join(parts)}</svg>'
    )
