"""Several networks that answer together."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

__all__ = ["Committee"]


class Committee(nn.Module):
    """Networks of one form side by side: each row is looked at by the predictors of all of them.

    Args:
        networks: models from the same inputs to (B, K, outputs); a smaller K must divide the largest.

    Shape:
        inputs as for one network -> (B, largest K * networks, outputs)

    Example:
        >>> class One(nn.Module):
        ...     def forward(self, inputs):
        ...         return torch.zeros(2, 1, 3)
        >>> Committee([One(), One()])({}).shape
        torch.Size([2, 2, 3])
    """

    def __init__(self, networks: Sequence[nn.Module]) -> None:
        super().__init__()
        self.networks = nn.ModuleList(networks)

    def forward(self, inputs: dict[str, Tensor]) -> Tensor:
        raw = [network(inputs) for network in self.networks]
        most = max(part.shape[1] for part in raw)
        # Each network counts alike, however many predictors it has.
        return torch.cat([part.repeat_interleave(most // part.shape[1], 1) for part in raw], 1)
