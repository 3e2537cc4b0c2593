"""The layer that multiplies, by the faster of PyTorch's two libraries."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["Linear", "multiplied", "multiplies_by_onednn"]

NARROW = 16  # outputs below which a call of oneDNN costs more than its product


@functools.cache
def multiplies_by_onednn() -> bool:
    """Whether oneDNN beats MKL at float32 products here.

    PyTorch multiplies float32 matrices by MKL, which keeps its AVX-512 kernels for Intel's processors: on AMD's, oneDNN
    takes half of the time. It is asked of the processor's maker rather than measured, so that a run comes again.
    """
    if not (torch.backends.mkldnn.is_available() and torch.backends.mkl.is_available()):
        return False
    if torch.backends.cpu.get_cpu_capability() != "AVX512" or not hasattr(torch.ops.mkldnn, "_linear_pointwise"):
        return False
    try:
        return "AuthenticAMD" in Path("/proc/cpuinfo").read_text()
    except OSError:  # not Linux: nothing is known of the processor
        return False


def _product(rows: Tensor, weight: Tensor, bias: Tensor | None = None, activation: str = "none") -> Tensor:
    """rows (B, n), weight (m, n) -> (B, m)."""
    product: Tensor = torch.ops.mkldnn._linear_pointwise(rows, weight, bias, activation, [], "")
    return product


class _OneDNN(torch.autograd.Function):
    """``activation(rows @ weight.T + bias)`` in one call, and its gradient in three."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, weight: Tensor, bias: Tensor | None, activation: str) -> Tensor:
        """(B, n), (m, n), (m,) -> (B, m)."""
        out = _product(rows, weight, bias, activation)
        ctx.save_for_backward(rows, weight, out if activation == "relu" else None)
        ctx.has_bias = bias is not None
        return out

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor, Tensor | None, None]:
        """The gradient of the output, (B, m), to those of rows, weight and bias."""
        rows, weight, out = ctx.saved_tensors
        # Only PyTorch's own product can be differentiated once more.
        product = functional.linear if torch.is_grad_enabled() else _product
        if out is not None:
            gradient = torch.ops.aten.threshold_backward(gradient, out, 0)
        to_rows = product(gradient, weight.t()) if ctx.needs_input_grad[0] else None
        # Of two matrices that lie across, the product is a quarter faster where the narrower one is on the left.
        if gradient.shape[1] > rows.shape[1]:
            to_weight = product(rows.t(), gradient.t()).t()
        else:
            to_weight = product(gradient.t(), rows.t())
        return to_rows, to_weight, gradient.sum(0) if ctx.has_bias else None, None


def multiplied(
    rows: Tensor, weight: Tensor, bias: Tensor | None = None, activation: Literal["none", "relu"] = "none"
) -> Tensor:
    """``activation(rows @ weight.T + bias)`` by the faster library; (..., n), (m, n), (m,) -> (..., m).

    Example:
        >>> multiplied(torch.ones(2, 3), torch.ones(1, 3)).tolist()
        [[3.0], [3.0]]
    """
    if not _fits(rows, weight):
        plain = functional.linear(rows, weight, bias)
        return plain.relu() if activation == "relu" else plain
    flat = rows if rows.ndim == 2 else rows.reshape(-1, rows.shape[-1])
    out: Tensor = _OneDNN.apply(flat, weight, bias, activation)  # type: ignore[no-untyped-call]
    return out if rows.ndim == 2 else out.view(*rows.shape[:-1], len(weight))


def _fits(rows: Tensor, weight: Tensor) -> bool:
    """Whether oneDNN is the faster way for these rows, and one that is open."""
    return (
        not torch.compiler.is_compiling()  # first: what is asked of a size is written down in a graph
        and multiplies_by_onednn()
        and len(weight) >= NARROW
        and rows.dtype == weight.dtype == torch.float32
        and rows.device.type == "cpu"
        and rows.numel() > 0
        and not torch.is_autocast_enabled("cpu")
    )


class Linear(nn.Linear):
    """``nn.Linear``, and a ReLU after it on request; the same numbers, to rounding.

    Args:
        inputs, outputs: the width on either side.
        bias: whether there is one.
        activation: what follows.

    Shape:
        (..., inputs) -> (..., outputs)

    Example:
        >>> Linear(3, 32, activation="relu")(torch.randn(2, 5, 3)).shape
        torch.Size([2, 5, 32])
    """

    def __init__(
        self, inputs: int, outputs: int, bias: bool = True, activation: Literal["none", "relu"] = "none"
    ) -> None:
        super().__init__(inputs, outputs, bias)
        self.activation = activation

    def forward(self, rows: Tensor) -> Tensor:
        return multiplied(rows, self.weight, self.bias, self.activation)

    def extra_repr(self) -> str:
        return super().extra_repr() + (f", activation={self.activation}" if self.activation != "none" else "")
