"""A linear-chain conditional random field: labels of a row that hang on their neighbours (Lafferty et al. 2001).

    P(y | x) = exp(sum over places of emission[y] + transition[previous y, y]) / Z(x)

Label 0 stands for "nothing here": it is before the first place, behind the last one, and wherever a place is not there.
Its transitions are then how likely a label is to come first, and last.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["NEVER", "best", "only", "total"]

NEVER = -1e4  # the score of what cannot be: far below any other, and finite, so that no gradient is NaN


def only(emissions: Tensor, there: Tensor) -> Tensor:
    """Scores with label 0 where no place is, and with any other label where one is.

    Shape:
        (B, W, L), (B, W) bool -> (B, W, L)

    Example:
        >>> only(torch.ones(1, 2, 3), torch.tensor([[True, False]])).tolist()
        [[[-10000.0, 1.0, 1.0], [0.0, -10000.0, -10000.0]]]
    """
    nothing = torch.arange(emissions.shape[2], device=emissions.device) == 0
    absent = torch.where(nothing, 0.0, NEVER).to(emissions.dtype)
    return torch.where(there[..., None], emissions.masked_fill(nothing, NEVER), absent)


def total(emissions: Tensor, transitions: Tensor, wanted: Tensor | None = None) -> Tensor:
    """The logarithm of the summed weight of all ways to label each row, or of those with the wanted labels.

    Args:
        emissions: (B, W, L), as :func:`only` gives them.
        transitions: (L, L), from the row's label to the column's.
        wanted: (B, W) codes of the labels that a way must have; 0 where any will do.

    Returns:
        (B,); the wanted total minus the whole one is the log-probability of the wanted labels.

    Example:
        >>> total(only(torch.zeros(1, 2, 4), torch.tensor([[True, True]])), torch.zeros(4, 4)).exp().round().tolist()
        [9.0]
    """
    if wanted is not None:
        labels = torch.arange(emissions.shape[2], device=emissions.device)
        fits = (labels == wanted[..., None]) | (wanted == 0)[..., None]
        emissions = emissions.masked_fill(~fits, NEVER)
    scores = _before(emissions)
    for place in _closed(emissions).unbind(1):
        scores = torch.logsumexp(scores[:, :, None] + transitions, 1) + place
    return scores[:, 0]


@torch.no_grad()
def best(emissions: Tensor, transitions: Tensor) -> Tensor:
    """The likeliest way to label each row (Viterbi 1967).

    Shape:
        (B, W, L) as :func:`only` gives them, (L, L) -> (B, W) codes, 0 where no place is

    Example:
        >>> chance = torch.tensor([[[0.0, 2.0, 1.0], [0.0, 1.0, 0.0]]])
        >>> best(only(chance, torch.tensor([[True, True]])), torch.tensor([[0.0, 0, 0], [0, NEVER, 0], [0, 0, 0]]))
        tensor([[2, 1]])
    """
    scores, came = _before(emissions), []
    for place in _closed(emissions).unbind(1):
        scores, source = (scores[:, :, None] + transitions).max(1)
        scores = scores + place
        came.append(source)
    label = torch.zeros(len(emissions), 1, dtype=torch.long, device=emissions.device)
    found = []
    for source in reversed(came):
        label = source.gather(1, label)
        found.append(label)
    return torch.cat(found[-2::-1], 1) if found[1:] else label[:, :0]


def _before(emissions: Tensor) -> Tensor:
    """Scores before the first place, where label 0 is: (B, W, L) -> (B, L)."""
    return F.pad(emissions.new_zeros(len(emissions), 1), (0, emissions.shape[2] - 1), value=NEVER)


def _closed(emissions: Tensor) -> Tensor:
    """Places, and one behind the last where label 0 is: (B, W, L) -> (B, W + 1, L)."""
    return torch.cat([emissions, _before(emissions)[:, None]], 1)
