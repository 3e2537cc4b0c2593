"""The Conformer: attention for what is far, convolution for what is near (Gulati et al. 2020)."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from lamina.backbones.base import Backbone
from lamina.config import setting, settings
from lamina.features.base import Slot
from lamina.nn.attention import Attention, check_heads
from lamina.nn.convolution import Convolution
from lamina.nn.dropout import PooledDropout
from lamina.nn.linear import Linear
from lamina.nn.wide import places_there

__all__ = ["Conformer", "ConformerBlock", "ConformerSettings", "NearConvolution"]


@settings
class ConformerSettings:
    """Convolutions that shorten time, then blocks of attention and convolution."""

    width: int = setting(128, "Width of a place's vector.", ge=2)
    depth: int = setting(4, "Blocks.", ge=1, le=64)
    heads: int = setting(4, "Attention heads; they share the width.", ge=1)
    hidden: float = setting(4.0, "Units of the feed-forward parts, as a multiple of the width.", gt=0, le=16)
    kernel: int = setting(15, "Places that a block's convolution looks at; made odd.", ge=1, le=127)
    halvings: int = setting(2, "Convolutions of the input, each of which halves time and channels.", ge=0, le=4)
    channels: int = setting(32, "Channels of these convolutions.", ge=1)
    dropout: float = setting(0.1, "Share of values dropped in training.", ge=0, lt=1)
    attention_dropout: float = setting(0.0, "Share of attention weights dropped in training.", ge=0, lt=1)


class Conformer(Backbone):
    """Frames as a picture of time by channel, shortened by 3x3 convolutions; then blocks of attention and convolution.

    Two things are not as in the paper: queries and keys are rotated by their place, where it learned a vector for each
    distance, and the convolutions are normalised place by place rather than over the batch, so that what fills up
    short rows counts for nothing in training either.

    Shape:
        frames (B, T, channels) -> (B, width)

    Raises:
        SettingError: if the heads do not divide the width, or leave an odd width to each.
    """

    Settings = ConformerSettings
    groups = ("frames",)

    def __init__(self, slot: Slot, settings: ConformerSettings) -> None:
        super().__init__(slot, settings)
        check_heads(settings.width, settings.heads, rotary=True)
        self.width = settings.width
        (side,) = slot.shape
        inputs = [1] + [settings.channels] * settings.halvings
        self.shorten = nn.ModuleList(
            Convolution(channels, settings.channels, stride=2, bias=True) for channels in inputs[:-1]
        )
        for _ in self.shorten:
            side = -(-side // 2)
        self.bring = Linear(inputs[-1] * side, settings.width)
        self.dropout = PooledDropout(settings.dropout)
        self.blocks = nn.ModuleList(ConformerBlock(settings) for _ in range(settings.depth))

    def sequence(self, values: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        x = values if values.shape[1] else F.pad(values, (0, 0, 0, 1))
        x = x[:, None]  # (B, 1, T, F)
        there = places_there(lengths, x.shape[2])
        for layer in self.shorten:
            x = layer(x * there[:, None, :, None]).relu()
            there = there[:, ::2]
        x = self.dropout(self.bring(x.transpose(1, 2).flatten(2)))  # (B, T, width)
        looked_at = there.clone()
        looked_at[:, 0] = True  # a missing cell looks at nothing, which has no softmax
        for block in self.blocks:
            x = block(x, looked_at)
        return x, there


class ConformerBlock(nn.Module):
    """Half a feed-forward part, attention, convolution, the other half, each added to its input; then normalised.

    Shape:
        (B, T, width), and (B, T) bool of places that are there, at least one a row -> (B, T, width)
    """

    def __init__(self, settings: ConformerSettings) -> None:
        super().__init__()
        width = settings.width
        self.feed_first = _feed(settings)
        self.norm_attention = nn.LayerNorm(width)
        self.attention = Attention(width, settings.heads, settings.attention_dropout, rotary=True)
        self.near = NearConvolution(width, settings.kernel)
        self.feed_last = _feed(settings)
        self.norm = nn.LayerNorm(width)
        self.dropout = PooledDropout(settings.dropout)

    def forward(self, x: Tensor, there: Tensor) -> Tensor:
        x = x + 0.5 * self.dropout(self.feed_first(x))
        x = x + self.dropout(self.attention(self.norm_attention(x), there))
        x = x + self.dropout(self.near(x, there))
        x = x + 0.5 * self.dropout(self.feed_last(x))
        return self.norm(x)


def _feed(settings: ConformerSettings) -> nn.Sequential:
    hidden = max(1, round(settings.hidden * settings.width))
    return nn.Sequential(
        nn.LayerNorm(settings.width),
        Linear(settings.width, hidden),
        nn.SiLU(),
        PooledDropout(settings.dropout),
        Linear(hidden, settings.width),
    )


class NearConvolution(nn.Module):
    """What a place learns of its neighbours: gated, channel by channel over time, normalised, mixed again.

    Args:
        width: of a place's vector.
        kernel: places that are looked at, made odd.

    Shape:
        (B, T, width), and (B, T) bool of places that are there -> (B, T, width)

    Example:
        >>> import torch
        >>> NearConvolution(8, 3)(torch.zeros(2, 5, 8), torch.ones(2, 5, dtype=torch.bool)).shape
        torch.Size([2, 5, 8])
    """

    def __init__(self, width: int, kernel: int) -> None:
        super().__init__()
        self.norm_in = nn.LayerNorm(width)
        self.gated = Linear(width, 2 * width)
        self.over_time = nn.Conv1d(width, width, 2 * (kernel // 2) + 1, padding=kernel // 2, groups=width)
        self.norm = nn.LayerNorm(width)
        self.out = Linear(width, width)

    def forward(self, x: Tensor, there: Tensor) -> Tensor:
        x = F.glu(self.gated(self.norm_in(x)))
        x = self.over_time((x * there[..., None]).mT).mT  # what fills up a row must not reach its neighbours
        return self.out(F.silu(self.norm(x)))
