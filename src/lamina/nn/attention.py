"""Attention, built from linear layers so that every tool that hooks layers sees them."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from lamina.nn.activation import Activation, activation

__all__ = ["Attention", "EncoderBlock"]


class Attention(nn.Module):
    """Multi-head self-attention (Vaswani et al. 2017).

    Shape:
        (B, T, width) -> (B, T, width)

    Example:
        >>> import torch
        >>> Attention(8, heads=2)(torch.zeros(3, 5, 8)).shape
        torch.Size([3, 5, 8])
    """

    def __init__(self, width: int, heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        assert width % heads == 0
        self.heads = heads
        self.dropout = dropout
        self.query_key_value = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        parts = self.query_key_value(x).unflatten(-1, (3, self.heads, -1))  # (B, T, 3, H, D)
        query, key, value = parts.permute(2, 0, 3, 1, 4)  # 3 of (B, H, T, D)
        mixed = F.scaled_dot_product_attention(query, key, value, dropout_p=self.dropout if self.training else 0.0)
        return self.out(mixed.transpose(1, 2).flatten(2))  # (B, T, width)


class EncoderBlock(nn.Module):
    """One pre-norm Transformer layer: attention, then a feed-forward part, each added to its input.

    Shape:
        (B, T, width) -> (B, T, width)
    """

    def __init__(
        self, width: int, heads: int, hidden: int, activation_name: Activation = "relu", dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.norm_attention = nn.LayerNorm(width)
        self.attention = Attention(width, heads, dropout)
        self.norm_feed = nn.LayerNorm(width)
        self.feed = nn.Sequential(
            nn.Linear(width, hidden), activation(activation_name), nn.Dropout(dropout), nn.Linear(hidden, width)
        )

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attention(self.norm_attention(x))
        return x + self.feed(self.norm_feed(x))
