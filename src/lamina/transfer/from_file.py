"""Weights of networks that are known by the names in their files."""

from __future__ import annotations

import functools
from pathlib import Path

from lamina.backbones.base import Backbone
from lamina.backbones.weights import known_network, load_weights
from lamina.errors import UsageError
from lamina.transfer.origin import Origin

__all__ = ["of_file"]


def of_file(path: Path) -> list[Origin]:
    """The network of a file, for pictures.

    Args:
        path: .npz or .safetensors.

    Raises:
        DataError: if the file cannot be read.
        UsageError: if no known network has tensors of such names.
    """
    known = known_network(path)
    if known is None:
        raise UsageError(
            f"the weights {path} are of no network that is known by its tensors' names",
            allowed="names as of torchvision or the transformers library: ResNets, ConvNeXt, ViT; SqueezeNet 1.0",
            do="name the run or the folder that they come from",
        )
    usual = {"size": known["resize"]} if "resize" in known else {}
    return [Origin(str(path), "image", known, functools.partial(_load, path=path), usual=usual)]


def _load(backbone: Backbone, path: Path) -> None:
    load_weights(backbone, path)  # what it leaves is the head of another task
