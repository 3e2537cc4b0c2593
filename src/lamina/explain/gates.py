"""Gates and states of recurrent layers over the places of a row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from lamina.nn.recurrent import Recurrence

__all__ = ["Gate", "gates"]


class Gate(NamedTuple):
    """One gate or state of one layer and direction.

    Attributes:
        name: of the module.
        direction: ``onward`` or ``back``.
        gate: ``input``, ``forget``, ``new``, ``output``, ``cell``, ``state``; ``reset`` and ``update`` of a GRU.
        values: (places, width); gates from 0 to 1, the others signed.
    """

    name: str
    direction: str
    gate: str
    values: Tensor

    @property
    def is_share(self) -> bool:
        """Whether it opens from 0 to 1."""
        return self.gate in ("input", "forget", "output", "reset", "update")


def gates(model: nn.Module, inputs: Mapping[str, Tensor]) -> list[Gate]:
    """What went on in every recurrent layer over a row, by formula from what the layer was given.

    Args:
        model: in evaluation mode.
        inputs: of one row.
    """
    found: list[Gate] = []

    def listen(name: str, module: Recurrence) -> Any:
        def look(_: nn.Module, given: tuple[Any, ...]) -> None:
            x, lengths = given[:2]
            if len(x) == 1:
                traces = module.trace(x[0, : max(1, int(lengths[0]))])
                for way, trace in zip(("onward", "back"), traces, strict=False):
                    found.extend(Gate(name, way, gate, values) for gate, values in trace.items())

        return look

    handles = [
        module.register_forward_pre_hook(listen(name, module))
        for name, module in model.named_modules()
        if isinstance(module, Recurrence)
    ]
    try:
        with torch.no_grad():
            model(dict(inputs))
    finally:
        for handle in handles:
            handle.remove()
    return found
