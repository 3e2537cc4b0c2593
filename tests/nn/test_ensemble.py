"""An ensemble in one network is the same as a loop over its members."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from lamina.models.committee import Committee
from lamina.models.tabm import TabM, TabMSettings
from lamina.nn.ensemble import Heads, SharedLinear, Views
from lamina.nn.start import start
from lamina.testing import sample_inputs, sample_layouts

MEMBERS = 5


def test_a_view_is_the_row_times_the_members_scale() -> None:
    views = start(Views([4, 1, 3], MEMBERS), 0)
    x = torch.randn(6, 8)
    out = views(x).unflatten(0, (6, MEMBERS))
    for member in range(MEMBERS):
        assert torch.equal(out[:, member], x * views.scale[member])


def test_scales_start_as_one_random_sign_a_chunk() -> None:
    scale = start(Views([4, 1, 3], 200), 0).scale.detach()
    assert set(scale.unique().tolist()) == {-1.0, 1.0}
    for low, high in ((0, 4), (4, 5), (5, 8)):
        assert (scale[:, low:high] == scale[:, low : low + 1]).all()
        assert 0.35 < (scale[:, low] > 0).float().mean() < 0.65
    assert len({tuple(row) for row in scale.tolist()}) == 8, "the chunks' signs are drawn apart"


@pytest.mark.parametrize("outputs", [1, 3])
def test_heads_are_linear_layers(outputs: int) -> None:
    heads = start(Heads(7, outputs, MEMBERS), 0)
    x = torch.randn(4 * MEMBERS, 7)
    out = heads(x)
    assert out.shape == (4, MEMBERS, outputs)
    for member in range(MEMBERS):
        expected = x.unflatten(0, (4, MEMBERS))[:, member] @ heads.weight[member] + heads.bias[member]
        assert torch.allclose(out[:, member], expected, atol=1e-6)


def test_tabm_is_a_loop_over_its_members() -> None:
    layout = sample_layouts()[0]
    model = start(TabM(layout, 2, TabMSettings(width=12, depth=2, members=MEMBERS, number_width=4)), 0).eval()
    inputs = sample_inputs(layout, 9)
    out = model(inputs)
    row = model.columns(inputs)
    for member in range(MEMBERS):
        x = row * model.views.scale[member]
        for layer in model.trunk:
            x = layer(x)
        expected = x @ model.head.weight[member] + model.head.bias[member]
        assert torch.allclose(out[:, member], expected, atol=1e-5)


def test_a_shared_linear_layer_follows_its_input() -> None:
    layer = start(SharedLinear(4, 3), 0)
    x = torch.randn(5, 4)
    assert torch.equal(layer(x), F.linear(x, layer.weight, layer.bias))
    assert layer(x.bfloat16()).dtype == torch.bfloat16
    assert start(SharedLinear(4, 3, bias=False), 0)(x).shape == (5, 3)


def test_a_committee_is_all_of_its_networks() -> None:
    layout = sample_layouts()[0]
    networks = [start(TabM(layout, 2, TabMSettings(width=8, depth=1, members=3)), seed).eval() for seed in range(2)]
    inputs = sample_inputs(layout, 4)
    out = Committee(networks)(inputs)
    assert torch.equal(out, torch.cat([network(inputs) for network in networks], 1))
    assert out.shape == (4, 6, 2)
