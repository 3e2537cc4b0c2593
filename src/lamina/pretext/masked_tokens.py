"""Masked tokens: guess the hidden words of a text (Devlin et al. 2019)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lamina.backbones.base import Backbone, mean_over
from lamina.config import setting, settings
from lamina.features.base import Slot
from lamina.features.tokens import FIRST, MASK
from lamina.nn.linear import Linear
from lamina.nn.wide import places_there
from lamina.pretext.base import Pretext, shared_out

__all__ = ["MaskedTokens", "MaskedTokensSettings"]


@settings
class MaskedTokensSettings:
    """Which tokens are hidden, and how."""

    share: float = setting(0.15, "Share of a text's tokens that are to be guessed.", gt=0, lt=1)
    hidden: float = setting(0.8, "Share of those that the mask stands for.", ge=0, le=1)
    other: float = setting(0.1, "Share of those for which any other token stands; the rest stays.", ge=0, le=1)
    candidates: int = setting(
        1000,
        "Tokens, beside those asked for in the batch, among which each is guessed in training (Jean et al. 2015); in "
        "evaluation it is the whole vocabulary.",
        ge=1,
    )


class MaskedTokens(Pretext):
    """Some tokens are hidden, and each is guessed from the vector of its place and the mean of the text's vectors.

    The mean is not in the paper. Backbones without attention do not know at a place what is said elsewhere; and the
    mean is what a task will later read, so that it is taught here too.

    Shape:
        tokens (B, T) -> (B,)
    """

    Settings = MaskedTokensSettings
    groups = ("tokens",)

    def __init__(self, backbone: Backbone, slot: Slot, settings: MaskedTokensSettings) -> None:
        super().__init__(backbone, slot, settings)
        self.settings, self.size, width = settings, slot.size, backbone.width
        # The two are of very different size in some backbones, so each is normalised by itself.
        self.here, self.whole = nn.LayerNorm(width), nn.LayerNorm(width)
        self.bring = Linear(2 * width, width)
        self.norm = nn.LayerNorm(width)
        self.words = nn.Linear(width, slot.size)

    def forward(self, backbone: Backbone, values: Tensor, lengths: Tensor) -> Tensor:
        asked, shown = self.masked(values, lengths)
        sequence, there = backbone.sequence(shown, lengths)  # (B, T, width)
        rows = asked.nonzero()[:, 0]  # (n,)
        here, whole = self.here(sequence[asked]), self.whole(mean_over(sequence, there))[rows]
        hidden = self.norm(F.gelu(self.bring(torch.cat([here, whole], 1))))
        losses = sequence.new_zeros(asked.shape, dtype=torch.float32)
        losses[asked] = self.guessed(hidden, values[asked])
        return shared_out(losses, asked)

    def guessed(self, hidden: Tensor, wanted: Tensor) -> Tensor:
        """The loss of each guess: (n, width), (n,) -> (n,)."""
        few = self.settings.candidates
        if not self.training or self.size - FIRST <= few:
            return F.cross_entropy(self.words(hidden).float(), wanted, reduction="none")
        # Over a whole vocabulary this product would take most of a step.
        drawn = torch.randint(FIRST, self.size, (few,), generator=self.generator())
        among = torch.cat([wanted, drawn]).unique()  # sorted
        said = F.linear(hidden, self.words.weight[among], self.words.bias[among]).float()
        return F.cross_entropy(said, torch.searchsorted(among, wanted), reduction="none")

    def masked(self, values: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Which places are to be guessed, (B, T) bool, and the tokens as they are shown, (B, T)."""
        generator, chosen = self.generator(), self.settings
        draw, fate = torch.rand((2, *values.shape), generator=generator)
        asked = (draw < chosen.share) & places_there(lengths, values.shape[1]) & (values >= FIRST)
        others = torch.randint(FIRST, max(self.size, FIRST + 1), values.shape, generator=generator)
        shown = torch.where(asked & (fate < chosen.hidden), MASK, values)
        return asked, torch.where(asked & (fate >= 1 - chosen.other), others, shown)
