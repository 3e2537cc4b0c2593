"""The first layer of networks over words and frames: one vector a place."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from lamina.features.base import Slot
from lamina.nn.linear import Linear
from lamina.nn.wide import places_there

__all__ = ["Steps", "Words"]


class Words(nn.Embedding):
    """An embedding with a start of its own deviation; PyTorch's is 1, beside which what rare words learn is little.

    Args:
        size: how many codes there are.
        width: of a vector.
        deviation: of the normal distribution at the start.

    Shape:
        any of codes -> the same with a last axis of ``width``
    """

    def __init__(self, size: int, width: int, deviation: float) -> None:
        self.deviation = deviation
        super().__init__(size, width)

    def reset_parameters(self) -> None:
        """Normal with the deviation that was asked for."""
        nn.init.normal_(self.weight, std=self.deviation)


class Steps(nn.Module):
    """Tokens by their embedding, frames by a linear layer; what fills up short rows becomes zeros.

    There is at least one place, even if no row has any, since recurrent and convolutional layers need one.

    Args:
        slot: of group ``tokens`` or ``frames``.
        width: of a place's vector.
        deviation: of the embedding's start.

    Shape:
        tokens (B, T) int64, or frames (B, T, channels) float32; lengths (B,) -> (B, T, width), (B, T) bool

    Example:
        >>> import torch
        >>> steps = Steps(Slot("said", "value", "tokens", size=9), width=4, deviation=0.1)
        >>> x, there = steps(torch.tensor([[3, 5], [4, 0]]), torch.tensor([2, 1]))
        >>> x.shape, there.tolist()
        (torch.Size([2, 2, 4]), [[True, True], [True, False]])
    """

    def __init__(self, slot: Slot, width: int, deviation: float) -> None:
        super().__init__()
        self.embed: nn.Module
        self.is_tokens = slot.group == "tokens"
        if self.is_tokens:
            self.embed = Words(slot.size, width, deviation)
        else:
            self.embed = Linear(slot.shape[-1], width)

    def forward(self, values: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        if not values.shape[1]:
            values = F.pad(values, (0, 1) if self.is_tokens else (0, 0, 0, 1))
        there = places_there(lengths, values.shape[1])
        return self.embed(values) * there[..., None], there
