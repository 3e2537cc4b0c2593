"""Weights from files, told by the names of their tensors: Lamina's own, and those of networks from elsewhere.

Arrays of numbers are all that is ever read: .npz without pickled objects, or safetensors.
"""

from __future__ import annotations

import dataclasses
import re
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional

from lamina.backbones.base import Backbone
from lamina.errors import DataError, some

__all__ = ["known_network", "load_weights", "read_weights"]

Tensors = Mapping[str, Tensor]

HEAD_WIDTH = 64  # of every published ViT; nothing in the tensors tells it

# A block by its stage and its place there, however it is spelt; or the layer between two stages, which comes first.
BLOCK = re.compile(r"(?:layer|encoder\.stages\.)(\d+)\.(?:(?:layers\.)?(\d+)|downsampling_layer)\.")


@dataclasses.dataclass(frozen=True)
class _Layout:
    """What one kind of network calls its tensors.

    Attributes:
        sign: a name that only such files have.
        rules: (pattern, replacement) for the beginnings of names, blocks numbered through as ``blocks.0.`` already.
        about: our name and settings for such a network, from its tensors.
        prefix: what all names may begin with.
        first: number of the first block.
    """

    sign: str
    rules: tuple[tuple[str, str], ...]
    about: Callable[[Tensors], dict[str, Any]]
    prefix: str = ""
    first: int = 0


# --- for which network --------------------------------------------------------------------------------------------


def _counts(tensors: Tensors) -> list[int]:
    """Blocks of each stage."""
    found = {match.groups() for name in tensors if (match := BLOCK.match(name)) and match[2] is not None}
    stages = [int(stage) for stage, _ in found]
    return [stages.count(stage) for stage in sorted(set(stages))]


def _resnet(tensors: Tensors) -> dict[str, Any]:
    counts = _counts(tensors)
    if len(counts) == 3:
        shortcut = "projection" if "layer2.0.downsample.0.weight" in tensors else "zeros"
        return {"name": f"resnet{6 * counts[0] + 2}", "input": "imagenet", "resize": 32, "shortcut": shortcut}
    deep = {"layer1.0.conv3.weight", "encoder.stages.0.layers.0.layer.2.convolution.weight"} & set(tensors)
    layers = 2 + (3 if deep else 2) * sum(counts)
    return {"name": f"resnet{layers}", "input": "imagenet", "resize": 224, "stem": "large"}


def _squeezenet(tensors: Tensors) -> dict[str, Any]:
    width = len(tensors["fire2.conv1x1_1.bias"])
    return {"name": "squeezenet", "input": "caffe", "resize": 227, "stem": "large", "width": width}


