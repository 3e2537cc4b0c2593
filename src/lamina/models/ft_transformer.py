"""FT-Transformer: a token for each column, and attention between them (Gorishniy et al. 2021)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lamina.config import setting, settings
from lamina.features.layout import Layout
from lamina.models.base import Model
from lamina.nn.activation import Activation, activation
from lamina.nn.attention import EncoderBlock, check_heads
from lamina.nn.columns import Tokens
from lamina.nn.linear import Linear

__all__ = ["FTTransformer", "FTTransformerSettings"]


@settings
class FTTransformerSettings:
    """Transformer layers over column tokens."""

    width: int = setting(96, "Width of a token.", ge=1, le=16_384)
    depth: int = setting(3, "Transformer layers.", ge=1, le=256)
    heads: int = setting(8, "Attention heads; they divide the width.", ge=1)
    hidden: float = setting(2.0, "Width of the feed-forward part, as a multiple of a token's.", gt=0, le=16)
    activation: Activation = setting("relu", "Activation of the feed-forward part.")
    dropout: float = setting(0.1, "Share of attention weights and hidden units dropped in training.", ge=0, lt=1)


class FTTransformer(Model):
    """The answer is read from an extra token that looks at all columns.

    Shape:
        (B, columns) -> (B, 1, outputs)

    Raises:
        SettingError: if the heads do not divide the width.
    """

    Settings = FTTransformerSettings

    def __init__(self, layout: Layout, outputs: int, settings: FTTransformerSettings) -> None:
        super().__init__(layout, outputs, settings)
        check_heads(settings.width, settings.heads)
        self.tokens = Tokens(layout, settings.width)
        self.reader = nn.Embedding(1, settings.width)
        hidden = max(1, round(settings.width * settings.hidden))
        self.blocks = nn.Sequential(
            *(
                EncoderBlock(settings.width, settings.heads, hidden, settings.activation, settings.dropout)
                for _ in range(settings.depth)
            )
        )
        self.head = nn.Sequential(
            nn.LayerNorm(settings.width), activation(settings.activation), Linear(settings.width, outputs)
        )

    def forward(self, inputs: dict[str, Tensor]) -> Tensor:
        tokens = self.tokens(inputs)  # (B, T, width)
        reader = self.reader.weight.expand(tokens.shape[0], 1, -1)
        read = self.blocks(torch.cat([reader, tokens], 1))[:, 0]
        return self.head(read)[:, None]
