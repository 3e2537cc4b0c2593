"""Music: pieces moved up or down as a whole, so that what is learned of one key is known of all."""

from __future__ import annotations

import torch
from torch import Tensor

from lamina.augment.draws import Draws
from lamina.features.music import OFF, ON

__all__ = ["transpose"]


def transpose(pieces: Tensor, draws: Draws, most: int, share: float) -> Tensor:
    """Move some pieces by whole semitones, as far as the keys reach.

    Args:
        pieces: (B, T, keys) of 0 behind the end, and OFF or ON for each key.
        draws: for B rows.
        most: semitones up or down, at most.
        share: of the pieces that are moved.

    Example:
        >>> piece = torch.tensor([[[OFF, ON, OFF, OFF], [OFF, OFF, ON, OFF]]], dtype=torch.uint8)
        >>> moved = transpose(piece, Draws(torch.Generator().manual_seed(0), 1), most=1, share=1.0)
        >>> (moved[0] == ON).nonzero()[:, 1].tolist() in ([0, 1], [1, 2], [2, 3])
        True
    """
    keys = pieces.shape[2]
    sounding = (pieces == ON).any(1)  # (B, keys)
    places = torch.arange(keys, device=pieces.device)
    low = torch.where(sounding, places, keys).amin(1)
    high = torch.where(sounding, places, -1).amax(1)
    moves = torch.where(draws.chance(share), draws.whole(2 * most + 1) - most, 0)
    moves = torch.where((low + moves >= 0) & (high + moves < keys), moves, 0)  # one that would leave the keys stays
    source = places - moves[:, None]  # (B, keys)
    taken = pieces.gather(2, source.clamp(0, keys - 1)[:, None].expand(pieces.shape))
    beyond = ((source < 0) | (source >= keys))[:, None] & (pieces[:, :, :1] > 0)
    return torch.where(beyond, OFF, taken)
