"""The layer that multiplies gives the numbers of PyTorch's own, whichever library does it."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from lamina.nn import linear
from lamina.nn.linear import Linear

pytestmark = pytest.mark.skipif(
    not (torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_linear_pointwise")),
    reason="PyTorch comes without oneDNN here",
)


@pytest.fixture(autouse=True, params=[True, False], ids=["oneDNN", "MKL"])
def library(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linear, "multiplies_by_onednn", lambda: request.param)


def both(activation: str = "none", bias: bool = True) -> tuple[Linear, nn.Module]:
    torch.manual_seed(0)
    ours = Linear(5, 32, bias=bias, activation=activation)  # type: ignore[arg-type]
    plain = nn.Linear(5, 32, bias=bias)
    plain.load_state_dict(ours.state_dict())
    return ours, nn.Sequential(plain, nn.ReLU()) if activation == "relu" else plain


@pytest.mark.parametrize("shape", [(7, 5), (2, 3, 5), (1, 5), (0, 5)])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("activation", ["none", "relu"])
def test_outputs_and_gradients_are_those_of_torch(shape: tuple[int, ...], bias: bool, activation: str) -> None:
    ours, plain = both(activation, bias)
    rows = torch.randn(shape)
    mine, theirs = rows.clone().requires_grad_(), rows.clone().requires_grad_()
    out, wanted = ours(mine), plain(theirs)
    torch.testing.assert_close(out, wanted)
    weights = torch.randn_like(out)
    (out * weights).sum().backward()
    (wanted * weights).sum().backward()
    torch.testing.assert_close(mine.grad, theirs.grad)
    for one, other in zip(ours.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad, rtol=1e-4, atol=1e-5)


def test_the_gradient_of_a_gradient(activation: str = "relu") -> None:
    ours, plain = both(activation)
    rows = torch.randn(4, 5)
    found = []
    for layer in (ours, plain):
        x = rows.clone().requires_grad_()
        (slope,) = torch.autograd.grad(layer(x).square().sum(), x, create_graph=True)
        slope.square().sum().backward()
        found.append([x.grad, *(parameter.grad for parameter in layer.parameters())])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)


def test_other_types_of_number_and_copies() -> None:
    ours, plain = both("relu")
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(ours(torch.ones(3, 5)), plain(torch.ones(3, 5)))
    assert copy.deepcopy(ours).double()(torch.ones(3, 5).double()).dtype == torch.float64
    assert "activation=relu" in repr(ours)
