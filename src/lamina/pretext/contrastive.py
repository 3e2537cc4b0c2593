"""Contrastive pairs: know two views of one picture among those of others (SimCLR, Chen et al. 2020)."""

from __future__ import annotations

from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lamina.augment.draws import Draws
from lamina.augment.pictures import augment_pictures
from lamina.augment.settings import PictureSettings
from lamina.backbones.base import Backbone
from lamina.config import setting, settings
from lamina.features.base import Slot
from lamina.nn.linear import Linear
from lamina.pretext.base import Pretext, shared_out

__all__ = ["Contrastive", "ContrastiveSettings"]


@settings
class ContrastiveSettings:
    """What two views of a picture have in common, and how they are compared."""

    crop: float = setting(0.3, "Smallest share of the area that a view shows.", gt=0, le=1)
    flip: Literal["none", "horizontal", "vertical", "both"] = setting(
        "horizontal", "What is exchanged in half of the views: left and right, top and bottom."
    )
    colour: float = setting(0.4, "Most by which light, contrast and colour differ from the picture's.", ge=0, le=1)
    erase: float = setting(0.0, "Share of the views in which noise covers a rectangle.", ge=0, le=1)
    temperature: float = setting(0.2, "By what likenesses are divided; small: near neighbours count most.", gt=0)
    width: int = setting(64, "Width of the vectors that are compared.", ge=1)


class Contrastive(Pretext):
    """Two views of each picture; of all other views in the batch, each is to be most like its twin (NT-Xent).

    For views i and j of a picture, with s the cosine of their vectors and t the temperature, the loss of i is

        -log( exp(s_ij / t) / sum over k other than i of exp(s_ik / t) )

    Shape:
        image (B, H, W, C) -> (B,)
    """

    Settings = ContrastiveSettings
    groups = ("image",)

    def __init__(self, backbone: Backbone, slot: Slot, settings: ContrastiveSettings) -> None:
        super().__init__(backbone, slot, settings)
        self.temperature = settings.temperature
        colours: dict[str, Any] = {"saturation": settings.colour, "hue": settings.colour / 4}
        self.view = PictureSettings(
            flip=settings.flip,
            crop=0.0,
            resized_crop=settings.crop,
            brightness=settings.colour,
            contrast=settings.colour,
            erase=settings.erase,
            **colours if slot.shape[-1] == 3 else {},
        )
        self.project = nn.Sequential(
            Linear(backbone.width, backbone.width, bias=False),
            nn.BatchNorm1d(backbone.width),
            nn.ReLU(),
            Linear(backbone.width, settings.width),
        )

    def forward(self, backbone: Backbone, values: Tensor, lengths: Tensor) -> Tensor:
        count = len(values)
        draws = Draws(self.generator(), 2 * count, device=values.device)
        views = augment_pictures(torch.cat([values, values]), draws, self.view)  # (2 B, H, W, C)
        vectors = F.normalize(self.project(backbone(views, torch.cat([lengths, lengths]))).float(), dim=1)
        alike = vectors @ vectors.T / self.temperature  # (2 B, 2 B)
        alike.fill_diagonal_(-torch.inf)  # nothing is compared with itself
        twin = torch.arange(2 * count, device=values.device).roll(count)
        losses = F.cross_entropy(alike, twin, reduction="none").view(2, count).mean(0)
        return shared_out(losses, lengths > 0)
