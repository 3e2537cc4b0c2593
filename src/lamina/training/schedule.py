"""The step size as a function of how far training is."""

from __future__ import annotations

import math

from lamina.training.settings import TrainSettings

__all__ = ["factor"]


def factor(epochs: float, progress: float, settings: TrainSettings) -> float:
    """What the learning rate is multiplied by: a rise, a flat part, a fall to zero.

    Warm-up, stable, decay (Hu et al. 2024); with ``decay=1`` the usual cosine.

    Args:
        epochs: epochs done, the step to come counted.
        progress: share of the budget that is done, from 0 to 1.
        settings: ``schedule``, ``warmup`` and ``decay``.

    Example:
        >>> settings = TrainSettings(warmup=2, decay=0.5, schedule="linear")
        >>> [factor(epochs, epochs / 8, settings) for epochs in (1, 4, 6)]
        [0.5, 1.0, 0.5]
    """
    rise = min(1.0, epochs / settings.warmup) if settings.warmup else 1.0
    left = min(1.0, (1 - progress) / settings.decay) if settings.decay else 1.0
    left = max(left, 0.0)
    if settings.schedule == "flat":
        return rise
    return rise * (left if settings.schedule == "linear" else 0.5 - 0.5 * math.cos(math.pi * left))
