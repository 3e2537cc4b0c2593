"""Drawings of the inside of a network."""

from __future__ import annotations

import re

import numpy as np
import pytest

from lamina.report.drawings import Box, flow, heat_map, overlay, sheet


def test_lanes_join() -> None:
    drawn = flow([[Box("a", "1"), Box("b", "2")], [Box("<c>", "3")]], [Box("join", "4", 0.5), Box("head", "5")])
    assert drawn.count("<rect") == 5 and drawn.count("<line") == 4
    assert "&lt;c&gt;" in drawn and "<c>" not in drawn


@pytest.mark.parametrize("shape", [(1, 3, 3, 1), (16, 3, 3, 3), (70, 5, 5, 8)])
def test_a_sheet_is_a_picture_whatever_the_channels(shape: tuple[int, ...]) -> None:
    assert sheet(np.random.default_rng(0).normal(size=shape)).startswith('<img class="sheet" src="data:image/png')
    assert sheet(np.zeros(shape))


def test_a_heat_map_names_its_places() -> None:
    drawn = heat_map(np.array([[0.0, 1.0, -1.0]]), ["one", "<two>", "three"], signed=True)
    assert re.findall(r">([^<>]+)</text>", drawn) == ["one", "&lt;two&gt;", "three"]
    assert "<text" not in heat_map(np.zeros((2, 3)), ["one"])


def test_an_overlay_keeps_the_size() -> None:
    assert 'width="224"' in overlay(np.zeros((8, 8, 3)), np.ones((8, 8)))
