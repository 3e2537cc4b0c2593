"""Networks over pictures give the numbers of the transformers library's, with weights that it wrote itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from lamina.backbones import BACKBONES
from lamina.backbones.base import Backbone
from lamina.backbones.weights import known_network, load_weights
from lamina.config import check
from lamina.features.base import Slot
from lamina.nn.convolution import BatchNorm2d

transformers = pytest.importorskip("transformers", reason="needs the transformers library")

ONES = torch.ones(3, dtype=torch.int64)


def pictures(side: int) -> tuple[Slot, Tensor]:
    values = torch.randint(256, (3, side, side, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    return Slot("photo", "value", "image", shape=(side, side, 3)), values


def library(config: Any) -> Any:
    """A network of the library with random weights, scales and running statistics."""
    torch.manual_seed(0)
    network = transformers.AutoModel.from_config(config).eval()
    for name, value in network.state_dict().items():
        if value.is_floating_point() and value.ndim <= 1:
            value.uniform_(0.5, 1.5) if name.endswith(("weight", "var")) else value.uniform_(-0.5, 0.5)
    return network


def ours(folder: Path, slot: Slot, side: int, **changes: Any) -> Backbone:
    """The same network of ours, as the file's names say."""
    known = known_network(folder)
    assert known is not None
    cls = BACKBONES[known.pop("name")]
    backbone = cls(slot, check(cls.Settings, known | {"resize": side} | changes)).eval()
    unused = load_weights(backbone, folder)
    assert all(name.startswith("pooler") for name in unused)
    return backbone


def theirs(network: Any, backbone: Backbone, values: Tensor) -> Any:
    with torch.no_grad():
        return network(pixel_values=backbone.pixels(values).contiguous())  # type: ignore[operator]


def agree(one: Tensor, other: Tensor) -> None:
    assert (one - other).abs().max() <= 2e-5 * other.abs().max().clamp(min=1)


@pytest.mark.parametrize("deep", [False, True])
def test_resnet(tmp_path: Path, deep: bool) -> None:
    layers = {"depths": [3, 4, 6, 3], "layer_type": "bottleneck" if deep else "basic"}
    network = library(transformers.ResNetConfig(embedding_size=4, hidden_sizes=[4, 8, 16, 32], **layers))
    if deep:
        network = library(transformers.ResNetConfig(embedding_size=4, hidden_sizes=[16, 32, 64, 128], **layers))
    network.save_pretrained(tmp_path)
    slot, values = pictures(70)
    backbone = ours(tmp_path, slot, 70, width=4)
    assert type(backbone).__name__ == ("ResNet50" if deep else "ResNet34")
    found = theirs(network, backbone, values)
    agree(backbone(values, ONES), found.pooler_output.flatten(1))
    agree(backbone.sequence(values, ONES)[0], found.last_hidden_state.flatten(2).mT)


def test_convnext(tmp_path: Path) -> None:
    network = library(transformers.ConvNextConfig(hidden_sizes=[4, 8, 16, 32], depths=[1, 1, 3, 1]))
    network.save_pretrained(tmp_path)
    slot, values = pictures(64)
    backbone = ours(tmp_path, slot, 64)
    found = theirs(network, backbone, values)
    agree(backbone(values, ONES), found.pooler_output)


@pytest.mark.parametrize("names", ["new", "old"])
def test_vit(tmp_path: Path, names: str) -> None:
    config = transformers.ViTConfig(
        hidden_size=12, num_hidden_layers=2, num_attention_heads=3, intermediate_size=48, image_size=20, patch_size=4,
        layer_norm_eps=1e-5,
    )  # fmt: skip
    network = library(config)
    network.save_pretrained(tmp_path, save_original_format=names == "old")
    slot, values = pictures(20)
    backbone = ours(tmp_path, slot, 20, heads=3)
    found = theirs(network, backbone, values)
    agree(backbone(values, ONES), found.last_hidden_state[:, 0])
    agree(backbone.sequence(values, ONES)[0], found.last_hidden_state[:, 1:])


def test_positions_of_another_grid_are_interpolated_as_in_the_library(tmp_path: Path) -> None:
    config = transformers.ViTConfig(
        hidden_size=12, num_hidden_layers=1, num_attention_heads=3, intermediate_size=48, image_size=20, patch_size=4,
        layer_norm_eps=1e-5,
    )  # fmt: skip
    network = library(config)
    network.save_pretrained(tmp_path)
    slot, values = pictures(32)
    backbone = ours(tmp_path, slot, 32, heads=3)
    with torch.no_grad():
        found = network(pixel_values=backbone.pixels(values).contiguous(), interpolate_pos_encoding=True)
    agree(backbone(values, ONES), found.last_hidden_state[:, 0])


def test_mobilenet() -> None:
    """Both list their layers in the order in which they run, so that tensors go over by their place."""
    config = transformers.MobileNetV2Config(
        depth_multiplier=0.25, hidden_act="relu", tf_padding=False, layer_norm_eps=1e-5
    )
    network = library(config)
    slot, values = pictures(97)
    cls = BACKBONES["mobilenet"]
    backbone = cls(slot, check(cls.Settings, {"width": 8, "input": "signed", "resize": 224})).eval()
    tensors = list(network.state_dict().values())
    own = backbone.state_dict()
    backbone.load_state_dict(dict(zip(own, tensors, strict=True)))
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eps = BatchNorm2d(1).eps
    agree(backbone(values, ONES), theirs(network, backbone, values).pooler_output)
