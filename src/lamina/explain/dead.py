"""Units that do nothing: those never above zero after a ReLU, and those of one value for all rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from lamina.nn.linear import Linear

__all__ = ["Units", "dead_units", "sentence"]


class Units(NamedTuple):
    """The units of one activation; of a map or of places a unit is a channel.

    Attributes:
        name: of the module.
        size: how many units there are.
        dead: how many were never above zero.
        constant: how many had one value for all rows and places, the dead ones counted.
    """

    name: str
    size: int
    dead: int
    constant: int


def dead_units(model: nn.Module, batches: Iterable[Mapping[str, Tensor]]) -> list[Units]:
    """Look at every ReLU over some batches.

    Args:
        model: it is run as it is: put it into evaluation mode.
        batches: inputs of some rows each; a thousand rows say enough.

    Example:
        >>> layer = Linear(1, 2, activation="relu")
        >>> with torch.no_grad():
        ...     _ = layer.weight.copy_(torch.tensor([[1.0], [0.0]])), layer.bias.copy_(torch.tensor([0.0, -1.0]))
        >>> class Net(nn.Module):
        ...     def __init__(self):
        ...         super().__init__(); self.layer = layer
        ...     def forward(self, inputs):
        ...         return self.layer(inputs["number"])
        >>> dead_units(Net(), [{"number": torch.ones(3, 1)}, {"number": torch.zeros(3, 1)}])
        [Units(name='layer', size=2, dead=1, constant=1)]
    """
    low: dict[str, Tensor] = {}
    high: dict[str, Tensor] = {}

    def listen(name: str) -> Any:
        def look(_: nn.Module, given: object, made: Tensor) -> None:
            units = (made.movedim(1, -1) if made.ndim == 4 else made).flatten(0, -2)
            if len(units):
                low[name] = torch.minimum(low.get(name, units.amin(0)), units.amin(0))
                high[name] = torch.maximum(high.get(name, units.amax(0)), units.amax(0))

        return look

    handles = [
        module.register_forward_hook(listen(name))
        for name, module in model.named_modules()
        if isinstance(module, nn.ReLU) or (isinstance(module, Linear) and module.activation == "relu")
    ]
    try:
        with torch.inference_mode():
            for batch in batches:
                model(dict(batch))
    finally:
        for handle in handles:
            handle.remove()
    return [
        Units(name, len(most), int((most <= 0).sum()), int((most == low[name]).sum())) for name, most in high.items()
    ]


def sentence(units: Iterable[Units], rows: int) -> str:
    """The same for people; empty where there is no ReLU.

    Example:
        >>> sentence([Units("trunk.0", 8, 2, 2), Units("trunk.2", 8, 0, 1)], rows=9)
        'On 9 rows 2 of 16 units were never above zero (12%), most of them in trunk.0; 1 more had one value throughout.'
    """
    units = list(units)
    count, dead = sum(one.size for one in units), sum(one.dead for one in units)
    if not count:
        return ""
    more = sum(one.constant - one.dead for one in units)
    also = f"; {more:,} more had one value throughout" if more else ""
    if not dead:
        return f"On {rows:,} rows each of the {count:,} units was above zero at least once{also}."
    worst = max(units, key=lambda one: one.dead).name
    return (
        f"On {rows:,} rows {dead:,} of {count:,} units were never above zero ({dead / count:.0%}), "
        f"most of them in {worst}{also}."
    )
