"""What there is to choose from: architectures and known weights, with paper, size, licence and a measured score."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch

from lamina.backbones import BACKBONES
from lamina.decoders import DECODERS
from lamina.errors import UsageError, nearest
from lamina.features.base import Slot
from lamina.features.layout import Layout
from lamina.files import read_json
from lamina.models import MODELS

__all__ = ["KINDS", "catalogue"]

# Data as people call it -> the group of slots.
KINDS = {"image": "image", "text": "tokens", "frames": "frames", "clip": "clip", "number": "number"}

# What the sizes are counted for: small pictures, texts of up to 1,000 tokens out of 1,000, sounds of 64 bands.
TYPICAL = {
    "image": Slot("x", "value", "image", shape=(32, 32, 3)),
    "tokens": Slot("x", "value", "tokens", size=1000, length=1000),
    "frames": Slot("x", "value", "frames", shape=(64,), length=100),
    "clip": Slot("x", "value", "clip", shape=(32, 32, 3), length=16),
    "number": Slot("x", "value", "number", knots=tuple(place / 64 for place in range(65))),
}
NUMBERS = 10  # columns of a typical table
# What models give that read no columns -> what they learn from, of a thousand tokens or 88 keys.
ALONE = {"next": ("text", 1000), "dialogue": ("text", 1000), "steps": ("music", 88)}
READS = {"transcriber": ["image", "frames"]}  # models that read wide columns of some kinds alone
MEMORY = 128  # width of the places that a typical decoder looks at

OURS = "Apache-2.0"
SCORES = Path(__file__).parents[1] / "backbones" / "scores.json"

# Papers of those that share a file, or have it told of several.
PAPERS = {
    "rnn": "Elman 1990",
    "lstm": "Hochreiter and Schmidhuber 1997",
    "gru": "Cho et al. 2014",
    "wideresnet": "Zagoruyko and Komodakis 2016",
    "gpt2": "Radford et al. 2019",
    "pretrained": "",
}
PAPER = re.compile(r"[A-Z][\w'-]+(?: et al\.| and [A-Z][\w'-]+)?,? (?:19|20)\d\d")

# Weights from elsewhere whose tensors are known by their names: name, backbone, where they come from, licence of it.
WEIGHTS = (
    ("resnet, torchvision", "resnet18", "torchvision, timm (ImageNet)", "BSD-3, Apache-2.0"),
    ("resnet, transformers", "resnet18", "microsoft/resnet-* (ImageNet)", "Apache-2.0"),
    ("resnet, CIFAR-10", "resnet20", "akamaster/pytorch_resnet_cifar10", "BSD-2-Clause"),
    ("squeezenet 1.0", "squeezenet", "songhan/SqueezeNet-Deep-Compression", "BSD"),
    ("convnext, transformers", "convnext", "facebook/convnext-* (ImageNet)", "Apache-2.0"),
    ("vit, transformers", "vit", "google/vit-* (ImageNet)", "Apache-2.0"),
)
ANY = ("any transformers model", "pretrained", "a folder, or OWNER/NAME on the hub", "see its page")


def catalogue(kind: str | None = None) -> list[dict[str, Any]]:
    """Everything that can be named as a model, a backbone or a decoder, or that ``--weights`` knows by its tensors.

    Args:
        kind: ``image``, ``text``, ``frames``, ``clip`` or ``number``; all if None.

    Returns:
        JSON values, one each: ``name``, ``part`` ("model", "backbone", "decoder" or "weights"), ``reads`` (kinds of
        data), ``parameters`` (kind -> how many weights at the default settings for a typical column, without a head),
        ``paper``, ``licence``, ``source`` (of weights) and ``score`` (data set -> measured figure; empty if none was).

    Raises:
        UsageError: if there is no such kind of data.

    Example:
        >>> [row["name"] for row in catalogue("number")][:2]
        ['tabm', 'mlp']
    """
    if kind is not None and kind not in KINDS:
        raise UsageError("no such kind of data", got=kind, allowed=", ".join(KINDS), do=nearest(kind, KINDS))
    scores = read_json(SCORES)
    rows = [*_models(), *_backbones(), *_decoders(), *_weights()]
    return [
        # A decoder may have the name of a backbone, which the scores are of.
        {**row, "score": scores.get(row["name"], {}) if row["part"] != "decoder" else {}}
        for row in rows
        if kind is None or kind in row["reads"]
    ]


def _models() -> Iterator[dict[str, Any]]:
    """Networks over whole rows."""
    layout = Layout.of([TYPICAL["number"]] * NUMBERS)
    for name in MODELS:
        cls = MODELS[name]
        if cls.gives in ALONE:
            kind, outputs = ALONE[cls.gives]
            with torch.device("meta"):
                size = {kind: _size(cls(Layout.of([]), outputs, cls.Settings()))}
            yield _row(name, "model", [kind], size, _paper(name, cls))
            continue
        size = {} if cls.reads_wide else {"number": _size(cls(layout, 1, cls.Settings()))}
        reads = READS.get(name, ["number", *(kind for kind in KINDS if kind != "number")])
        yield _row(name, "model", reads if cls.reads_wide else ["number"], size, _paper(name, cls))


def _backbones() -> Iterator[dict[str, Any]]:
    """Networks over one column."""
    for name in BACKBONES:
        cls = BACKBONES[name]
        reads = [kind for kind, group in KINDS.items() if group in cls.groups]
        size = {}
        if name != "pretrained":  # its size is that of the weights
            with torch.device("meta"):  # counted, and not made
                size = {kind: _size(cls(TYPICAL[KINDS[kind]], cls.Settings())) for kind in reads}
        yield _row(name, "backbone", reads, size, _paper(name, cls))


def _decoders() -> Iterator[dict[str, Any]]:
    """Networks that write a text: from a memory, where they read one."""
    for name in DECODERS:
        cls = DECODERS[name]
        with torch.device("meta"):
            size = _size(cls(TYPICAL["tokens"].size, MEMORY if cls.reads_memory else None, cls.Settings()))
        yield _row(name, "decoder", ["text"], {"text": size}, _paper(name, cls))


def _weights() -> Iterator[dict[str, Any]]:
    """Pre-trained weights."""
    for name, backbone, source, licence in (*WEIGHTS, ANY):
        groups = ("image", "tokens") if backbone == "pretrained" else ("image",)
        reads = [kind for kind, group in KINDS.items() if group in groups]
        paper = _paper(backbone, BACKBONES[backbone])
        yield {**_row(name, "weights", reads, {}, paper), "licence": licence, "source": source}


def _row(name: str, part: str, reads: list[str], parameters: Mapping[str, int], paper: str) -> dict[str, Any]:
    return {
        "name": name,
        "part": part,
        "reads": reads,
        "parameters": dict(parameters),
        "paper": paper,
        "licence": OURS,
        "source": "",
    }


def _size(module: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def _paper(name: str, cls: type) -> str:
    """The first paper that the file names, where none is told above."""
    if name in PAPERS:
        return PAPERS[name]
    text = " ".join((inspect.getdoc(sys.modules[cls.__module__]) or "").split())
    found = PAPER.search(text)
    return found[0].replace(",", "") if found else ""
