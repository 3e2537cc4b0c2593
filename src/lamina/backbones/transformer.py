"""The Transformer's encoder over words and frames (Vaswani et al. 2017), as in BERT too (Devlin et al. 2019)."""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lamina.backbones.base import Backbone, mean_over
from lamina.config import setting, settings
from lamina.features.base import Slot
from lamina.nn.activation import Activation
from lamina.nn.attention import EncoderBlock, check_heads
from lamina.nn.dropout import PooledDropout
from lamina.nn.pooling import AttentionPool
from lamina.nn.positions import Places, Positions, sines
from lamina.nn.steps import Steps, Words

__all__ = ["Transformer", "TransformerSettings"]

DEVIATION = 0.02  # of embeddings at the start, as in BERT
SINES = 0.02 * 2**0.5  # sines as large as the embeddings that they are added to, lest words be lost among places


@settings
class TransformerSettings:
    """Layers of attention."""

    width: int = setting(128, "Width of a place's vector.", ge=2)
    depth: int = setting(2, "Layers.", ge=1, le=64)
    heads: int = setting(4, "Attention heads; they share the width.", ge=1)
    hidden: float = setting(4.0, "Units of the feed-forward part, as a multiple of the width.", gt=0, le=16)
    activation: Activation = setting("gelu", "Activation inside the feed-forward part.")
    norm: Literal["before", "after"] = setting(
        "before", "Normalisation before each part, which trains without warm-up; or after it, as in BERT."
    )
    positions: Positions = setting(
        "sines", "How a place knows where it stands: sines or learned vectors added, or rotated queries and keys."
    )
    longest: int = setting(512, "Places that have a learned vector of their own.", ge=1)
    pooling: Literal["mean", "first", "attention"] = setting(
        "mean", "Mean of all places; an extra first place that looks at all (BERT's class token); or a learned mean."
    )
    dropout: float = setting(0.1, "Share of values dropped in training.", ge=0, lt=1)
    attention_dropout: float = setting(0.0, "Share of attention weights dropped in training.", ge=0, lt=1)


class Transformer(Backbone):
    """Embedded places with their position, then layers of attention.

    Embeddings start with deviation 0.02, as in BERT, and so do learned positions.

    Shape:
        tokens (B, T) or frames (B, T, channels) -> (B, width)

    Raises:
        SettingError: if the heads do not divide the width, or leave an odd width to each with rotary positions.
    """

    Settings = TransformerSettings
    groups = ("tokens", "frames")

    def __init__(self, slot: Slot, settings: TransformerSettings) -> None:
        super().__init__(slot, settings)
        check_heads(settings.width, settings.heads, rotary=settings.positions == "rotary")
        self.settings = settings
        self.width = settings.width
        self.steps = Steps(slot, settings.width, deviation=DEVIATION)
        self.first = Words(1, settings.width, DEVIATION) if settings.pooling == "first" else None
        learned = settings.positions == "learned"
        self.places = Places(settings.longest, settings.width, DEVIATION) if learned else None
        is_before = settings.norm == "before"
        self.norm_in = nn.Identity() if is_before else nn.LayerNorm(settings.width)
        self.dropout = PooledDropout(settings.dropout)
        self.blocks = nn.ModuleList(
            EncoderBlock(
                settings.width,
                settings.heads,
                max(1, round(settings.hidden * settings.width)),
                settings.activation,
                settings.dropout,
                attention_dropout=settings.attention_dropout,
                norm=settings.norm,
                rotary=settings.positions == "rotary",
            )
            for _ in range(settings.depth)
        )
        self.norm_out = nn.LayerNorm(settings.width) if is_before else nn.Identity()
        self.pool = AttentionPool(settings.width) if settings.pooling == "attention" else None

    def _encoded(self, values: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Every place, the extra first one before them where there is one; (B, T, width), (B, T) bool."""
        x, there = self.steps(values, lengths)
        if self.first is not None:
            x = torch.cat([self.first.weight.expand(x.shape[0], 1, -1), x], 1)
            there = F.pad(there, (1, 0), value=True)
        if self.places is not None:
            x = x + self.places(x.shape[1])
        elif self.settings.positions == "sines":
            x = x + SINES * sines(x.shape[1], self.width, x.device)
        x = self.dropout(self.norm_in(x))
        looked_at = there.clone()
        looked_at[:, 0] = True  # a missing cell looks at nothing, which has no softmax
        for block in self.blocks:
            x = block(x, looked_at)
        return self.norm_out(x), there

    def sequence(self, values: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        x, there = self._encoded(values, lengths)
        return (x, there) if self.first is None else (x[:, 1:], there[:, 1:])

    def forward(self, values: Tensor, lengths: Tensor) -> Tensor:
        x, there = self._encoded(values, lengths)
        if self.first is not None:
            return x[:, 0]
        return mean_over(x, there) if self.pool is None else self.pool(x, there)
