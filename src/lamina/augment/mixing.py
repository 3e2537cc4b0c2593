"""Mix-up (Zhang et al. 2018) and cut-mix (Yun et al. 2019): rows mixed in pairs, and their losses with them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from lamina.augment.settings import AugmentSettings
from lamina.errors import SettingError
from lamina.features.layout import Layout

__all__ = ["Mix", "Mixture", "make_mix"]


class Mixture(NamedTuple):
    """A mixed batch: its loss is weight * loss(raw, targets) + (1 - weight) * loss(raw, targets[partner]).

    Attributes:
        inputs: as of any batch.
        partner: (B,) the row that each was mixed with; itself where one of the two is missing.
        weight: of a row's own part, 0 to 1.
    """

    inputs: dict[str, Tensor]
    partner: Tensor
    weight: float


class Mix:
    """Rows of pictures or sounds mixed in pairs, by one weight a batch. With both strengths, a coin decides.

    Args:
        layout: pictures, or sounds and series, alone: of a word or a category there is no half.
        mix_up: alpha of the Beta distribution of the weights; 0: none.
        cut_mix: the same for rectangles of one picture in another; for a single column of pictures.

    Raises:
        SettingError: if the rows cannot be mixed.

    Example:
        >>> from lamina.features.base import Slot
        >>> mix = Mix(Layout.of([Slot("photo", "value", "image", shape=(4, 4, 1))]), mix_up=1.0)
        >>> inputs = {"image000": torch.full((2, 4, 4, 1), 8.0), "image000.length": torch.ones(2, dtype=torch.long)}
        >>> mixed = mix(inputs, torch.Generator().manual_seed(0))
        >>> bool((mixed.inputs["image000"] - 8).abs().max() < 1e-5)
        True
    """

    def __init__(self, layout: Layout, mix_up: float = 0.0, cut_mix: float = 0.0) -> None:
        groups = [slot.group for slot in layout.wide]
        others = [name for name in layout.columns if name not in {slot.column for slot in layout.wide}]
        if mix_up and (others or not set(groups) <= {"image", "frames"}):
            raise SettingError(
                "augment.mix_up cannot mix these rows", got=f"columns {', '.join(layout.columns)}",
                allowed="rows of pictures, sounds and series alone", do="set augment.mix_up to 0",
            )  # fmt: skip
        if cut_mix and (others or groups != ["image"]):
            raise SettingError(
                "augment.cut_mix cannot mix these rows", got=f"columns {', '.join(layout.columns)}",
                allowed="rows of one picture alone", do="set augment.cut_mix to 0",
            )  # fmt: skip
        self.names = list(layout.wide_by_name)
        self.mix_up, self.cut_mix = mix_up, cut_mix

    def __call__(self, inputs: Mapping[str, Tensor], generator: torch.Generator) -> Mixture:
        """Mix a batch; the tensors that were given stay as they were.

        Args:
            inputs: of a batch, as :class:`lamina.data.batches.Batch` has them, augmented or not.
            generator: seeded by (seed, step), and the only source of chance.
        """
        rows = len(inputs[self.names[0]])
        device = inputs[self.names[0]].device
        partner = torch.randperm(rows, generator=generator, device=generator.device).to(device)
        for name in self.names:
            there = inputs[f"{name}.length"] > 0
            partner = torch.where(there & there[partner], partner, torch.arange(rows, device=device))
        numbers = _numbers(generator)
        cuts = self.cut_mix > 0 and (not self.mix_up or numbers.random() < 0.5)
        alpha = self.cut_mix if cuts else self.mix_up
        weight = float(numbers.beta(alpha, alpha)) if alpha else 1.0
        out = dict(inputs)
        if cuts:
            (name,) = self.names
            out[name], weight = _cut(inputs[name], partner, weight, numbers)
            return Mixture(out, partner, weight)
        for name in self.names:
            values = inputs[name].to(torch.float32)
            out[name] = values[partner].lerp(values, weight)
            lengths = inputs[f"{name}.length"]
            out[f"{name}.length"] = torch.maximum(lengths, lengths[partner])
        return Mixture(out, partner, weight)


def _numbers(generator: torch.Generator) -> np.random.Generator:
    """A source of single numbers that follows from the batch's generator: PyTorch's has no Beta distribution."""
    seed = torch.randint(2**62, (), generator=generator, device=generator.device)
    return np.random.Generator(np.random.Philox(key=int(seed)))


def _cut(pictures: Tensor, partner: Tensor, weight: float, numbers: np.random.Generator) -> tuple[Tensor, float]:
    """Put a rectangle of each row's partner into it; returns the share that stays, too: (B, H, W, C)."""
    height, width = pictures.shape[1:3]
    side = math.sqrt(1 - weight)
    edges = []
    for size in (height, width):
        middle, half = numbers.random() * size, side * size / 2
        edges.append((round(max(middle - half, 0)), round(min(middle + half, size))))
    (top, bottom), (left, right) = edges
    out = pictures.clone()
    out[:, top:bottom, left:right] = pictures[partner, top:bottom, left:right]
    return out, 1 - (bottom - top) * (right - left) / (height * width)


def make_mix(layout: Layout, settings: AugmentSettings) -> Mix | None:
    """The mixing of a table's batches, or None where none is asked for.

    Raises:
        SettingError: if it is asked for, and the rows cannot be mixed.
    """
    asked = settings.mix_up or settings.cut_mix
    return Mix(layout, settings.mix_up, settings.cut_mix) if asked else None
