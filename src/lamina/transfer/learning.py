"""Which of the pre-trained weights learn on, from which step on, and how fast."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from torch import Tensor, nn

from lamina.backbones.base import Backbone
from lamina.models.mixed import Mixed
from lamina.nn.lora import add_lora, merge_lora
from lamina.transfer.settings import WeightsSettings

__all__ = ["end_learning", "fill", "names_in", "open_later", "prepare_learning"]

# Step sizes as a share of the head's: Transformers forget what they know at those that convolutions need.
RATE, RATE_LINEAR = 0.3, 0.05


def names_in(tensors: Iterable[str]) -> list[str]:
    """The wide slots that have weights to start from: ``image000.stem.weight`` is one of ``image000``."""
    return list(dict.fromkeys(name.partition(".")[0] for name in tensors))


def fill(model: Mixed, tensors: Mapping[str, Tensor]) -> None:
    """Load weights to start from, as :func:`lamina.transfer.origin.start_of` gave them."""
    for name in names_in(tensors):
        own = {key.partition(".")[2]: value for key, value in tensors.items() if key.startswith(f"{name}.")}
        model.backbones[name].load_state_dict(own)


def prepare_learning(model: Mixed, names: Iterable[str], settings: WeightsSettings, seed: int) -> None:
    """Freeze, slow down or add to the backbones that were pre-trained.

    Args:
        model: with its starting weights.
        names: of their slots.
        settings: what learns.
        seed: of the start of what is added.
    """
    for name in names:
        backbone = model.backbones[name]
        assert isinstance(backbone, Backbone)
        parts = len(backbone.by_depth())
        if settings.learn == "lora":
            backbone.requires_grad_(False)
            add_lora(backbone, settings.rank, seed)
            continue
        backbone.freeze({"auto": 0, "all": 0, "last": parts - 1, "head": parts}[settings.learn])
        rate = _rate(backbone) if settings.rate == "auto" else settings.rate
        backbone.rates = tuple(rate * settings.rate_decay ** (parts - 1 - place) for place in range(parts))


def _rate(backbone: Backbone) -> float:
    """The step size of its last part, as a share of the head's."""
    linear = sum(layer.weight.numel() for layer in backbone.modules() if isinstance(layer, nn.Linear))
    most = sum(weight.numel() for weight in backbone.parameters() if weight.ndim > 1) / 2
    return RATE_LINEAR if linear > most else RATE


def open_later(model: Mixed, names: Iterable[str], settings: WeightsSettings, steps: int) -> None:
    """Let the parts that learn begin one after the other, the last one first (gradual unfreezing).

    Args:
        model: after :func:`prepare_learning`.
        names: of the slots of pre-trained backbones.
        settings: how many epochs lie between two parts.
        steps: of an epoch.
    """
    if not settings.unfreeze or settings.learn not in ("auto", "all", "last"):
        return
    for name in names:
        backbone = model.backbones[name]
        assert isinstance(backbone, Backbone)
        parts = len(backbone.by_depth())
        backbone.opens = tuple(
            math.ceil((parts - place) * settings.unfreeze * steps) if place >= backbone.frozen else math.inf
            for place in range(parts)
        )


def end_learning(model: Mixed) -> None:
    """Make the networks plain again: what was added becomes part of their weights, and nothing is frozen."""
    for backbone in model.backbones.values():
        assert isinstance(backbone, Backbone)
        merge_lora(backbone)
        backbone.opens = backbone.rates = ()
        backbone.freeze(0)
