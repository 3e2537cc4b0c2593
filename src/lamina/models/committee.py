"""Several networks that answer together."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

__all__ = ["Committee"]


class Committee(nn.Module):
    """Networks side by side: each row is looked at by the predictors of all of them.

    Args:
        networks: models from the same inputs to (B, K, outputs); a smaller K must divide the largest.
        votes: how often each network counts, whole numbers; once each if None.

    Shape:
        inputs as for one network -> (B, largest K * votes of all, outputs)

    Example:
        >>> class One(nn.Module):
        ...     def forward(self, inputs):
        ...         return torch.zeros(2, 1, 3)
        >>> Committee([One(), One()], votes=[1, 3])({}).shape
        torch.Size([2, 4, 3])
    """

    def __init__(self, networks: Sequence[nn.Module], votes: Sequence[int] | None = None) -> None:
        super().__init__()
        self.networks = nn.ModuleList(networks)
        self.votes: Tensor
        self.register_buffer("votes", torch.tensor(votes if votes is not None else [1] * len(networks)))

    def forward(self, inputs: dict[str, Tensor]) -> Tensor:
        raw = [network(inputs) for network in self.networks]
        most = max(part.shape[1] for part in raw)
        # A network counts by its votes, however many predictors it has.
        again = [votes * most // part.shape[1] for part, votes in zip(raw, self.votes.tolist(), strict=True)]
        return torch.cat([part.repeat_interleave(count, 1) for part, count in zip(raw, again, strict=True)], 1)
