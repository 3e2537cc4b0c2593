"""The network that is pre-trained: the backbones of a mixed model, each with its pretext."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lamina.features.layout import Layout
from lamina.models.mixed import MixedSettings, backbone_of
from lamina.pretext.settings import PretextSettings, pretext_of

__all__ = ["PretextNetwork"]


class PretextNetwork(nn.Module):
    """Backbones under the names that they have in :class:`lamina.models.mixed.Mixed`, and their pretexts.

    Args:
        layout: of the table; plain columns are not looked at.
        settings: the backbones.
        pretexts: what they are asked.

    Shape:
        the arrays of wide columns -> (B, 1, 1), the loss of each row, added over the columns
    """

    def __init__(self, layout: Layout, settings: MixedSettings, pretexts: PretextSettings) -> None:
        super().__init__()
        slots = layout.wide_by_name
        backbones = {name: backbone_of(slot, settings) for name, slot in slots.items()}
        self.backbones = nn.ModuleDict(backbones)
        self.pretexts = nn.ModuleDict(
            {name: pretext_of(backbones[name], slot, pretexts) for name, slot in slots.items()}
        )

    def forward(self, inputs: dict[str, Tensor]) -> Tensor:
        losses = [
            pretext(self.backbones[name], inputs[name], inputs[f"{name}.length"])
            for name, pretext in self.pretexts.items()
        ]
        return torch.stack(losses).sum(0)[:, None, None]
