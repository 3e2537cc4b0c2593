"""Networks over pictures, written out in PyTorch's own functions."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lamina.backbones import BACKBONES
from lamina.config import check
from lamina.features.base import Slot
from lamina.nn.start import start

Weights = dict[str, Tensor]


def made(name: str, side: int, **values: Any) -> tuple[Any, Weights, Tensor]:
    """A network whose scales and statistics have left their start, its weights, and pictures as it meets them."""
    cls = BACKBONES[name]
    backbone = cls(Slot("photo", "value", "image", shape=(side, side, 3)), check(cls.Settings, values)).eval()
    start(backbone, 0)
    torch.manual_seed(0)
    for module in backbone.modules():
        if isinstance(module, nn.BatchNorm2d):
            for value in (module.weight.data, module.bias.data, module.running_mean, module.running_var):
                value.uniform_(0.5, 1.5)
    return backbone, backbone.state_dict(), torch.randn(2, 3, side, side)


def norm(x: Tensor, weights: Weights, name: str) -> Tensor:
    names = [f"{name}.{part}" for part in ("running_mean", "running_var", "weight", "bias")]
    return F.batch_norm(x, *(weights[one] for one in names))


def test_resnet20_with_zeros_in_the_shortcut() -> None:
    backbone, weights, picture = made("resnet20", 8, width=4, shortcut="zeros")
    x = norm(F.conv2d(picture, weights["stem.convolution.weight"], padding=1), weights, "stem.norm").relu()
    for block in range(9):
        stride = 2 if block in (3, 6) else 1
        first, second = (weights[f"blocks.{block}.convolutions.{place}.weight"] for place in (0, 1))
        y = norm(F.conv2d(x, first, stride=stride, padding=1), weights, f"blocks.{block}.norms.0").relu()
        y = norm(F.conv2d(y, second, padding=1), weights, f"blocks.{block}.norms.1")
        if stride == 2:
            zeros = torch.zeros(2, x.shape[1] // 2, *y.shape[2:])
            x = torch.cat([zeros, x[:, :, ::2, ::2], zeros], 1)
        x = (x + y).relu()
    assert torch.allclose(backbone.pooled(picture), x.mean((2, 3)), atol=1e-4)


def test_wide_resnet() -> None:
    backbone, weights, picture = made("wideresnet", 8, width=4)
    x = F.conv2d(picture, weights["stem.weight"], padding=1)
    for block in range(6):
        stride, at = 2 if block in (2, 4) else 1, f"blocks.{block}"
        active = norm(x, weights, f"{at}.norm_first").relu()
        y = F.conv2d(active, weights[f"{at}.first.weight"], stride=stride, padding=1)
        y = F.conv2d(norm(y, weights, f"{at}.norm_second").relu(), weights[f"{at}.second.weight"], padding=1)
        changes = f"{at}.shortcut.weight" in weights
        assert changes == (block in (0, 2, 4))
        x = y + (F.conv2d(active, weights[f"{at}.shortcut.weight"], stride=stride) if changes else x)
    assert torch.allclose(backbone.pooled(picture), norm(x, weights, "norm").relu().mean((2, 3)), rtol=1e-4)


def test_cnn() -> None:
    backbone, weights, picture = made("cnn", 9, width=4, depth=2)
    x = picture
    for place in (0, 1, 3, 4):
        x = F.conv2d(x, weights[f"layers.{place}.convolution.weight"], padding=1)
        x = norm(x, weights, f"layers.{place}.norm").relu()
        if place in (1, 4):
            x = F.max_pool2d(x, 2, ceil_mode=True)
    assert x.shape[2:] == (3, 3)
    assert torch.allclose(backbone.pooled(picture), x.mean((2, 3)), atol=1e-5)


def test_squeezenet() -> None:
    backbone, weights, picture = made("squeezenet", 67, width=2)
    x = F.conv2d(picture, weights["stem.weight"], weights["stem.bias"], stride=2).relu()
    for fire in range(8):
        if fire in (0, 3, 7):
            x = F.max_pool2d(x, 3, 2, ceil_mode=True)
        parts = {part: [weights[f"fires.{fire}.{part}.{kind}"] for kind in ("weight", "bias")] for part in PARTS}
        x = F.conv2d(x, *parts["squeeze"]).relu()
        x = torch.cat([F.conv2d(x, *parts["narrow"]), F.conv2d(x, *parts["wide"], padding=1)], 1).relu()
    assert torch.allclose(backbone.pooled(picture), x.mean((2, 3)), atol=1e-5)


PARTS = ("squeeze", "narrow", "wide")


def test_an_inverted_residual() -> None:
    backbone, weights, _ = made("mobilenet", 32, width=8)
    x, at = torch.randn(2, 8, 8, 8), "blocks.3"
    assert backbone.blocks[3].adds
    y = norm(F.conv2d(x, weights[f"{at}.layers.0.convolution.weight"]), weights, f"{at}.layers.0.norm").relu()
    y = F.conv2d(y, weights[f"{at}.layers.1.convolution.weight"], padding=1, groups=y.shape[1])
    y = norm(y, weights, f"{at}.layers.1.norm").relu()
    y = norm(F.conv2d(y, weights[f"{at}.convolution.weight"]), weights, f"{at}.norm")
    assert torch.allclose(backbone.blocks[3](x, None)[0], x + y, atol=1e-5)


def test_a_convnext_block() -> None:
    backbone, weights, _ = made("convnext", 16, width=4, layer_scale=0.5)
    x, at = torch.randn(2, 4, 5, 5), "blocks.1"
    y = F.conv2d(x, weights[f"{at}.depthwise.weight"], weights[f"{at}.depthwise.bias"], padding=3, groups=4)
    y = F.layer_norm(y.permute(0, 2, 3, 1), (4,), weights[f"{at}.norm.weight"], weights[f"{at}.norm.bias"], 1e-6)
    y = F.gelu(F.linear(y, weights[f"{at}.expand.weight"], weights[f"{at}.expand.bias"]))
    y = 0.5 * F.linear(y, weights[f"{at}.reduce.weight"], weights[f"{at}.reduce.bias"])
    assert torch.allclose(backbone.blocks[1](x, None)[0], x + y.permute(0, 3, 1, 2), atol=1e-5)
