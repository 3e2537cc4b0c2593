"""The step size as a function of how far training is."""

from __future__ import annotations

import math

from lamina.train.settings import TrainSettings

__all__ = ["factor"]


def factor(progress: float, settings: TrainSettings) -> float:
    """What the learning rate is multiplied by, progress from 0 to 1: a rise, a flat part, a fall to zero.

    Warm-up, stable, decay (Hu et al. 2024); with ``decay=1`` the usual cosine.

    Example:
        >>> [round(factor(p, TrainSettings(warmup=0.5, decay=0.5, schedule="linear")), 2) for p in (0.25, 0.5, 0.75)]
        [0.5, 1.0, 0.5]
    """
    rise = min(1.0, progress / settings.warmup) if settings.warmup else 1.0
    left = min(1.0, (1 - progress) / settings.decay) if settings.decay else 1.0
    left = max(left, 0.0)
    if settings.schedule == "flat":
        return rise
    return rise * (left if settings.schedule == "linear" else 0.5 - 0.5 * math.cos(math.pi * left))
