"""What augmentation draws: numbers for each row of a batch, from one generator."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["Draws"]


class Draws:
    """Numbers for each row, all from one generator, so that a batch's augmentation is a function of its seed.

    Args:
        generator: seeded by the caller; what follows is a function of its state and of what is asked, in order.
        rows: of the batch.
        repeat: how often each row's numbers are repeated: once for a picture, as often as it has pictures for a film.
        device: where the numbers are wanted.

    Example:
        >>> draws = Draws(torch.Generator().manual_seed(0), rows=2, repeat=2)
        >>> numbers = draws.uniform(-1, 1)
        >>> numbers.shape, bool(numbers[0] == numbers[1])
        (torch.Size([4]), True)
    """

    def __init__(
        self, generator: torch.Generator, rows: int, repeat: int = 1, device: torch.device | str = "cpu"
    ) -> None:
        self.generator, self.rows, self.repeat, self.device = generator, rows, repeat, device

    def _given(self, drawn: Tensor) -> Tensor:
        drawn = drawn.to(self.device)
        return drawn.repeat_interleave(self.repeat, 0) if self.repeat > 1 else drawn

    def uniform(self, low: float = 0.0, high: float = 1.0, *shape: int) -> Tensor:
        """Evenly between two ends, (rows * repeat, *shape) float32."""
        drawn = torch.rand((self.rows, *shape), generator=self.generator, device=self.generator.device)
        return self._given(drawn * (high - low) + low)

    def normal(self, *shape: int) -> Tensor:
        """Standard normal, (rows * repeat, *shape) float32."""
        return self._given(torch.randn((self.rows, *shape), generator=self.generator, device=self.generator.device))

    def whole(self, count: int, *shape: int) -> Tensor:
        """Whole numbers from 0 to count - 1, (rows * repeat, *shape) int64."""
        size = (self.rows, *shape)
        return self._given(torch.randint(count, size, generator=self.generator, device=self.generator.device))

    def chance(self, share: float, *shape: int) -> Tensor:
        """True for about a share of them, (rows * repeat, *shape) bool."""
        return self.uniform(0.0, 1.0, *shape) < share

    def noise(self, *shape: int) -> Tensor:
        """Bytes that all rows share, (*shape) uint8: where each row uses another part, nobody needs more."""
        drawn = torch.randint(256, shape, generator=self.generator, device=self.generator.device, dtype=torch.uint8)
        return drawn.to(self.device)
