"""Where a loss or gradient that is no number came from."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from lamina.errors import NonFiniteError, some

__all__ = ["explain"]


def explain(model: nn.Module, again: Callable[[], Tensor], step: int, rows: np.ndarray) -> NonFiniteError:
    """Repeat a step with a look at every layer, and say which was first to give something that is no number.

    Args:
        model: the network, its weights as before the step.
        again: runs the step's forward pass and gives its loss.
        step: the step, for the message.
        rows: numbers of the batch's rows in the source table.
    """
    model.zero_grad(set_to_none=True)
    first: list[str] = []

    def look(name: str) -> Callable[..., None]:
        def hook(module: nn.Module, inputs: tuple[object, ...], output: object) -> None:
            if not first and torch.is_tensor(output) and not torch.isfinite(output).all():
                first.append(name)

        return hook

    leaves = [(name, module) for name, module in model.named_modules() if not list(module.children())]
    handles = [module.register_forward_hook(look(name)) for name, module in leaves]
    loss = again()
    for handle in handles:
        handle.remove()
    broken = [name for name, parameter in model.named_parameters() if not torch.isfinite(parameter).all()]
    if broken:
        where = f"the weights {broken[0]}"
    elif first:
        where = f"the output of layer {first[0]!r}"
    elif not torch.isfinite(loss):
        where = "the loss itself (the network's outputs are finite)"
    else:
        where = _first_gradient(model, loss)
    return NonFiniteError(
        f"step {step} was stopped before its update: {where} is not finite",
        got=f"a batch of {len(rows)} rows, numbers {some(rows.tolist(), 8)}",
        do="lower train.learning_rate, set train.clip, or look at these rows; the run can be resumed",
    )


def _first_gradient(model: nn.Module, loss: Tensor) -> str:
    """The layer nearest to the loss whose gradient is not finite: backward runs from the last layer to the first."""
    loss.backward()
    bad = [
        name
        for name, parameter in model.named_parameters()
        if parameter.grad is not None and not torch.isfinite(parameter.grad).all()
    ]
    model.zero_grad(set_to_none=True)
    return f"the gradient of {bad[-1]!r}" if bad else "the gradient"
