"""Columns enter a network by their formulas."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from lamina.features.base import Slot
from lamina.features.layout import Layout
from lamina.nn.columns import Categories, Columns, ColumnsSettings, Numbers, Tokens, bins_of
from lamina.nn.start import start
from lamina.testing import sample_inputs, sample_layouts

DRAW = np.random.default_rng(0)


def number(knots: np.ndarray) -> Slot:
    return Slot("x", "value", "number", knots=tuple(np.sort(knots).astype(float).tolist()))


WIDE, NARROW = number(DRAW.normal(size=257)), number(np.repeat([0.0, 1.0, 5.0], [100, 100, 57]))
STILL, TWO = number(np.full(257, 3.0)), number(np.repeat([0.0, 2.0], [200, 57]))


def pieces(x: float, edges: np.ndarray) -> list[float]:
    """Gorishniy et al. 2022, equation 1: how much of each piece lies below x; the ends are open."""
    shares = (x - edges[:-1]) / np.diff(edges)
    low = np.where(np.arange(len(shares)) == 0, -np.inf, 0.0)
    high = np.where(np.arange(len(shares)) == len(shares) - 1, np.inf, 1.0)
    return np.clip(shares, low, high).tolist()


def test_edges_are_quantiles_without_repeats() -> None:
    edges = bins_of(WIDE, 8)
    assert edges is not None
    assert edges.tolist() == pytest.approx([WIDE.knots[place] for place in range(0, 257, 32)])
    assert bins_of(NARROW, 8).tolist() == [0.0, 1.0, 5.0]  # type: ignore[union-attr]
    assert bins_of(STILL, 8) is None


def test_piecewise_is_its_formula() -> None:
    slots = (WIDE, NARROW, TWO)
    layer = start(Numbers(slots, ColumnsSettings(numbers="piecewise", bins=8, number_width=4)), 0)
    x = torch.from_numpy(DRAW.normal(scale=3, size=(50, 3))).float()
    found = layer(x).unflatten(1, (3, 4))
    linear = layer.embed.linear
    for place, slot in enumerate(slots):
        edges = bins_of(slot, 8)
        assert edges is not None
        encoded = torch.tensor([pieces(value, edges.numpy()) for value in x[:, place].tolist()])
        weight = linear.weight[place]  # (most pieces, 4); the last piece stands last, whatever their number
        used = [*range(encoded.shape[1] - 1), weight.shape[0] - 1]
        expected = torch.relu(encoded.float() @ weight[used] + linear.bias[place])
        assert torch.allclose(found[:, place], expected, atol=1e-4), place


def test_periodic_is_its_formula() -> None:
    layer = start(Numbers((WIDE, NARROW), ColumnsSettings(numbers="periodic", number_width=4)), 0)
    x = torch.randn(20, 2)
    angle = 2 * torch.pi * layer.embed.periodic.weight * x[..., None]
    waves = torch.cat([torch.cos(angle), torch.sin(angle)], -1)  # (B, numbers, 2 k)
    linear = layer.embed.linear
    expected = torch.relu(torch.einsum("bnk,nko->bno", waves, linear.weight) + linear.bias)
    assert torch.allclose(layer(x), expected.flatten(1), atol=1e-5)


@pytest.mark.parametrize("numbers", ["plain", "piecewise", "periodic"])
def test_a_column_that_never_varied_is_left_out(numbers: str) -> None:
    settings = ColumnsSettings(numbers=numbers, number_width=4)
    layer = start(Numbers((WIDE, STILL, TWO), settings), 0)
    without = start(Numbers((WIDE, TWO), settings), 0)
    x = torch.randn(6, 3)
    assert torch.equal(layer(x), without(x[:, [0, 2]]))
    assert layer.width == without.width == sum(layer.chunks)
    alone = start(Numbers((STILL,), settings), 0)
    assert alone.width == 0 and alone(x[:, :1]).shape == (6, 0)


def test_categories_are_one_hot_or_embedded() -> None:
    layer = start(Categories([3, 50, 4, 33], ColumnsSettings(one_hot=4, category_width=5)), 0)
    codes = torch.tensor([[2, 49, 0, 32], [0, 0, 3, 1]])
    found = layer(codes)
    assert layer.width == 3 + 4 + 5 + 5 == found.shape[1] == sum(layer.chunks)
    hot = torch.cat([nn.functional.one_hot(codes[:, 0], 3), nn.functional.one_hot(codes[:, 2], 4)], 1)
    assert torch.equal(found[:, :7], hot.float())
    assert torch.equal(found[:, 7:12], layer.tables[0].weight[codes[:, 1]])
    assert torch.equal(found[:, 12:], layer.tables[1].weight[codes[:, 3]])


def test_names_start_near_each_other() -> None:
    layer = start(Categories([5000], ColumnsSettings()), 0)
    assert layer.tables[0].weight.std().item() == pytest.approx(0.3, rel=0.02)


@pytest.mark.parametrize("numbers", ["plain", "piecewise", "periodic"])
def test_columns_stand_side_by_side(numbers: str) -> None:
    settings = ColumnsSettings(numbers=numbers, number_width=4)
    for layout in sample_layouts():
        columns = start(Columns(layout, settings), 0)
        inputs = sample_inputs(layout, 5)
        out = columns(inputs)
        assert out.shape == (5, columns.width) and sum(columns.chunks) == columns.width
        # A chunk belongs to one column: changing one number changes its own chunk alone.
        if len(layout.numbers) == 3:
            moved = inputs["number"].clone()
            moved[:, 1] += 0.37
            changed = (columns({**inputs, "number": moved}) != out).any(0).nonzero()[:, 0]
            start_of, end_of = columns.chunks[0], columns.chunks[0] + columns.chunks[1]
            assert len(changed) and start_of <= changed.min() and changed.max() < end_of


def test_no_column_at_all() -> None:
    columns = Columns(Layout(), ColumnsSettings())
    assert columns({"number": torch.zeros(4, 0)}).shape == (4, 0)
    assert columns.width == 0


def test_tokens_are_their_formula() -> None:
    layout = sample_layouts()[0]
    tokens = start(Tokens(layout, 6), 0)
    inputs = sample_inputs(layout, 5)
    out = tokens(inputs)
    quantities = torch.cat([inputs["number"], inputs["flag"]], 1)
    assert out.shape == (5, 7, 6)
    for place in range(5):
        expected = quantities[:, place, None] * tokens.weight[place] + tokens.bias[place]
        assert torch.allclose(out[:, place], expected)
    for place, offset in enumerate((0, layout.sizes[0])):
        assert torch.equal(out[:, 5 + place], tokens.table.weight[inputs["category"][:, place] + offset])
