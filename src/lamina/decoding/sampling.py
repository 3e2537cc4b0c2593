"""Tokens by chance: what is drawn is a function of the seed, the row, its alternative and the place in the text.

So a row's text does not hang on the batch that it is in, and a text that is taken up again goes on as it would have.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from lamina.decoding.filters import min_p, top_k, top_p
from lamina.decoding.settings import DecodingSettings
from lamina.nn.start import seed_of

__all__ = ["chances", "drawn", "uniform"]


def uniform(seed: int, *place: int) -> float:
    """A number from 0 to below 1 for each place: the same on every machine.

    Example:
        >>> uniform(0, 7, 0, 12) == uniform(0, 7, 0, 12) != uniform(0, 7, 0, 13)
        True
    """
    return (seed_of(seed, "decoding", *place) >> 10) * 2.0**-53  # as many bits as a float holds


def chances(scores: Tensor, settings: DecodingSettings) -> Tensor:
    """The probabilities that tokens are drawn with: temperature, then top-k, then top-p, then min-p.

    Args:
        scores: (R, V) logits or log-probabilities, minus infinity for what may not be written.
        settings: of sampling.

    Returns:
        (R, V), each row summing to 1.
    """
    scores = scores / settings.temperature
    if settings.top_k:
        scores = top_k(scores, settings.top_k)
    return min_p(top_p(scores, settings.top_p), settings.min_p).softmax(-1)


def drawn(chances: Tensor, numbers: Sequence[float]) -> Tensor:
    """Draw a token for each row by the inverse of its distribution: (R, V) and R numbers from 0 to below 1 -> (R,).

    Example:
        >>> drawn(torch.tensor([[0.5, 0.0, 0.5]]).expand(3, 3), [0.0, 0.49, 0.51]).tolist()
        [0, 0, 2]
    """
    running = chances.double().cumsum(-1)  # (R, V)
    total = running[:, -1:]
    aims = torch.tensor(numbers, dtype=torch.float64, device=chances.device)[:, None] * total
    aims = torch.minimum(aims, torch.nextafter(total, torch.zeros_like(total)))  # rounding must not reach the end
    return torch.searchsorted(running, aims, right=True)[:, 0]
