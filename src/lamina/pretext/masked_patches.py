"""Masked patches: paint what is hidden of a picture (SimMIM, Xie et al. 2022; after MAE, He et al. 2022)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from lamina.backbones.base import Backbone
from lamina.config import setting, settings
from lamina.features.base import Slot
from lamina.nn.linear import Linear
from lamina.nn.wide import Pixels
from lamina.pretext.base import Pretext, shared_out

__all__ = ["MaskedPatches", "MaskedPatchesSettings", "grid"]


@settings
class MaskedPatchesSettings:
    """What is hidden."""

    share: float = setting(0.5, "Share of the patches that are hidden.", gt=0, lt=1)
    cells: int = setting(7, "Patches on the shorter side of a picture.", ge=2, le=64)


class MaskedPatches(Pretext):
    """Square patches are painted over with the mean colour, and their pixels guessed from the last feature map.

    Each cell of the map paints a square of pixels by one linear layer; together they are brought to the picture's size.
    Only hidden pixels are judged, by their distance in standardised units. It asks nothing of the backbone but its
    sequence, so any can be trained so.

    Shape:
        image (B, H, W, C) -> (B,)
    """

    Settings = MaskedPatchesSettings
    groups = ("image",)

    def __init__(self, backbone: Backbone, slot: Slot, settings: MaskedPatchesSettings) -> None:
        super().__init__(backbone, slot, settings)
        self.share = settings.share
        height, width, channels = slot.shape
        self.patch = max(1, min(height, width) // settings.cells)
        self.pixels = Pixels(slot)
        self.cells = grid(_places(backbone, slot), height / width)
        self.square = max(1, round(height / self.cells[0]))
        self.paint = Linear(backbone.width, self.square**2 * channels)

    def forward(self, backbone: Backbone, values: Tensor, lengths: Tensor) -> Tensor:
        hidden = self.hidden(values)  # (B, H, W)
        shown = torch.where(hidden[..., None], self.pixels.centre, values.to(torch.float32))
        sequence, _ = backbone.sequence(shown, lengths)
        cells = self.paint(sequence).mT.unflatten(2, self.cells)  # (B, square^2 * C, h, w)
        painted = F.interpolate(F.pixel_shuffle(cells.float(), self.square), values.shape[1:3], mode="bilinear")
        losses = (painted - self.pixels(values)).abs().mean(1)  # (B, H, W)
        return shared_out(losses, hidden & (lengths > 0)[:, None, None])

    def hidden(self, values: Tensor) -> Tensor:
        """Which pixels are hidden, (B, H, W) bool."""
        count, height, width, _ = values.shape
        sides = -(-height // self.patch), -(-width // self.patch)
        patches = torch.rand((count, *sides), generator=self.generator()) < self.share
        pixels = patches.repeat_interleave(self.patch, 1).repeat_interleave(self.patch, 2)
        return pixels[:, :height, :width]


def _places(backbone: Backbone, slot: Slot) -> int:
    """Cells of the last feature map."""
    was_training = backbone.training
    backbone.eval()
    with torch.no_grad():
        sequence, _ = backbone.sequence(torch.zeros(1, *slot.shape), torch.ones(1, dtype=torch.int64))
    backbone.train(was_training)
    return sequence.shape[1]


def grid(places: int, slant: float) -> tuple[int, int]:
    """Rows and columns of so many cells, as near as can be to a height of ``slant`` times the width.

    Example:
        >>> grid(12, 1.0), grid(12, 3.0)
        ((3, 4), (6, 2))
    """
    pairs = [(rows, places // rows) for rows in range(1, places + 1) if places % rows == 0]
    return min(pairs, key=lambda pair: max(pair[0] / pair[1] / slant, slant * pair[1] / pair[0]))
