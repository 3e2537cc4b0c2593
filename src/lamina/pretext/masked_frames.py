"""Masked frames: guess hidden stretches of a sound or a series (Mockingjay, Liu et al. 2020)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from lamina.backbones.base import Backbone
from lamina.config import setting, settings
from lamina.features.base import Slot
from lamina.nn.linear import Linear
from lamina.nn.wide import places_there
from lamina.pretext.base import Pretext, shared_out

__all__ = ["MaskedFrames", "MaskedFramesSettings"]


@settings
class MaskedFramesSettings:
    """What is hidden."""

    share: float = setting(0.3, "Share of the time that is hidden.", gt=0, lt=1)
    stretch: int = setting(7, "Frames hidden in a row, so that a neighbour does not give the answer away.", ge=1)


class MaskedFrames(Pretext):
    """Stretches of frames become zeros, and are guessed from the vectors at their places.

    Where a backbone has fewer places than there are frames, its vectors are drawn out over time.

    Shape:
        frames (B, T, channels) -> (B,)
    """

    Settings = MaskedFramesSettings
    groups = ("frames",)

    def __init__(self, backbone: Backbone, slot: Slot, settings: MaskedFramesSettings) -> None:
        super().__init__(backbone, slot, settings)
        self.settings = settings
        self.guess = Linear(backbone.width, slot.shape[-1])

    def forward(self, backbone: Backbone, values: Tensor, lengths: Tensor) -> Tensor:
        hidden = self.hidden(values, lengths)  # (B, T)
        sequence, _ = backbone.sequence(values * ~hidden[..., None], lengths)  # (B, t, width)
        guessed = self.guess(sequence).float()
        if guessed.shape[1] != values.shape[1]:
            guessed = F.interpolate(guessed.mT, max(1, values.shape[1]), mode="linear").mT[:, : values.shape[1]]
        return shared_out((guessed - values).abs().mean(2), hidden)

    def hidden(self, values: Tensor, lengths: Tensor) -> Tensor:
        """Which frames are hidden, (B, T) bool: whole stretches, one chance each."""
        count, frames = values.shape[:2]
        stretches = frames // self.settings.stretch + 2
        generator = self.generator()
        drawn = torch.rand((count, stretches), generator=generator) < self.settings.share
        first = torch.randint(self.settings.stretch, (count, 1), generator=generator)
        places = (torch.arange(frames) + first) // self.settings.stretch  # (B, T), the stretch that each is in
        return drawn.gather(1, places) & places_there(lengths, frames)
