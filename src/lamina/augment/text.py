"""Texts: tokens dropped, neighbours exchanged."""

from __future__ import annotations

import torch
from torch import Tensor

from lamina.augment.draws import Draws
from lamina.augment.settings import TextSettings

__all__ = ["augment_tokens", "drop", "remove", "swap"]

UNKNOWN = 1  # the token of a word that was not seen in training


def augment_tokens(tokens: Tensor, lengths: Tensor, draws: Draws, settings: TextSettings) -> tuple[Tensor, Tensor]:
    """All that the settings ask for.

    Shape:
        (B, T) int64, (B,) int64 -> (B, T), (B,)
    """
    if settings.swap:
        tokens = swap(tokens, lengths, draws, settings.swap)
    if settings.dropout and settings.dropped == "removed":
        return remove(tokens, lengths, draws, settings.dropout)
    if settings.dropout:
        tokens = drop(tokens, lengths, draws, settings.dropout)
    return tokens, lengths


def drop(tokens: Tensor, lengths: Tensor, draws: Draws, share: float) -> Tensor:
    """Turn a share of the tokens into unknown ones (word dropout, Iyyer et al. 2015).

    Shape:
        (B, T) int64, (B,) int64 -> (B, T)
    """
    steps = torch.arange(tokens.shape[1], device=tokens.device)
    dropped = draws.chance(share, tokens.shape[1]) & (steps < lengths[:, None])
    return tokens.masked_fill(dropped, UNKNOWN)


def remove(tokens: Tensor, lengths: Tensor, draws: Draws, share: float) -> tuple[Tensor, Tensor]:
    """Take a share of the tokens out; the last one of a text stays.

    Shape:
        (B, T) int64, (B,) int64 -> (B, T), filled up with zeros, (B,)
    """
    count = tokens.shape[1]
    there = torch.arange(count, device=tokens.device) < lengths[:, None]
    luck = draws.uniform(0, 1, count)
    kept = there & (luck >= share)
    # Of a text that would lose everything, the luckiest token stays.
    lost = (lengths > 0) & ~kept.any(1)
    kept |= lost[:, None] & there & (luck == luck.where(there, torch.tensor(-1.0)).amax(1, keepdim=True))
    order = torch.argsort(~kept, dim=1, stable=True)  # kept ones first, in their order
    left = kept.sum(1)
    front = torch.arange(count, device=tokens.device) < left[:, None]
    return tokens.gather(1, order) * front, left


def swap(tokens: Tensor, lengths: Tensor, draws: Draws, share: float) -> Tensor:
    """Exchange a share of the pairs of neighbours (random swap, Wei and Zou 2019, between neighbours only).

    Shape:
        (B, T) int64, (B,) int64 -> (B, T)
    """
    count = tokens.shape[1]
    steps = torch.arange(count, device=tokens.device)
    shifted = steps - draws.whole(2)[:, None]  # pairs begin at the first or at the second token
    is_second = shifted % 2 == 1
    partner = torch.where(is_second, steps - 1, steps + 1)  # (B, T)
    chosen = draws.chance(share, count // 2 + 1).gather(1, shifted.clamp(min=0) // 2)
    first = torch.minimum(partner, steps)
    real = (shifted >= 0) & (first + 1 < lengths[:, None])
    return tokens.gather(1, torch.where(chosen & real, partner, steps))
