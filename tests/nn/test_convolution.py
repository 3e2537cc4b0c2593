"""Convolutions are PyTorch's own where its libraries are sound, and what fills up rows is never seen."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from lamina.nn.convolution import BatchNorm2d, Convolution, MaxPool, blanked, halvings, shortened
from lamina.nn.drop_path import DropPath, rising
from lamina.nn.patches import Patches

EVERY_FORM = pytest.mark.parametrize(
    ("kernel", "stride", "groups"), [(1, 1, 1), (1, 2, 1), (3, 1, 1), (3, 2, 1), (7, 2, 1), (3, 1, 8), (3, 2, 8)]
)
SIDES = [(6, 5), (4, 1), (1, 4), (1, 1)]


def pictures(height: int, width: int) -> Tensor:
    values = torch.randn(3, 8, height, width, generator=torch.Generator().manual_seed(0))
    return values.contiguous(memory_format=torch.channels_last)


def plain(layer: Convolution, x: Tensor, weight: Tensor) -> Tensor:
    return F.conv2d(x, weight, layer.bias, layer.step, layer.middle, 1, layer.groups)


@EVERY_FORM
@pytest.mark.parametrize("sides", SIDES)
def test_a_convolution_is_that_of_pytorch(kernel: int, stride: int, groups: int, sides: tuple[int, int]) -> None:
    layer, x = Convolution(8, 16, kernel, stride, groups, bias=True), pictures(*sides)
    weight = layer.weight.detach().clone().requires_grad_()
    out, wanted = layer(x), plain(layer, x, weight)
    assert out.shape[2:] == tuple(-(-side // stride) for side in sides)
    assert torch.allclose(out, wanted, atol=1e-5)
    towards = torch.randn(out.shape, generator=torch.Generator().manual_seed(1))
    (out * towards).sum().backward()
    (wanted * towards).sum().backward()
    assert layer.weight.grad is not None and weight.grad is not None
    assert torch.allclose(layer.weight.grad, weight.grad, atol=1e-4)


@EVERY_FORM
@pytest.mark.parametrize("sides", SIDES)
def test_its_gradient_is_sound_in_bfloat16(kernel: int, stride: int, groups: int, sides: tuple[int, int]) -> None:
    """Memory that is read before it is written would show: it is full of NaN."""
    layer, x = Convolution(8, 16, kernel, stride, groups), pictures(*sides).requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        out = layer(x)
    weight = layer.weight.detach().double().requires_grad_()
    layer.bias = None
    towards = torch.ones_like(out)
    (exact,) = torch.autograd.grad(plain(layer, x.double(), weight), weight, towards.double())
    for _ in range(3):
        spoiled = [torch.full((1 << size,), torch.nan) for size in range(6, 16)]
        del spoiled
        (found,) = torch.autograd.grad(out, layer.weight, towards, retain_graph=True)
        assert (found - exact).abs().max() <= 0.05 * exact.abs().max()


def test_normalisation_trains_on_a_single_value() -> None:
    layer = BatchNorm2d(4)
    one = torch.randn(1, 4, 1, 1)
    assert torch.allclose(layer(one), one / (1 + layer.eps) ** 0.5)
    assert not torch.allclose(layer(torch.randn(3, 4, 2, 2)).std(), torch.tensor(0.0))


def test_normalisation_starts_where_it_is_told() -> None:
    layer = BatchNorm2d(4, starts_at=0.0)
    assert not layer(torch.randn(3, 4, 2, 2)).any()
    layer.weight.data.fill_(5)
    layer.reset_parameters()
    assert not layer.weight.any()


@pytest.mark.parametrize("kernel", [2, 3])
def test_a_maximum_does_not_see_what_fills_up_rows(kernel: int) -> None:
    x = -torch.rand(2, 3, 7, 4) - 1  # below the zeros that fill up
    there = torch.tensor([7, 3])[:, None] > torch.arange(7)
    pool = MaxPool(kernel)
    found, after = pool(blanked(x, there[:, None, :, None]), there[:, None, :, None])
    assert after is not None and after[:, 0, :, 0].tolist() == [[True] * 4, [True, True, False, False]]
    assert torch.equal(found[:1], pool(x[:1])[0])
    assert torch.equal(found[1:, :, :2], pool(x[1:, :, :3])[0])
    assert not found[1, :, 2:].any()


def test_what_is_there_shrinks_with_the_stride() -> None:
    there = (torch.tensor([5, 4, 1])[:, None] > torch.arange(5))[:, None, :, None]
    assert shortened(None, 2) is None
    found = shortened(there, 2)
    assert found is not None and found[:, 0, :, 0].sum(1).tolist() == [3, 2, 1]


@pytest.mark.parametrize(("side", "count"), [(1, 0), (6, 0), (7, 1), (8, 1), (28, 3), (32, 3), (224, 6)])
def test_halvings(side: int, count: int) -> None:
    assert halvings((side, 500)) == count
    for _ in range(count):
        side = -(-side // 2)
    assert side >= 4 or not count


def test_dropping_paths_keeps_the_mean() -> None:
    torch.manual_seed(0)
    layer, x = DropPath(0.25), torch.ones(4000, 2, 2)
    dropped = layer(x)
    assert dropped.mean() == pytest.approx(1, abs=0.05)
    assert all(len(row.unique()) == 1 for row in dropped[:20])
    assert torch.equal(layer.eval()(x), x)
    assert rising(0.3, 1) == [0.0]


def test_patches_of_a_picture_that_they_do_not_divide() -> None:
    layer = Patches(2, 5, side=3)
    x = torch.randn(1, 2, 7, 3)
    assert torch.equal(layer(x), layer(F.pad(x, (0, 0, 0, 2))))
