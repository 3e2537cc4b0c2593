"""Dropout, normalisation and activation."""

from __future__ import annotations

from typing import get_args

import pytest
import torch
from torch import nn

from lamina.nn.activation import Activation, activation
from lamina.nn.dropout import PooledDropout
from lamina.nn.normalisation import Normalisation, normalisation


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_dropout_drops_its_share_and_keeps_the_mean(share: float) -> None:
    layer = PooledDropout(share)
    out = layer(torch.ones(500, 400))
    assert (out == 0).float().mean().item() == pytest.approx(share, abs=0.01)
    assert out.mean().item() == pytest.approx(1, abs=0.05)
    assert out.max().item() == pytest.approx(1 / (1 - share))


def test_masks_differ_from_call_to_call_and_hang_on_the_generator_alone() -> None:
    layer, other = PooledDropout(0.5), PooledDropout(0.5)
    x = torch.ones(40, 30)
    torch.manual_seed(4)
    first, second = layer(x), layer(x)
    assert not torch.equal(first, second)
    other(torch.ones(1000, 300))  # a larger batch came before: the pool has grown
    torch.manual_seed(4)
    assert torch.equal(other(x), first), "a resumed run, whose pool is smaller, must drop the same units"


def test_dropout_gives_the_gradient_of_its_mask() -> None:
    layer = PooledDropout(0.3)
    x = torch.randn(20, 10, requires_grad=True)
    out = layer(x)
    out.sum().backward()
    assert x.grad is not None
    assert torch.allclose(x.grad * x.detach(), out.detach())


def test_dropout_rests_in_evaluation_and_keeps_the_dtype() -> None:
    x = torch.randn(5, 4)
    assert PooledDropout(0.5).eval()(x) is x
    assert PooledDropout(0.0)(x) is x
    assert PooledDropout(0.5)(x.bfloat16()).dtype == torch.bfloat16
    assert PooledDropout(0.5).state_dict() == {}, "the pool is no weight"


def test_batch_normalisation_of_many_rows_is_pytorchs_and_of_one_row_defined() -> None:
    ours, theirs = normalisation("batch", 4), nn.BatchNorm1d(4)
    x = torch.randn(30, 4) * 3 + 1
    for _ in range(5):
        assert torch.equal(ours(x), theirs(x))
    before = {name: value.clone() for name, value in ours.state_dict().items()}
    assert torch.allclose(ours(x[:1]), theirs.eval()(x[:1]))
    assert all(torch.equal(value, before[name]) for name, value in ours.state_dict().items())


def test_normalisation_by_name() -> None:
    x = torch.randn(30, 4) * 3 + 1
    assert set(get_args(Normalisation)) == {"none", "batch", "layer"}
    assert torch.equal(normalisation("none", 4)(x), x)
    assert torch.allclose(normalisation("layer", 4)(x).mean(1), torch.zeros(30), atol=1e-5)
    assert torch.allclose(normalisation("batch", 4)(x).mean(0), torch.zeros(4), atol=1e-5)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("relu", torch.relu),
        ("sigmoid", torch.sigmoid),
        ("tanh", torch.tanh),
        ("gelu", nn.functional.gelu),
        ("silu", nn.functional.silu),
    ],
)
def test_activation_by_name(name: Activation, expected: object) -> None:
    x = torch.linspace(-4, 4, 33)
    assert torch.equal(activation(name)(x), expected(x))  # type: ignore[operator]


def test_every_activation_has_its_class() -> None:
    assert all(isinstance(activation(name), nn.Module) for name in get_args(Activation))
