"""Attention of recurrent networks that write, to the places of what they write from."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from lamina.nn.projection import Projection

__all__ = ["Alignment", "Score"]

Score = Literal["additive", "dot", "general"]


class Alignment(nn.Module):
    """How much a state looks at each place h of a memory: softmax over the places of a score.

    Scores are ``v . tanh(W s + U h)`` (additive, Bahdanau et al. 2015), ``s . K h`` (dot) or ``s . W K h`` (general,
    Luong et al. 2015). K brings places to the width of the state, where they have another; otherwise dot has none.

    Args:
        score: which one.
        width: of the state.
        memory: of a place.

    Shape:
        states (B, T, width); keys (B, S, width) from :meth:`keys`; (B, S) bool of places that are looked at, at least
        one a row -> (B, T, S), summing to 1 over the last axis

    Example:
        >>> alignment = Alignment("dot", width=4, memory=4)
        >>> keys = alignment.keys(torch.ones(1, 3, 4))
        >>> alignment(torch.ones(1, 1, 4), keys, torch.tensor([[True, True, False]])).tolist()
        [[[0.5, 0.5, 0.0]]]
    """

    def __init__(self, score: Score, width: int, memory: int) -> None:
        super().__init__()
        self.score = score
        is_plain = score == "dot" and width == memory
        self.key = nn.Identity() if is_plain else Projection(memory, width, bias=False)
        self.query = Projection(width, width) if score == "additive" else nn.Identity()
        self.vector = Projection(width, 1, bias=False) if score == "additive" else None

    def keys(self, memory: Tensor) -> Tensor:
        """What every state is compared with, worked out once: (B, S, memory) -> (B, S, width)."""
        return self.key(memory)

    def forward(self, states: Tensor, keys: Tensor, there: Tensor) -> Tensor:
        query = self.query(states)
        if self.vector is None:
            scores = query @ keys.mT
        else:
            scores = self.vector(torch.tanh(query[:, :, None] + keys[:, None]))[..., 0]  # (B, T, S)
        return scores.masked_fill(~there[:, None], float("-inf")).softmax(-1)
