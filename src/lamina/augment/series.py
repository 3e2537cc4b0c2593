"""Series: channels scaled, time stretched and squeezed, a window cut out.

Rows are (B, T, C), short ones filled up with zeros; whoever calls these sets the filling back to zero afterwards.
"""

from __future__ import annotations

import torch
from torch import Tensor

from lamina.augment.draws import Draws

__all__ = ["scale", "warp", "window"]

KNOTS = 5  # places of a row where the speed is drawn


def scale(frames: Tensor, draws: Draws, deviation: float) -> Tensor:
    """Each channel of a row by a factor about 1 (scaling, Um et al. 2017).

    Shape:
        (B, T, C) -> (B, T, C)
    """
    return frames * (1 + deviation * draws.normal(frames.shape[2]))[:, None]


def warp(frames: Tensor, lengths: Tensor, draws: Draws, strength: float) -> Tensor:
    """Let time run faster and slower within a row, which begins, ends and lasts as before (Um et al. 2017).

    Values between two moments are interpolated linearly.

    Args:
        frames: (B, T, C).
        lengths: (B,) int64.
        draws: for B rows.
        strength: deviation of the logarithm of the speed at five places, between which it changes evenly.
    """
    count = frames.shape[1]
    last = (lengths - 1).clamp(min=0)[:, None]
    steps = torch.arange(count, device=frames.device)[None]
    # Where each step lies among the knots: the same share of its row for all.
    place = (steps / last.clamp(min=1)).clamp(max=1) * (KNOTS - 1)  # (B, T)
    speed = _between(torch.exp(strength * draws.normal(KNOTS))[..., None], place)[..., 0]
    # The way until a step is the sum of the speeds of the steps before it.
    passed = (speed * (steps < last)).cumsum(1).roll(1, 1).where(steps > 0, 0.0)
    whole = passed.gather(1, last).clamp(min=1e-6)
    return _between(frames, torch.minimum(passed / whole * last, last.to(frames.dtype)))


def _between(values: Tensor, places: Tensor) -> Tensor:
    """Values at places between the steps: (B, S, C), (B, T) from 0 to S - 1 -> (B, T, C)."""
    low = places.floor().long().clamp(0, values.shape[1] - 1)
    high = (low + 1).clamp(max=values.shape[1] - 1)
    share = (places - low)[..., None]
    low, high = (index[..., None].expand(-1, -1, values.shape[2]) for index in (low, high))
    return values.gather(1, low).lerp(values.gather(1, high), share)


def window(frames: Tensor, lengths: Tensor, draws: Draws, least: float) -> tuple[Tensor, Tensor]:
    """Cut out a stretch that lasts at least a share of the row (window slicing, Le Guennec et al. 2016).

    Args:
        frames: (B, T, C).
        lengths: (B,) int64.
        draws: for B rows.
        least: smallest share that is kept.

    Returns:
        (B, T, C), the stretch at its beginning; and (B,) how long it is.
    """
    kept = (draws.uniform(least, 1.0) * lengths).ceil().long().minimum(lengths)
    start = (draws.uniform() * (lengths - kept + 1)).floor().long()
    steps = torch.arange(frames.shape[1], device=frames.device)
    source = (steps + start[:, None]).clamp(max=frames.shape[1] - 1)
    return frames.gather(1, source[..., None].expand(frames.shape)), kept