def _convnext(tensors: Tensors) -> dict[str, Any]:
    width, counts = len(tensors["embeddings.layernorm.bias"]), _counts(tensors)
    form = {"width": width, "depth": counts[0], "third": counts[2] // counts[0], "patch": 4}
    return {"name": "convnext", "input": "imagenet", "resize": 224, **form}


def _vit(tensors: Tensors) -> dict[str, Any]:
    width, _, patch, _ = tensors["embeddings.patch_embeddings.projection.weight"].shape
    side = round((tensors["embeddings.position_embeddings"].shape[1] - 1) ** 0.5) * patch
    depth = sum(name.endswith("layernorm_after.bias") for name in tensors)
    form = {"width": width, "depth": depth, "heads": max(1, width // HEAD_WIDTH), "patch": patch}
    return {"name": "vit", "input": "signed", "resize": side, **form}


_LAYOUTS = (
    _Layout(  # torchvision and timm; akamaster/pytorch_resnet_cifar10 for the small form
        sign="layer1.0.conv1.weight",
        rules=(
            (r"conv1\.", "stem.convolution."),
            (r"bn1\.", "stem.norm."),
            *((rf"(blocks\.\d+)\.conv{place}\.", rf"\1.convolutions.{place - 1}.") for place in (1, 2, 3)),
            *((rf"(blocks\.\d+)\.bn{place}\.", rf"\1.norms.{place - 1}.") for place in (1, 2, 3)),
            (r"(blocks\.\d+)\.downsample\.", r"\1.shortcut."),
        ),
        about=_resnet,
    ),
    _Layout(  # the transformers library
        sign="embedder.embedder.convolution.weight",
        rules=(
            (r"embedder\.embedder\.convolution\.", "stem.convolution."),
            (r"embedder\.embedder\.normalization\.", "stem.norm."),
            (r"(blocks\.\d+)\.layer\.(\d)\.convolution\.", r"\1.convolutions.\2."),
            (r"(blocks\.\d+)\.layer\.(\d)\.normalization\.", r"\1.norms.\2."),
            (r"(blocks\.\d+)\.shortcut\.convolution\.", r"\1.shortcut.0."),
            (r"(blocks\.\d+)\.shortcut\.normalization\.", r"\1.shortcut.1."),
        ),
        about=_resnet,
        prefix="resnet.",
    ),
    _Layout(  # songhan/SqueezeNet-Deep-Compression
        sign="fire9.conv1x1_1.weight",
        rules=(
            (r"conv1\.", "stem."),
            *((rf"fire{place + 2}\.conv1x1_1\.", f"fires.{place}.squeeze.") for place in range(8)),
            *((rf"fire{place + 2}\.conv1x1_2\.", f"fires.{place}.narrow.") for place in range(8)),
            *((rf"fire{place + 2}\.conv3x3_2\.", f"fires.{place}.wide.") for place in range(8)),
        ),
        about=_squeezenet,
    ),
    _Layout(  # the transformers library
        sign="encoder.stages.0.layers.0.dwconv.weight",
        rules=(
            (r"embeddings\.patch_embeddings\.", "blocks.0.patches."),
            (r"embeddings\.layernorm\.", "blocks.0.after."),
            (r"(blocks\.\d+)\.0\.", r"\1.before."),
            (r"(blocks\.\d+)\.1\.", r"\1.patches."),
            (r"(blocks\.\d+)\.layer_scale_parameter$", r"\1.scale"),
            (r"(blocks\.\d+)\.dwconv\.", r"\1.depthwise."),
            (r"(blocks\.\d+)\.layernorm\.", r"\1.norm."),
            (r"(blocks\.\d+)\.pwconv1\.", r"\1.expand."),
            (r"(blocks\.\d+)\.pwconv2\.", r"\1.reduce."),
            (r"layernorm\.", "norm."),
        ),
        about=_convnext,
        prefix="convnext.",
        first=1,
    ),
    _Layout(  # the transformers library: the names of files on the hub, and those that its version 5 writes
        sign="embeddings.patch_embeddings.projection.weight",
        rules=(
            (r"embeddings\.cls_token$", "words.first"),
            (r"embeddings\.position_embeddings$", "words.positions"),
            (r"embeddings\.patch_embeddings\.projection\.", "patches."),
            (r"(?:encoder\.layer|layers)\.(\d+)\.layernorm_before\.", r"blocks.\1.norm_attention."),
            (r"(?:encoder\.layer|layers)\.(\d+)\.layernorm_after\.", r"blocks.\1.norm_feed."),
            (r"encoder\.layer\.(\d+)\.attention\.attention\.query\.", r"blocks.\1.attention.query."),
            (r"encoder\.layer\.(\d+)\.attention\.attention\.key\.", r"blocks.\1.attention.key."),
            (r"encoder\.layer\.(\d+)\.attention\.attention\.value\.", r"blocks.\1.attention.value."),
            (r"encoder\.layer\.(\d+)\.attention\.output\.dense\.", r"blocks.\1.attention.out."),
            (r"encoder\.layer\.(\d+)\.intermediate\.dense\.", r"blocks.\1.feed.0."),
            (r"encoder\.layer\.(\d+)\.output\.dense\.", r"blocks.\1.feed.3."),
            (r"layers\.(\d+)\.attention\.q_proj\.", r"blocks.\1.attention.query."),
            (r"layers\.(\d+)\.attention\.k_proj\.", r"blocks.\1.attention.key."),
            (r"layers\.(\d+)\.attention\.v_proj\.", r"blocks.\1.attention.value."),
            (r"layers\.(\d+)\.attention\.o_proj\.", r"blocks.\1.attention.out."),
            (r"layers\.(\d+)\.mlp\.fc1\.", r"blocks.\1.feed.0."),
            (r"layers\.(\d+)\.mlp\.fc2\.", r"blocks.\1.feed.3."),
            (r"layernorm\.", "norm."),
        ),
        about=_vit,
        prefix="vit.",
    ),
)


def known_network(path: Path) -> dict[str, Any] | None:
    """The backbone that a file of weights is for, as name and settings; None if its names are not known.

    Raises:
        DataError: if the file cannot be read.
    """
    found = _layout_of(read_weights(path))
    return None if found is None else found[0].about(found[1])


def _layout_of(tensors: Tensors) -> tuple[_Layout, Tensors] | None:
    """The layout of these tensors, and the tensors without its prefix."""
    for layout in _LAYOUTS:
        plain = {name.removeprefix(layout.prefix): tensor for name, tensor in tensors.items()}
        if layout.sign in plain:
            return layout, plain
    return None


# --- reading ------------------------------------------------------------------------------------------------------


def read_weights(path: Path) -> dict[str, Tensor]:
    """The tensors of a file, .npz or .safetensors; of a folder those of its ``model.safetensors``.

    Raises:
        DataError: if it cannot be read, or holds anything but arrays of numbers.
    """
    path = Path(path)
    path = path / "model.safetensors" if path.is_dir() else path
    try:
        if path.suffix != ".npz":
            return load_file(path)
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as arrays:
            return {name: torch.from_numpy(arrays[name]) for name in arrays.files}
    except (OSError, ValueError, TypeError, EOFError, zipfile.BadZipFile, SafetensorError) as error:
        raise DataError(
            f"the weights {path} cannot be read", got=str(error).split("\n")[0], allowed=".npz or .safetensors"
        ) from error


# --- loading ------------------------------------------------------------------------------------------------------


def load_weights(backbone: Backbone, path: Path) -> list[str]:
    """Load weights from a file into a backbone.

    Args:
        backbone: built as :func:`known_network` says, or as the run was whose weights they are.
        path: .npz or .safetensors with names of a known network, of the backbone itself, or of a run's model.

    Returns:
        The names in the file that were not used, such as the head's.

    Raises:
        DataError: if the file cannot be read, lacks a tensor that the backbone needs, or has one of another shape.

    Example:
        >>> import tempfile
        >>> from safetensors.torch import save_file
        >>> from lamina.backbones.bag import Bag
        >>> from lamina.features.base import Slot
        >>> bag = Bag(Slot("text", "value", "tokens", size=9), Bag.Settings(width=4))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     save_file(bag.state_dict() | {"head": torch.zeros(1)}, f"{folder}/bag.safetensors")
        ...     load_weights(bag, Path(folder) / "bag.safetensors")
        ['head']
    """
    tensors = read_weights(path)
    wanted = backbone.state_dict()
    ours = _our_names(tensors, wanted)
    found = _joined({ours[name]: tensor for name, tensor in tensors.items() if name in ours})
    for name, value in wanted.items():
        if name.endswith("num_batches_tracked"):
            found.setdefault(name, torch.zeros_like(value))
        if name not in found:
            raise DataError(
                f"the weights {path} lack a tensor of {type(backbone).__name__}",
                got=some(tensors),
                allowed=f"{name}, of shape {tuple(value.shape)}",
                do="take the weights of the same network, with the same settings",
            )
        found[name] = _fitted(found[name], value, name, backbone)
        if found[name].shape != value.shape:
            theirs = next((one for one in ours if ours[one] == name), name)
            raise DataError(
                f"the weights {path} are of another shape: {theirs}",
                got=tuple(found[name].shape),
                allowed=tuple(value.shape),
                do="build the network with the settings of the weights (its width, depth, and input for the channels)",
            )
    backbone.load_state_dict({name: found[name] for name in wanted})
    return [
        name
        for name in tensors
        if _whole(ours.get(name, "")) not in wanted and not name.endswith("num_batches_tracked")
    ]


def _our_names(tensors: Tensors, wanted: Tensors) -> dict[str, str]:
    """Our name for each tensor in a file that has one; queries, keys and values still apart."""
    known = _layout_of(tensors)
    if known is None:
        prefix = _own_prefix(tensors, wanted)
        return {name: name.removeprefix(prefix) for name in tensors}
    layout, plain = known
    blocks = _numbered(plain, layout.first)
    ours = {}
    for name, short in zip(tensors, plain, strict=True):
        block = BLOCK.match(short)
        through = blocks[block[0]] + short[block.end() :] if block else short
        rule = next((rule for rule in layout.rules if re.match(rule[0], through)), None)
        if rule is not None:
            ours[name] = re.sub(*rule, through, count=1)
    return ours


def _own_prefix(tensors: Tensors, wanted: Tensors) -> str:
    """What stands before the backbone's own names, as ``backbones.image000.`` does in a run."""
    first = next(iter(wanted), "")
    prefixes = [name.removesuffix(first) for name in tensors if name == first or name.endswith(f".{first}")]
    return next((prefix for prefix in prefixes if all(prefix + name in tensors for name in wanted)), "")


def _numbered(tensors: Tensors, first: int) -> dict[str, str]:
    """The beginning of each block's names, by stage and place -> ``blocks.0.``, numbered through."""
    found = {match[0]: (int(match[1]), int(match[2] or -1)) for name in tensors if (match := BLOCK.match(name))}
    order = sorted(found, key=lambda beginning: found[beginning])
    return {beginning: f"blocks.{first + place}." for place, beginning in enumerate(order)}


def _whole(name: str) -> str:
    """The tensor that holds a query, key or value: ours has all three in one."""
    return re.sub(r"\.attention\.(query|key|value)\.", ".attention.query_key_value.", name)


def _joined(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Queries, keys and values of a layer in one tensor."""
    joined = dict(tensors)
    for name in tensors:
        parts = [name.replace(".attention.query.", f".attention.{part}.") for part in ("query", "key", "value")]
        if ".attention.query." in name and all(part in tensors for part in parts):
            joined[_whole(name)] = torch.cat([joined.pop(part) for part in parts])
    return joined


def _fitted(tensor: Tensor, wanted: Tensor, name: str, backbone: Backbone) -> Tensor:
    """A tensor without axes of length 1 that ours lacks; learned positions in another grid are interpolated."""
    while tensor.ndim > wanted.ndim and tensor.shape[0] == 1:
        tensor = tensor[0]
    grid = getattr(backbone, "grid", None)
    if name != "words.positions" or grid is None or tensor.shape == wanted.shape or tensor.ndim != 2:
        return tensor
    side = round((len(tensor) - 1) ** 0.5)
    if side * side != len(tensor) - 1:
        return tensor
    cells = tensor[1:].T.unflatten(1, (side, side))[None]  # (1, width, side, side)
    spread = functional.interpolate(cells, grid, mode="bicubic", align_corners=False)[0].flatten(1).T
    return torch.cat([tensor[:1], spread])
