"""Layers of a parameter-sharing ensemble: many predictors in one network (Gorishniy et al. 2025, TabM).

They follow the dtype of their input: under autocast all activations are bfloat16 while the weights stay float32. The
layers of the ``tabm`` package multiply in float32 between the matrix products; here that cost six times as much.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["Heads", "SharedLinear", "Views"]


class Views(nn.Module):
    """The row as each member sees it: the input times a scale of the member's own.

    The scales start as random signs, one for each chunk of inputs that belong together, so that the members begin
    far apart.

    Args:
        chunks: widths of the chunks; their sum is the input's width.
        members: K.

    Shape:
        (B, width) -> (B * K, width), the members of one row side by side
    """

    def __init__(self, chunks: list[int], members: int) -> None:
        super().__init__()
        self.chunks = chunks
        self.scale = nn.Parameter(torch.empty(members, sum(chunks)))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Random signs."""
        signs = torch.randint(0, 2, (len(self.scale), len(self.chunks))) * 2.0 - 1
        with torch.no_grad():
            self.scale.copy_(signs.repeat_interleave(torch.tensor(self.chunks, dtype=torch.long), 1))

    def forward(self, x: Tensor) -> Tensor:
        return (x[:, None] * self.scale.to(x.dtype)).flatten(0, 1)


class SharedLinear(nn.Linear):
    """A linear layer in the dtype of its input.

    Shape:
        (..., in) -> (..., out)
    """

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight.to(x.dtype), None if self.bias is None else self.bias.to(x.dtype))


class Heads(nn.Module):
    """A linear head for each member.

    Shape:
        (B * K, width) -> (B, K, outputs) float32
    """

    def __init__(self, width: int, outputs: int, members: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(members, width, outputs))
        self.bias = nn.Parameter(torch.empty(members, outputs))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Uniform in +-1/sqrt(width), as torch.nn.Linear."""
        bound = self.weight.shape[1] ** -0.5
        for parameter in (self.weight, self.bias):
            nn.init.uniform_(parameter, -bound, bound)

    def forward(self, x: Tensor) -> Tensor:
        x = x.unflatten(0, (-1, len(self.weight)))  # (B, K, width)
        if self.weight.shape[2] == 1:
            # A sum of products is faster than K matrix products with one column each.
            return (x * self.weight[..., 0].to(x.dtype)).sum(-1, keepdim=True, dtype=torch.float32) + self.bias
        out = torch.einsum("bkw,kwo->bko", x, self.weight.to(x.dtype))
        return out.float() + self.bias
