"""Sounds as log-mel frames, standardised: louder, later, in noise, with parts masked.

Rows are (B, T, F), short ones filled up with zeros; whoever calls these sets the filling back to zero afterwards.
"""

from __future__ import annotations

import torch
from torch import Tensor

from lamina.augment.draws import Draws

__all__ = ["gain", "mask_bands", "mask_times", "noise", "shift"]


def gain(frames: Tensor, draws: Draws, most: float) -> Tensor:
    """Louder or softer: an amount added to a whole row, since a factor on the sound is a sum on its logarithm.

    Shape:
        (B, T, F) -> (B, T, F)
    """
    return frames + draws.uniform(-most, most)[:, None, None]


def noise(frames: Tensor, draws: Draws, deviation: float) -> Tensor:
    """Normal noise on every value; on series it is known as jitter (Um et al. 2017).

    Shape:
        (B, T, F) -> (B, T, F)
    """
    return frames + deviation * draws.normal(*frames.shape[1:])


def shift(frames: Tensor, lengths: Tensor, draws: Draws, share: float) -> Tensor:
    """Earlier or later by up to a share of the row; the first or last frame fills the gap.

    Shape:
        (B, T, F), (B,) int64 -> (B, T, F)
    """
    steps = torch.arange(frames.shape[1], device=frames.device)
    moved = (draws.uniform(-share, share) * lengths).round().long()
    source = torch.minimum((steps - moved[:, None]).clamp(min=0), (lengths - 1).clamp(min=0)[:, None])
    return frames.gather(1, source[..., None].expand(frames.shape))


def mask_times(frames: Tensor, lengths: Tensor, draws: Draws, count: int, share: float) -> Tensor:
    """Set stretches of time to zero, the mean: the time masks of SpecAugment (Park et al. 2019).

    Args:
        frames: (B, T, F).
        lengths: (B,) int64.
        draws: for B rows.
        count: stretches in each row.
        share: of the row that one may cover.
    """
    hidden = _stretches(frames.shape[1], lengths, draws, count, share)
    return frames.masked_fill(hidden[:, :, None], 0.0)


def mask_bands(frames: Tensor, draws: Draws, count: int, share: float) -> Tensor:
    """Set bands of neighbouring channels to zero: the frequency masks of SpecAugment (Park et al. 2019).

    Args:
        frames: (B, T, F).
        draws: for B rows.
        count: bands in each row.
        share: of the channels that one may cover.
    """
    channels = frames.shape[2]
    all_of_them = torch.full((len(frames),), channels, device=frames.device)
    return frames.masked_fill(_stretches(channels, all_of_them, draws, count, share)[:, None], 0.0)


def _stretches(size: int, lengths: Tensor, draws: Draws, count: int, share: float) -> Tensor:
    """Places that are in any of the stretches, (B, size) bool."""
    lengths = lengths[:, None]
    width = (draws.uniform(0, share, count) * lengths).round()  # (B, count)
    start = (draws.uniform(0, 1, count) * (lengths - width + 1)).floor()
    places = torch.arange(size, device=draws.device)[None, :, None]
    return ((places >= start[:, None]) & (places < (start + width)[:, None])).any(2)
