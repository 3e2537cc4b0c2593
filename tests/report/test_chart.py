"""Charts: drawn from anything, empty from nothing, escaped."""

from __future__ import annotations

import math
from itertools import pairwise
from xml.etree import ElementTree

import pytest

from lamina.report.chart import Bar, bars, heat, histogram, line, scatter, ticks

NAN = float("nan")


def parse(svg: str) -> ElementTree.Element:
    """A chart is well-formed, and no number in it is NaN or infinite."""
    assert "nan" not in svg.lower().replace("financ", "") and "inf" not in svg.lower()
    return ElementTree.fromstring(svg)


def test_nothing_gives_nothing() -> None:
    assert line({}, x="a", y="b") == ""
    assert line({"one": []}, x="a", y="b") == ""
    assert line({"one": [(1, None), (NAN, 2)]}, x="a", y="b") == ""
    assert scatter([], x="a", y="b") == ""
    assert scatter([(NAN, 1.0)], x="a", y="b") == ""
    assert histogram([], [], x="a", y="b") == ""
    assert bars([], x="a") == ""
    assert bars([Bar("one", None), Bar("two", NAN)], x="a") == ""
    assert heat([], []) == ""
    assert heat(["a", "b"], [[0, 0], [0, 0]]) == ""


def test_one_point() -> None:
    assert parse(line({"one": [(1, 2.0)]}, x="a", y="b")).find("circle") is not None
    assert parse(scatter([(0.0, 0.0)], x="a", y="b", diagonal=True)).find("circle") is not None
    assert parse(bars([Bar("one", 0.5)], x="a")).find("circle") is not None
    assert parse(histogram([1.0, 1.0], [3], x="a", y="b")).find("rect") is not None
    parse(heat(["only"], [[5]]))


def test_unknown_values_leave_a_gap() -> None:
    points = [(0, 1.0), (1, 2.0), (2, NAN), (3, 2.0), (4, 1.0), (5, None), (6, 1.0)]
    svg = parse(line({"one": points}, x="a", y="b"))
    assert len(svg.findall("polyline")) == 2
    assert len(svg.findall("circle")) == 1


def test_infinities_are_left_out() -> None:
    parse(line({"one": [(0, 1.0), (1, math.inf), (2, 3.0)]}, x="a", y="b"))
    parse(bars([Bar("one", 1.0, -math.inf, 2.0), Bar("two", 2.0, 1.0, 3.0)], x="a"))


def test_falling_losses_are_drawn_on_a_logarithmic_scale() -> None:
    svg = parse(line({"loss": [(step, 10.0**-step) for step in range(4)]}, x="step", y="loss"))
    heights = [float(point.split(",")[1]) for point in svg.find("polyline").get("points").split()]
    steps = [b - a for a, b in pairwise(heights)]
    assert max(steps) - min(steps) < 0.3


def test_a_row_far_off_does_not_squeeze_the_others() -> None:
    rows = [
        Bar("network", 0.92, 0.91, 0.93, strong=True),
        Bar("linear", 0.90, 0.89, 0.91),
        Bar("constant", 0.5, 0.5, 0.5),
    ]
    svg = parse(bars(rows, x="ROC-AUC"))
    first, second = (float(dot.get("cx")) for dot in svg.findall("circle"))
    assert first - second > 50
    assert any("◂ 0.5" in (text.text or "") for text in svg.findall("text"))


def test_everything_stays_inside() -> None:
    svg = parse(scatter([(-1e6, 3.0), (1e6, -4e9), (0.0, 1e-9)], x="a", y="b"))
    for dot in svg.findall("circle"):
        assert 0 <= float(dot.get("cx")) <= 440 and 0 <= float(dot.get("cy")) <= 280


@pytest.mark.parametrize("size", [2, 4, 5, 30])
def test_heat(size: int) -> None:
    names = [f"class <{place}> & co" for place in range(size)]
    svg = parse(heat(names, [[7 if a == b else 1 for a in range(size)] for b in range(size)]))
    assert len(svg.findall("g")) == size * size
    assert svg.find("g/title").text == "class <0> & co taken for class <0> & co: 7 of " + str(6 + size)


def test_text_is_escaped() -> None:
    evil = '<script>alert("1")</script>'
    for svg in (
        line({evil: [(0, 1), (1, 2)], "b": [(0, 1), (1, 2)]}, x=evil, y=evil),
        scatter([(0, 1)], x=evil, y=evil),
        bars([Bar(evil, 1.0)], x=evil),
        heat([evil, "b"], [[1, 0], [0, 1]]),
        histogram([0, 1], [1], x=evil, y=evil),
    ):
        assert "<script" not in svg
        parse(svg)


@pytest.mark.parametrize("low, high", [(0, 1), (-3, 1e6), (1e-7, 3e-7), (0.5, 0.5), (99.9, 100.1)])
def test_ticks(low: float, high: float) -> None:
    found = ticks(low, high)
    assert 1 <= len(found) <= 8
    assert found == sorted(set(found))
    assert all(low - 1e-9 <= tick <= high + 1e-9 for tick in found)
