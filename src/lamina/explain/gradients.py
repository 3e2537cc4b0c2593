"""How far back a recurrent network learns: the gradient that reaches each place, and a task that needs the first one.

In the copy task (after Hochreiter and Schmidhuber 1997) a network is shown a symbol, then noise for a while, and is
asked for the symbol at the end. What is to be learned lies a whole delay back, so a network learns it only if the
gradient of its answer reaches that far (Bengio et al. 1994).
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lamina.backbones.base import Backbone

__all__ = ["answered", "copy_task", "gradient_by_place", "gradient_of_row"]


def copy_task(rows: int, delay: int, symbols: int = 4, noise: int = 4, *, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Rows of a symbol, ``delay`` places of noise, and a mark that asks for the symbol.

    Args:
        rows: how many.
        delay: places between the symbol and the mark.
        symbols: how many there are; they are codes 1 to ``symbols``.
        noise: how many codes the noise has, which are those after the symbols; the mark is the code after these.
        seed: of the draws.

    Returns:
        (rows, delay + 2) int64 codes, and (rows,) which symbol, from 0.

    Example:
        >>> values, symbol = copy_task(2, delay=3)
        >>> values.shape, (values[:, 0] - 1 == symbol).all().item(), values[:, -1].tolist()
        (torch.Size([2, 5]), True, [9, 9])
    """
    generator = torch.Generator().manual_seed(seed)
    symbol = torch.randint(symbols, (rows,), generator=generator)
    between = torch.randint(symbols + 1, symbols + noise + 1, (rows, delay), generator=generator)
    mark = torch.full((rows, 1), symbols + noise + 1)
    return torch.cat([symbol[:, None] + 1, between, mark], 1), symbol


def gradient_by_place(backbone: Backbone, head: nn.Module, values: Tensor, target: Tensor) -> Tensor:
    """The length of the loss's gradient at the embedding of each place, the mean over rows: (T,).

    Args:
        backbone: over tokens or frames, whose first layer is ``steps``.
        head: from its vector to the classes.
        values: (B, T) int64 or (B, T, channels) float32, all rows of full length.
        target: (B,) classes.
    """
    lengths = torch.full((len(values),), values.shape[1])
    taken = _Taken(backbone)
    with taken:
        loss = F.cross_entropy(head(backbone(values, lengths)), target, reduction="sum")
    assert taken.value is not None
    (gradient,) = torch.autograd.grad(loss, taken.value)
    return gradient.norm(dim=2).mean(0)


def gradient_of_row(model: nn.Module, inputs: Mapping[str, Tensor], backbone: nn.Module) -> Tensor | None:
    """How much the answer to a row hangs on each place of one column: (T,), or None without places.

    Args:
        model: in evaluation mode.
        inputs: of one row.
        backbone: that of the column.
    """
    taken = _Taken(backbone)
    with torch.enable_grad(), taken:
        said = answered(model(dict(inputs)))
    if taken.value is None:
        return None
    (gradient,) = torch.autograd.grad(said, taken.value, allow_unused=True)
    return None if gradient is None else gradient[0].norm(dim=1)


def answered(raw: Tensor) -> Tensor:
    """What speaks for the answer to a single row: the largest raw output; of a single one its distance from zero.

    Shape:
        (1, K, outputs) -> ()

    Example:
        >>> answered(torch.tensor([[[-3.0]]])).item(), answered(torch.tensor([[[-3.0, 1.0]]])).item()
        (3.0, 1.0)
    """
    mean = raw.mean(1)[0]
    return mean[0].abs() if len(mean) == 1 else mean.max()


class _Taken:
    """What the first layer of a backbone gave, (B, T, width), as a leaf whose gradient can be asked for."""

    def __init__(self, backbone: nn.Module) -> None:
        self._steps = getattr(backbone, "steps", None)
        self.value: Tensor | None = None

    def _take(self, module: nn.Module, given: object, made: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        self.value = made[0].detach().requires_grad_()
        return self.value, made[1]

    def __enter__(self) -> None:
        self._handle = None if self._steps is None else self._steps.register_forward_hook(self._take)

    def __exit__(self, *error: object) -> None:
        if self._handle is not None:
            self._handle.remove()
