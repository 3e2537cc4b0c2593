"""Linear layers of networks that write, which multiply a single row as often as many."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from lamina.nn.linear import Linear, multiplied

__all__ = ["Projection", "projected"]


def projected(rows: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """``rows @ weight.T + bias``, by the fastest way there is for one row; (..., n), (m, n), (m,) -> (..., m).

    A token that is written is one row, and its time is that in which the weights come from memory. On AMD's processors
    NumPy's library reads them two to three times as fast as PyTorch's two.

    Example:
        >>> projected(torch.ones(1, 3), torch.ones(2, 3)).tolist()
        [[3.0, 3.0]]
    """
    if rows.numel() != rows.shape[-1] or torch.is_grad_enabled() or not _plain(rows, weight):
        return multiplied(rows, weight, bias)
    out = torch.from_numpy(np.dot(weight.detach().numpy(), rows.detach().numpy().reshape(-1)))
    if bias is not None:
        out += bias
    return out.view(*rows.shape[:-1], -1)


def _plain(rows: Tensor, weight: Tensor) -> bool:
    """Whether NumPy can read them as they are."""
    return (
        rows.dtype == weight.dtype == torch.float32
        and rows.device.type == weight.device.type == "cpu"
        and not torch.compiler.is_compiling()
        and not torch.jit.is_tracing()  # type: ignore[attr-defined, no-untyped-call]
        and not torch.is_autocast_enabled("cpu")
    )


class Projection(Linear):
    """A linear layer whose start has a deviation of its own.

    Args:
        inputs, outputs: the width on either side.
        bias: whether there is one; it starts at zero.
        deviation: of the normal distribution at the start; ``sqrt(2 / 5 / inputs)`` if None, which is GPT-2's 0.02 at
            its width and goes with the width otherwise (Nguyen and Salazar 2019).

    Shape:
        (..., inputs) -> (..., outputs)

    Example:
        >>> Projection(3, 5)(torch.randn(2, 4, 3)).shape
        torch.Size([2, 4, 5])
    """

    def __init__(self, inputs: int, outputs: int, bias: bool = True, deviation: float | None = None) -> None:
        self.deviation = (2 / 5 / inputs) ** 0.5 if deviation is None else deviation
        super().__init__(inputs, outputs, bias)

    def reset_parameters(self) -> None:
        """Normal with the deviation that was asked for, and no bias."""
        nn.init.normal_(self.weight, std=self.deviation)
        if self.bias is not None:
            nn.init.zeros_(self.bias)

    def forward(self, rows: Tensor) -> Tensor:
        return projected(rows, self.weight, self.bias)
