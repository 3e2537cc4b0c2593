"""Rotation: say by how many quarters a picture was turned (Gidaris et al. 2018)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lamina.backbones.base import Backbone
from lamina.config import settings
from lamina.errors import SettingError
from lamina.features.base import Slot
from lamina.pretext.base import Pretext, shared_out

__all__ = ["Rotation", "RotationSettings"]


@settings
class RotationSettings:
    """Nothing to set."""


class Rotation(Pretext):
    """Each picture is turned by none to three quarters, and its class is how many.

    Shape:
        image (B, side, side, C) -> (B,)

    Raises:
        SettingError: if the pictures are not square.
    """

    Settings = RotationSettings
    groups = ("image",)

    def __init__(self, backbone: Backbone, slot: Slot, settings: RotationSettings) -> None:
        super().__init__(backbone, slot, settings)
        height, width, _ = slot.shape
        if height != width:
            raise SettingError(
                "rotation needs square pictures", got=f"{height} x {width}", do="take contrastive or masked_patches"
            )
        self.quarters = nn.Linear(backbone.width, 4)

    def forward(self, backbone: Backbone, values: Tensor, lengths: Tensor) -> Tensor:
        quarters = torch.randint(4, (len(values),), generator=self.generator())
        turned = values.clone()
        for quarter in (1, 2, 3):
            turned[quarters == quarter] = values[quarters == quarter].rot90(quarter, (1, 2))
        said = self.quarters(backbone(turned, lengths)).float()
        return shared_out(F.cross_entropy(said, quarters, reduction="none"), lengths > 0)
