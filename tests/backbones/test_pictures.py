"""Networks over pictures: their size, what they make of small pictures, and their memory layout."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from lamina.backbones import BACKBONES
from lamina.backbones.picture import Picture
from lamina.config import check
from lamina.errors import SettingError
from lamina.features.base import Slot
from lamina.nn.start import start

SMALL: dict[str, Any] = {"width": 4}
NAMES = ["cnn", "resnet20", "wideresnet", "resnet18", "resnet50", "mobilenet", "convnext", "squeezenet", "vit"]


def made(name: str, shape: tuple[int, ...], group: str = "image", **values: Any) -> Picture:
    cls = BACKBONES[name]
    backbone: Picture = cls(Slot("photo", "value", group, shape=shape, length=9), check(cls.Settings, values))
    return backbone


@pytest.mark.parametrize(
    ("name", "values", "millions"),
    [
        ("resnet20", {"shortcut": "zeros"}, 0.269),  # each without the layer over the classes
        ("resnet56", {"shortcut": "zeros"}, 0.852),
        ("wideresnet", {}, 2.746),
        ("resnet18", {}, 11.177),
        ("resnet34", {}, 21.285),
        ("resnet50", {}, 23.508),
        ("mobilenet", {"width": 32}, 2.224),
        ("convnext", {"width": 96, "depth": 3}, 27.820),
        ("squeezenet", {}, 0.735),
        ("vit", {"width": 768, "depth": 12, "heads": 12}, 85.799),
    ],
)
def test_the_size_is_the_published_one(name: str, values: dict[str, Any], millions: float) -> None:
    with torch.device("meta"):
        backbone = made(name, (224, 224, 3), **values)
    assert sum(parameter.numel() for parameter in backbone.parameters()) / 1e6 == pytest.approx(millions, abs=6e-4)


@pytest.mark.parametrize(
    ("name", "cells"),
    [
        ("cnn", {28: 4, 32: 4, 224: 28}),
        ("resnet20", {28: 7, 32: 8}),
        ("resnet18", {28: 4, 32: 4, 224: 7}),
        ("mobilenet", {28: 4, 32: 4, 224: 7}),
        ("convnext", {28: 2, 32: 2, 224: 7}),
        ("squeezenet", {28: 3, 32: 4, 227: 13}),
        ("vit", {28: 7, 32: 8, 224: 14}),
    ],
)
def test_small_pictures_keep_some_cells(name: str, cells: dict[int, int]) -> None:
    for side, count in cells.items():
        backbone = made(name, (side, side, 3), **SMALL).eval()
        with torch.no_grad():
            maps, _ = backbone.maps(torch.zeros(1, 3, side, side), None)
        assert maps.shape == (1, backbone.width, count, count)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shape", [(1, 1, 3), (3, 40, 1), (9, 2, 4)])
def test_odd_shapes_pass(name: str, shape: tuple[int, ...]) -> None:
    backbone = made(name, shape, **SMALL)
    values = torch.randint(256, (2, *shape), dtype=torch.uint8)
    out = backbone(values, torch.ones(2, dtype=torch.int64))
    out.sum().backward()
    assert out.shape == (2, backbone.width) and torch.isfinite(out).all()


@pytest.mark.parametrize("name", [name for name in NAMES if name != "vit"])
@pytest.mark.parametrize(("group", "shape"), [("image", (16, 16, 3)), ("image", (16, 16, 1)), ("frames", (16,))])
def test_channels_are_last_in_memory(name: str, group: str, shape: tuple[int, ...]) -> None:
    if group not in BACKBONES[name].groups:
        pytest.skip("reads pictures alone")
    backbone = made(name, shape, group, **SMALL)
    seen = []
    for module in backbone.modules():
        if isinstance(module, torch.nn.Conv2d):
            module.register_forward_hook(lambda module, inputs, out: seen.append(out))
    values = torch.randint(256, (2, *shape), dtype=torch.uint8) if group == "image" else torch.randn(2, 16, *shape)
    backbone(values, torch.full((2,), 16 if group == "frames" else 1))
    assert seen and all(out.is_contiguous(memory_format=torch.channels_last) for out in seen)


def test_a_film_is_its_pictures() -> None:
    film = made("resnet20", (8, 8, 3), "clip", **SMALL).eval()
    still = made("resnet20", (8, 8, 3), **SMALL).eval()
    start(film, 0)
    still.load_state_dict(film.state_dict())
    values = torch.randint(256, (2, 3, 8, 8, 3), dtype=torch.uint8)
    out = film(values, torch.tensor([3, 2]))
    alone = still(values.flatten(0, 1), torch.ones(6, dtype=torch.int64)).unflatten(0, (2, 3))
    assert torch.allclose(out[0], alone[0].mean(0), atol=1e-5)
    assert torch.allclose(out[1], alone[1, :2].mean(0), atol=1e-5)


@pytest.mark.parametrize("name", ["cnn", "resnet20", "mobilenet"])
def test_a_network_of_three_colours_reads_grey_and_sound(name: str) -> None:
    for group, shape in (("image", (8, 8, 1)), ("frames", (8,))):
        backbone = made(name, shape, group, input="imagenet", **SMALL)
        first = next(module for module in backbone.modules() if isinstance(module, torch.nn.Conv2d))
        assert first.in_channels == 3


def test_residual_blocks_start_as_the_identity() -> None:
    backbone = made("resnet20", (8, 8, 3), **SMALL)
    start(backbone, 0)
    x = torch.rand(2, 4, 8, 8)
    assert torch.equal(backbone.blocks[1](x, None)[0], x)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(SettingError, match="heads must divide width · got 3 heads, width 8"):
        made("vit", (8, 8, 3), width=8, heads=3)
    with pytest.raises(SettingError, match="patch is not valid · got 0"):
        made("vit", (8, 8, 3), patch=0)
