"""The sines of places, kept from one call to the next."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lamina.nn.positions import sines

__all__ = ["Sines"]

ROOM = 64  # places that are worked out at first; it doubles


class Sines(nn.Module):
    """As :func:`lamina.nn.positions.sines`, worked out anew only when there are more places than ever before.

    Args:
        width: of a place's vector.

    Shape:
        a count of places, and the device that they are for -> (count, width)

    Example:
        >>> Sines(4)(2, torch.device("cpu"))[0].tolist()
        [0.0, 1.0, 0.0, 1.0]
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width
        self._table = torch.empty(0, width)

    def forward(self, count: int, device: torch.device) -> Tensor:
        if len(self._table) < count or self._table.device != device:
            room = max(ROOM, 1 << (count - 1).bit_length())
            with torch.inference_mode(False):  # what is made in writing may be learned with later
                self._table = sines(room, self.width, device)
        return self._table[:count]
