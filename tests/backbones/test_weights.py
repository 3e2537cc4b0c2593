"""Weights are told by their names, fitted by their shapes, and nothing in a file is ever run."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from safetensors.torch import save_file
from sklearn.datasets import load_sample_image
from torch import Tensor

from lamina.backbones import BACKBONES
from lamina.backbones.base import Backbone
from lamina.backbones.weights import known_network, load_weights, read_weights
from lamina.config import check
from lamina.errors import DataError
from lamina.features.base import Slot
from lamina.nn.start import start

SLOT = Slot("photo", "value", "image", shape=(8, 8, 3))


def made(name: str = "resnet20", slot: Slot = SLOT, **values: Any) -> Backbone:
    cls = BACKBONES[name]
    backbone: Backbone = cls(slot, check(cls.Settings, values))
    start(backbone, 0)
    return backbone.eval()


def answers(backbone: Backbone) -> Tensor:
    values = torch.randint(256, (2, 8, 8, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        return backbone(values, torch.ones(2, dtype=torch.int64))


@pytest.mark.parametrize("prefix", ["", "backbones.image000."])
def test_our_own_names(tmp_path: Path, prefix: str) -> None:
    backbone, other = made(width=4), made(width=4)
    start(other, 1)
    path = tmp_path / "weights.safetensors"
    save_file({prefix + name: value for name, value in backbone.state_dict().items()} | {"head": torch.ones(2)}, path)
    assert not torch.equal(answers(backbone), answers(other))
    assert load_weights(other, path) == ["head"]
    assert torch.equal(answers(backbone), answers(other))
    assert known_network(path) is None


def test_a_tensor_of_another_shape_is_named(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    save_file(made(width=4).state_dict(), path)
    with pytest.raises(DataError, match=r"another shape: stem.convolution.weight · got \(4, 3, 3, 3\) · allowed: \(8"):
        load_weights(made(width=8), path)


def test_a_tensor_that_is_missing_is_named(tmp_path: Path) -> None:
    path = tmp_path / "weights.npz"
    np.savez(path, **{"stem.convolution.weight": np.zeros((4, 3, 3, 3), np.float32)})
    with pytest.raises(DataError, match=r"lack a tensor of ResNet20 · .* · allowed: stem.norm.weight, of shape \(4,\)"):
        load_weights(made(width=4), path)


def test_a_failed_load_leaves_the_network_as_it_was(tmp_path: Path) -> None:
    backbone = made(width=4)
    before, tensors = answers(backbone), made(width=4).state_dict()
    tensors = {name: torch.zeros_like(value) for name, value in tensors.items()}
    tensors["blocks.8.norms.1.bias"] = torch.zeros(3)
    save_file(tensors, tmp_path / "weights.safetensors")
    with pytest.raises(DataError):
        load_weights(backbone, tmp_path / "weights.safetensors")
    assert torch.equal(answers(backbone), before)


@pytest.mark.parametrize("name", ["weights.npz", "weights.safetensors", "absent.npz", "absent.safetensors"])
def test_what_cannot_be_read_is_said(tmp_path: Path, name: str) -> None:
    if name.startswith("weights"):
        (tmp_path / name).write_bytes(b"PK\x03\x04 nothing of the kind")
    with pytest.raises(DataError, match=r"cannot be read · got .* · allowed: .npz or .safetensors"):
        read_weights(tmp_path / name)


def test_objects_in_a_file_are_refused(tmp_path: Path) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        header = b"\x93NUMPY\x01\x00v\x00{'descr': '|O', 'fortran_order': False, 'shape': (1,), }".ljust(127) + b"\n"
        archive.writestr("code.npy", header + b"cos\nsystem\n(S'true'\ntR.")
    (tmp_path / "weights.npz").write_bytes(content.getvalue())
    with pytest.raises(DataError, match="Object arrays cannot be loaded"):
        read_weights(tmp_path / "weights.npz")


# --- published weights --------------------------------------------------------------------------------------------


def published(path: Path, slot: Slot) -> tuple[Backbone, list[str]]:
    known = known_network(path)
    assert known is not None
    backbone = made(known.pop("name"), slot, **known)
    return backbone, load_weights(backbone, path)


@pytest.mark.data
@pytest.mark.parametrize(("name", "least"), [("resnet20", 0.80), ("resnet56", 0.84)])
def test_cifar_networks_know_training_pictures(shared_data: Path, name: str, least: float) -> None:
    path = shared_data / "weights_cifar_resnet" / f"{name}_cifar10.npz"
    backbone, unused = published(path, Slot("photo", "value", "image", shape=(32, 32, 3)))
    assert unused == ["linear.weight", "linear.bias"]
    weights, bias = (read_weights(path)[f"linear.{part}"] for part in ("weight", "bias"))
    with zipfile.ZipFile(shared_data / "cifar10" / "cifar10.zip") as archive:
        train = [one for one in archive.namelist() if one.startswith("train/") and one.endswith(".jpg")]
        classes = sorted({one.split("/")[1] for one in train})
        names = [f"train/{label}/{place:04}.jpg" for label in classes for place in range(30)]
        pictures = np.stack([np.array(Image.open(io.BytesIO(archive.read(one))).convert("RGB")) for one in names])
    with torch.no_grad():
        vectors = backbone(torch.from_numpy(pictures), torch.ones(len(names), dtype=torch.int64))
    found = F.linear(vectors, weights, bias).argmax(1)
    assert (found == torch.arange(10).repeat_interleave(30)).float().mean() > least


@pytest.mark.data
def test_squeezenet_sees_a_temple(shared_data: Path) -> None:
    folder = shared_data / "weights_squeezenet"
    path = folder / "squeezenet_v1_0_imagenet.npz"
    picture = torch.from_numpy(load_sample_image("china.jpg").copy())[None]
    backbone, unused = published(path, Slot("photo", "value", "image", shape=tuple(picture.shape[1:])))
    assert unused == ["conv_final.weight", "conv_final.bias"]
    last = read_weights(path)
    with torch.no_grad():
        maps, _ = backbone.maps(backbone.pixels(picture), None)  # type: ignore[operator]
        assert maps.shape == (1, 512, 13, 13)
        scores = F.conv2d(maps, last["conv_final.weight"], last["conv_final.bias"], padding=1).relu().mean((2, 3))
    names = (folder / "imagenet_class_names.txt").read_text(encoding="utf-8").splitlines()
    best = " ".join(names[place] for place in scores[0].topk(3).indices.tolist())
    assert "bell cote" in best and "stupa" in best
