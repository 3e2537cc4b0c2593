"""Dropout whose masks are cut from a pool, for wide activations on a processor."""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["PooledDropout"]

PLACES = 65_536  # places in the pool where a mask may start


class PooledDropout(nn.Module):
    """Dropout (Srivastava et al. 2014) that draws one number a step instead of one a unit.

    The masks are stretches of one fixed pool, from a place that is drawn anew at each call. On a processor, drawing
    a number for each of B * K * width units took longer than the matrix product before them.

    Shape:
        any -> the same

    Example:
        >>> layer = PooledDropout(0.5)
        >>> sorted(set(layer(torch.ones(1000)).tolist()))
        [0.0, 2.0]
    """

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share
        self._pool = torch.empty(0)

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or not self.share:
            return x
        # The size goes up in powers of two, so that it, and with it the pool, does not hang on the batch's last rows.
        need = 1 << (x.numel() + PLACES - 1).bit_length()
        if self._pool.numel() < need or self._pool.dtype != x.dtype or self._pool.device != x.device:
            drawn = torch.rand(need, generator=torch.Generator().manual_seed(0))
            self._pool = ((drawn >= self.share) / (1 - self.share)).to(x.device, x.dtype)
        place = int(torch.randint(PLACES, ()))
        return x * self._pool[place : place + x.numel()].view(x.shape)

    def extra_repr(self) -> str:
        return f"{self.share}"
