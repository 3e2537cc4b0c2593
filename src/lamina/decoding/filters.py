"""Which tokens chance may choose from, and which are made less likely: small functions of logits.

Each takes (R, V), a row for each line, and gives the like. What may not be chosen gets minus infinity.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["min_p", "penalised", "top_k", "top_p", "unrepeated"]

NEVER = float("-inf")
HEADS = (256, 4096)  # tokens that the nucleus is looked for in first: sorting all takes longer than a small network


def top_k(scores: Tensor, count: int) -> Tensor:
    """The ``count`` likeliest tokens, and those that are as likely as the last of them.

    Example:
        >>> top_k(torch.tensor([[1.0, 3.0, 2.0]]), 2)
        tensor([[-inf, 3., 2.]])
    """
    least = scores.topk(min(count, scores.shape[-1])).values[:, -1:]  # (R, 1)
    return scores.masked_fill(scores < least, NEVER)


def top_p(scores: Tensor, share: float) -> Tensor:
    """The fewest tokens whose probabilities sum to ``share`` at least: the nucleus (Holtzman et al. 2020).

    Example:
        >>> top_p(torch.tensor([[0.5, 0.3, 0.2]]).log(), 0.6).exp()
        tensor([[0.5000, 0.3000, 0.0000]])
    """
    if share >= 1:
        return scores
    normal = scores.logsumexp(-1, keepdim=True)
    for count in (*HEADS, scores.shape[-1]):
        head, places = scores.topk(min(count, scores.shape[-1]))  # (R, count)
        chances = (head - normal).exp()
        if (chances.sum(-1) >= share).all():
            break
    # A token is left out where those before it suffice.
    head = head.masked_fill(chances.cumsum(-1) - chances >= share, NEVER)
    return torch.full_like(scores, NEVER).scatter(1, places, head)


def min_p(scores: Tensor, share: float) -> Tensor:
    """The tokens with at least ``share`` of the probability of the likeliest one (Nguyen et al. 2024).

    Example:
        >>> min_p(torch.tensor([[0.5, 0.3, 0.2]]).log(), 0.5).exp()
        tensor([[0.5000, 0.3000, 0.0000]])
    """
    if share <= 0:
        return scores
    least = scores.amax(-1, keepdim=True) + math.log(share)
    return scores.masked_fill(scores < least, NEVER)


def penalised(logits: Tensor, history: Tensor, penalty: float) -> Tensor:
    """Make tokens less likely that were written already: their logits are divided by ``penalty`` where they are
    positive, and multiplied by it where they are negative (Keskar et al. 2019).

    Args:
        logits: (R, V).
        history: (R, T) int64, the tokens so far; -1 where a line is shorter.
        penalty: above 1 repetition becomes rarer.

    Example:
        >>> penalised(torch.tensor([[2.0, -1.0, 3.0]]), torch.tensor([[0, 1]]), 2.0)
        tensor([[ 1., -2.,  3.]])
    """
    padded = F.pad(logits, (0, 1))  # (R, V + 1), the last for what is no token
    places = history.where(history >= 0, logits.shape[1])
    found = padded.gather(1, places)  # (R, T)
    return padded.scatter(1, places, torch.where(found > 0, found / penalty, found * penalty))[:, :-1]


def unrepeated(scores: Tensor, history: Tensor, length: int) -> Tensor:
    """Leave out the tokens that would end a row of ``length`` tokens which stands in the line already; where no other
    is left, all stay.

    Args:
        scores: (R, V).
        history: (R, T) int64, the tokens so far, the last ones at the right; -1 where a line is shorter.
        length: how many tokens in a row do not come twice.

    Example:
        >>> unrepeated(torch.zeros(1, 4), torch.tensor([[1, 2, 0, 1]]), 2)
        tensor([[0., 0., -inf, 0.]])
    """
    count = history.shape[1] - length + 1
    if count <= 0:
        return scores
    tail = history[:, count:]  # (R, length - 1)
    windows = history.unfold(1, length, 1)  # (R, count, length)
    same = (windows[..., :-1] == tail[:, None]).all(-1) & (windows >= 0).all(-1)  # (R, count)
    rows, places = same.nonzero(as_tuple=True)
    if not len(rows):
        return scores
    rest = scores.index_put((rows, windows[rows, places, -1]), scores.new_tensor(NEVER))
    some = rest.amax(-1, keepdim=True) > NEVER
    return rest if some.all() else torch.where(some, rest, scores)
