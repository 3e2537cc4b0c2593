"""Pictures cut into patches."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["Patches"]


class Patches(nn.Conv2d):
    """Square patches side by side, each by the same linear layer; the last ones are filled up with zeros.

    Shape:
        (B, channels, H, W) -> (B, width, ceil(H / side), ceil(W / side))

    Example:
        >>> import torch
        >>> Patches(3, 8, side=4)(torch.zeros(2, 3, 9, 8)).shape
        torch.Size([2, 8, 3, 2])
    """

    def __init__(self, channels: int, width: int, side: int) -> None:
        super().__init__(channels, width, side, stride=side)
        self.side = side

    def forward(self, x: Tensor) -> Tensor:
        below, right = -x.shape[2] % self.side, -x.shape[3] % self.side
        return super().forward(F.pad(x, (0, right, 0, below)) if below or right else x)
