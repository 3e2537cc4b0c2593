"""What happens to a batch of rows in training: each wide column by the settings of its group."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from lamina.augment.draws import Draws
from lamina.augment.frames import augment_frames
from lamina.augment.pictures import augment_pictures
from lamina.augment.settings import (
    AugmentSettings,
    settings_of,
)
from lamina.augment.text import augment_tokens
from lamina.features.layout import Layout

__all__ = ["Augment", "make_augment"]


class Augment:
    """Augmentation of whole batches, as a function of the generator's seed alone.

    Args:
        layout: the inputs; plain ones stay as they are.
        settings: what to do.
        flips: name of a wide array -> whether auto may exchange left and right, and top and bottom; see
            :func:`lamina.augment.safe.safe_flips`. A name that is missing may neither.

    Example:
        >>> from lamina.augment.settings import AugmentSettings
        >>> from lamina.features.base import Slot
        >>> layout = Layout.of([Slot("photo", "value", "image", shape=(8, 8, 1))])
        >>> inputs = {"image000": torch.ones(2, 8, 8, 1, dtype=torch.uint8), "image000.length": torch.tensor([1, 0])}
        >>> out = Augment(layout, AugmentSettings())(inputs, torch.Generator().manual_seed(7))
        >>> out["image000"].shape, int(out["image000"][1].sum())
        (torch.Size([2, 8, 8, 1]), 0)
    """

    def __init__(
        self, layout: Layout, settings: AugmentSettings, flips: Mapping[str, tuple[bool, bool]] | None = None
    ) -> None:
        self.flips = dict(flips or {})
        found = {name: (slot.group, settings_of(slot, settings)) for name, slot in layout.wide_by_name.items()}
        self.columns = {name: both for name, both in found.items() if both[1] is not None}

    def __call__(self, inputs: Mapping[str, Tensor], generator: torch.Generator) -> dict[str, Tensor]:
        """The batch as it goes to the network; the tensors that were given stay as they were.

        Args:
            inputs: of a batch, as :class:`lamina.data.batches.Batch` has them.
            generator: seeded by (seed, step), and the only source of chance.

        Returns:
            the same names and shapes; bytes of pictures may have become float32 from 0 to 255.
        """
        out = dict(inputs)
        for name, (group, chosen) in self.columns.items():
            values, lengths = inputs[name], inputs[f"{name}.length"]
            if values.numel():
                out[name], out[f"{name}.length"] = self._column(name, group, chosen, values, lengths, generator)
        return out

    def _column(
        self, name: str, group: str, settings: Any, values: Tensor, lengths: Tensor, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """One wide column: its values and their lengths."""
        draws = Draws(generator, len(values), values.shape[1] if group == "clip" else 1, values.device)
        if group == "tokens":
            return augment_tokens(values, lengths, draws, settings)
        if group == "frames":
            values, lengths = augment_frames(values, lengths, draws, settings)
            return _emptied(values, lengths), lengths
        pictures = values.flatten(0, 1) if group == "clip" else values
        pictures = augment_pictures(pictures, draws, settings, self.flips.get(name, (False, False)))
        if group == "clip":
            return _emptied(pictures.view(values.shape), lengths), lengths
        return _emptied(pictures[:, None], lengths)[:, 0], lengths


def _emptied(values: Tensor, lengths: Tensor) -> Tensor:
    """Zeros after the end of each row: (B, T, ...), (B,) -> (B, T, ...)."""
    longest = values.shape[1]
    if bool((lengths >= longest).all()):
        return values
    there = torch.arange(longest, device=values.device) < lengths[:, None]
    return values * there.view(*there.shape, *[1] * (values.ndim - 2))


def make_augment(
    layout: Layout, settings: AugmentSettings, flips: Mapping[str, tuple[bool, bool]] | None = None
) -> Augment | None:
    """The augmentation of a table's batches, or None where it would leave them as they are.

    Raises:
        SettingError: if a group has no such setting, or its value is out of bounds.
    """
    augment = Augment(layout, settings, flips)
    return augment if augment.columns else None
