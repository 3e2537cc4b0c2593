"""Parts of convolutional networks, for pictures and for frames of sound read as pictures of time by frequency.

Rows of frames are of different lengths, and short ones are filled up. So every part that looks at neighbours blanks
what is not there before it looks: a row's answer then does not hang on how far the rows beside it fill it up. Which
moments are there travels along as ``there``, (B, 1, T, 1) bool, or None where all are.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["BatchNorm2d", "Convolution", "MaxPool", "blanked", "halvings", "shortened", "through"]


def blanked(x: Tensor, there: Tensor | None) -> Tensor:
    """Zeros where nothing is there: (B, C, T, F), (B, 1, T, 1) -> (B, C, T, F)."""
    if there is None:
        return x
    if x.shape[1] == 1:  # by itself PyTorch would take a single channel for one that is first in memory
        return (x[:, 0] * there[:, 0])[..., None].permute(0, 3, 1, 2)
    return x * there


def shortened(there: Tensor | None, stride: int) -> Tensor | None:
    """What is there after a layer of that stride: a place is, if the one that it was made from first is."""
    return there if there is None or stride == 1 else there[:, :, ::stride]


def through(blocks: Iterable[nn.Module], x: Tensor, there: Tensor | None) -> tuple[Tensor, Tensor | None]:
    """One block after the other; each takes and gives (B, C, H, W) and what is there of it."""
    for block in blocks:
        x, there = block(x, there)
    return x, there


def halvings(sides: Iterable[int], least: int = 4) -> int:
    """How often a picture can be halved, odd sides rounded up, before its shorter side is below ``least``.

    Example:
        >>> halvings((32, 48)), halvings((28, 28)), halvings((224, 224))
        (3, 3, 6)
    """
    side, count = min(sides), 0
    while side >= 2 * least - 1:
        side, count = -(-side // 2), count + 1
    return count


class Convolution(nn.Conv2d):
    """A convolution that keeps the size, divided by the stride and rounded up; it starts as He et al. 2015 say.

    Shape:
        (B, inputs, H, W) -> (B, outputs, ceil(H / stride), ceil(W / stride))

    Example:
        >>> import torch
        >>> Convolution(3, 8, stride=2)(torch.zeros(1, 3, 9, 6)).shape
        torch.Size([1, 8, 5, 3])
    """

    def __init__(
        self, inputs: int, outputs: int, kernel: int = 3, stride: int = 1, groups: int = 1, bias: bool = False
    ) -> None:
        assert kernel % 2 == 1
        super().__init__(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=bias)
        self.middle = kernel // 2
        self.step = stride

    def forward(self, x: Tensor) -> Tensor:
        if self.step > 1 and self.groups > 1 and torch.is_autocast_enabled(x.device.type):
            # oneDNN has no fast bfloat16 gradient of a depthwise kernel with a stride: it took 50 times as long.
            every = F.conv2d(x, self.weight, self.bias, 1, self.middle, 1, self.groups)
            return every[:, :, :: self.step, :: self.step]
        if self.step == 1 or (self.middle and min(x.shape[2:]) > 1):
            return super().forward(x)
        return self._mended(x)

    def _mended(self, x: Tensor) -> Tensor:
        """The same numbers past two faults of oneDNN 3.x at a stride of 2.

        Its gradient of a bfloat16 kernel is garbage where a picture is one pixel wide, and its 1x1 kernels for AVX2
        write past their memory where channels are few.
        """
        weight, padding, stride = self.weight, [self.middle] * 2, [self.step] * 2
        if not self.middle:
            x, stride = x[:, :, :: self.step, :: self.step], [1, 1]
        for side in (0, 1):
            if x.shape[2 + side] == 1:  # all but the middle of the kernel meets nothing but padding
                weight = weight.narrow(2 + side, self.middle, 1)
                padding[side], stride[side] = 0, 1
        return F.conv2d(x, weight, self.bias, stride, padding, 1, self.groups)

    def reset_parameters(self) -> None:
        """Normal with deviation sqrt(2 / fan out), which keeps the size of gradients through a ReLU."""
        fan_out = self.out_channels * math.prod(self.kernel_size) // self.groups
        nn.init.normal_(self.weight, std=math.sqrt(2 / fan_out))
        if self.bias is not None:
            nn.init.zeros_(self.bias)


class BatchNorm2d(nn.BatchNorm2d):
    """Batch normalisation (Ioffe and Szegedy 2015) that trains on a single value too, by its running statistics.

    Args:
        channels: C.
        starts_at: the scale at the start; 0 at the end of a residual branch makes the block start as the identity,
            from which deep networks learn more easily (Goyal et al. 2017).

    Shape:
        (B, C, H, W) -> (B, C, H, W)
    """

    def __init__(self, channels: int, starts_at: float = 1.0) -> None:
        self.starts_at = starts_at
        super().__init__(channels)

    def reset_parameters(self) -> None:
        """The scale where it starts, no shift, running statistics of a standard normal."""
        super().reset_parameters()
        nn.init.constant_(self.weight, self.starts_at)

    def forward(self, x: Tensor) -> Tensor:
        if self.training and x.numel() <= x.shape[1]:
            return F.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps)
        return super().forward(x)


class MaxPool(nn.Module):
    """The maximum over windows, a stride of 2 apart: 2x2, or 3x3 that overlap.

    Shape:
        (B, C, H, W) -> (B, C, ceil(H / 2), ceil(W / 2)), and what is there of either
    """

    def __init__(self, kernel: int = 2) -> None:
        super().__init__()
        padding = kernel // 2 if kernel % 2 else 0
        self.pool = nn.MaxPool2d(kernel, stride=2, padding=padding, ceil_mode=kernel % 2 == 0)

    def forward(self, x: Tensor, there: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        if there is None:
            return self.pool(x), None
        after = shortened(there, 2)
        assert after is not None
        # What is not there must not be the largest either. Windows with nothing in them become zeros again.
        # (masked_fill would bring the channels to the front in memory.)
        return torch.where(after, self.pool(torch.where(there, x, -math.inf)), 0.0), after
