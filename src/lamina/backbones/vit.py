"""The Transformer's encoder over patches of a picture (ViT, Dosovitskiy et al. 2021)."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from lamina.backbones.picture import Picture, PictureSettings
from lamina.config import setting, settings
from lamina.errors import SettingError
from lamina.features.base import Slot
from lamina.nn.activation import Activation
from lamina.nn.attention import EncoderBlock, check_heads
from lamina.nn.drop_path import DropPath, rising
from lamina.nn.patches import Patches

__all__ = ["ViT", "ViTSettings"]

GRID = 8  # patches a side that auto aims at for small pictures


@settings
class ViTSettings(PictureSettings):
    """Layers of attention over patches."""

    width: int = setting(128, "Width of a patch's vector (the paper's smallest: 768).", ge=1)
    depth: int = setting(6, "Layers (the paper's smallest: 12).", ge=1, le=64)
    heads: int = setting(4, "Attention heads; they share the width.", ge=1)
    hidden: int = setting(4, "Width within a layer's second half, as a multiple of the vector's.", ge=1, le=16)
    patch: int | Literal["auto"] = setting(
        "auto", f"Side of a patch; auto: the power of 2 up to 16 that cuts the shorter side into some {GRID} or more."
    )
    pool: Literal["class", "mean"] = setting("class", "A picture's vector: a learned first word's, or the mean.")
    activation: Activation = setting("gelu", "Activation inside each layer.")
    layer_dropout: float = setting(0.0, "Share of values dropped inside each layer, in training.", ge=0, lt=1)
    drop_path: float = setting(0.0, "Chance that the last layer is left out in training; rises with depth.", ge=0, lt=1)


class _Words(nn.Module):
    """A learned first word and learned positions: (B, patches, width) -> (B, 1 + patches, width)."""

    def __init__(self, patches: int, width: int) -> None:
        super().__init__()
        self.first = nn.Parameter(torch.empty(width))
        self.positions = nn.Parameter(torch.empty(1 + patches, width))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Normal with deviation 0.02, as in the paper's code."""
        nn.init.normal_(self.first, std=0.02)
        nn.init.normal_(self.positions, std=0.02)

    def forward(self, patches: Tensor) -> Tensor:
        return torch.cat([self.first.expand(patches.shape[0], 1, -1), patches], 1) + self.positions


class ViT(Picture):
    """Patches as words, a learned first word, learned positions, and pre-norm layers of attention.

    Shape:
        image (B, H, W, C) or clip (B, T, H, W, C) -> (B, width)

    Raises:
        SettingError: if the heads do not divide the width, or a patch is no whole number of pixels.
    """

    Settings = ViTSettings
    groups: ClassVar[tuple[str, ...]] = ("image", "clip")

    def __init__(self, slot: Slot, settings: ViTSettings) -> None:
        super().__init__(slot, settings)
        check_heads(settings.width, settings.heads)
        if settings.patch != "auto" and settings.patch < 1:
            raise SettingError("setting patch is not valid", got=settings.patch, allowed="auto, or 1 or more")
        side = _patch_of(self.sides) if settings.patch == "auto" else settings.patch
        self.width = settings.width
        self.grid = (-(-self.sides[0] // side), -(-self.sides[1] // side))
        self.by_first = settings.pool == "class"
        self.patches = Patches(self.channels, settings.width, side)
        self.words = _Words(self.grid[0] * self.grid[1], settings.width)
        self.layer_dropout = nn.Dropout(settings.layer_dropout)
        self.blocks = nn.ModuleList(
            EncoderBlock(
                settings.width,
                settings.heads,
                settings.hidden * settings.width,
                settings.activation,
                settings.layer_dropout,
            )
            for _ in range(settings.depth)
        )
        self.drop_paths = nn.ModuleList(DropPath(chance) for chance in rising(settings.drop_path, settings.depth))
        self.norm = nn.LayerNorm(settings.width)

    def encoded(self, x: Tensor) -> Tensor:
        """The first word and the patches, row by row, after all layers: (B, C, H, W) -> (B, 1 + patches, width)."""
        x = self.layer_dropout(self.words(self.patches(x).flatten(2).transpose(1, 2)))
        for block, drop_path in zip(self.blocks, self.drop_paths, strict=True):
            x = x + drop_path(block(x) - x) if drop_path.share else block(x)
        return self.norm(x)

    def maps(self, x: Tensor, there: Tensor | None) -> tuple[Tensor, Tensor | None]:
        return self.encoded(x)[:, 1:].transpose(1, 2).unflatten(2, self.grid), there

    def pooled(self, x: Tensor) -> Tensor:
        encoded = self.encoded(x)
        return encoded[:, 0] if self.by_first else encoded[:, 1:].mean(1)


def _patch_of(sides: tuple[int, int]) -> int:
    """The side of a patch for pictures of these sides."""
    side = 2
    while side < 16 and min(sides) >= 2 * side * GRID * 0.85:
        side *= 2
    return side
