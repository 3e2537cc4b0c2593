"""What every network over one wide column is."""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn

from lamina.features.base import Slot

__all__ = ["Backbone", "has_parameters", "joined", "mean_over"]

MOST_PARTS = 12  # that are frozen, opened or slowed down apart


class Backbone(nn.Module, ABC):
    """A network over a column of pictures, texts, sounds or series, built from its slot alone.

    A subclass names its ``Settings`` and the ``groups`` of slots that it reads, sets ``width``, and writes
    ``__init__(slot, settings)`` and ``sequence``; ``forward`` where the mean over the sequence is not its way.

    Shape:
        values: (B, height, width, channels) uint8 for ``image``, or float32 from 0 to 255 once augmented; (B, T) int64
            for ``tokens``; (B, T, channels) float32 for ``frames``; (B, T, height, width, channels) for ``clip``
        lengths: (B,) int64, items of each row; 0 where the cell is missing, and the answer for it is then ignored
        returns: (B, width)

    Attributes:
        width: of the vector.
        frozen: how many parts, from the input on, stay as they are: they get no gradient, and are in evaluation mode
            whatever the mode of the rest, so that what normalisation layers keep does not move either.
        opens: the step at which each part begins to learn, from the input on; empty: they do as they are.
        rates: what the step size of each part is multiplied by, from the input on; empty: 1.
    """

    Settings: ClassVar[type]
    groups: ClassVar[tuple[str, ...]]
    width: int

    @abstractmethod
    def __init__(self, slot: Slot, settings: Any) -> None:
        super().__init__()
        self.frozen = 0
        self.opens: tuple[float, ...] = ()
        self.rates: tuple[float, ...] = ()
        self._mode = True

    @abstractmethod
    def sequence(self, values: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """One vector a place, (B, places, width), and which places are there, (B, places) bool.

        Places are words, moments, or the cells of the last feature map, row by row.
        """

    def forward(self, values: Tensor, lengths: Tensor) -> Tensor:
        """One vector a row, (B, width)."""
        return mean_over(*self.sequence(values, lengths))

    def by_depth(self) -> list[list[nn.Module]]:
        """The parts that learn, from the input to the output: what is frozen, opened or slowed down together.

        By default the items of each list of layers are a part each, and neighbours join where there are very many.
        What stands before the first list is one part together, and what stands after a list belongs to its last item.
        Without a list each layer is a part.
        """
        before: list[nn.Module] = []
        parts: list[list[nn.Module]] = []
        for child in self.children():
            if not has_parameters(child):
                continue
            if isinstance(child, nn.ModuleList | nn.Sequential):
                parts += [[item] for item in child if has_parameters(item)]
            elif parts:
                parts[-1].append(child)
            else:
                before.append(child)
        if not parts:
            return [[child] for child in before]
        return joined([before, *parts] if before else parts)

    def freeze(self, count: int) -> None:
        """Keep the first ``count`` parts as they are, and let the others learn; all parts, if there are no more."""
        parts = self.by_depth()
        self.frozen = min(count, len(parts))
        self.requires_grad_(not self.frozen)  # vectors of the network's own go with its input
        for part in parts[self.frozen :]:
            for module in part:
                module.requires_grad_(True)
        self.train(self._mode)

    def open(self, step: float) -> None:
        """Freeze the parts whose step has not come."""
        closed = sum(step < opens for opens in self.opens)
        if self.opens and closed != self.frozen:
            self.freeze(closed)

    def factors(self) -> dict[nn.Parameter, float]:
        """What the step size of each parameter is multiplied by, where that is said; own vectors go with the input."""
        found = dict.fromkeys(self.parameters(), self.rates[0]) if self.rates else {}
        for part, rate in zip(self.by_depth(), self.rates, strict=False):
            found |= {parameter: rate for module in part for parameter in module.parameters()}
        return found

    def train(self, mode: bool = True) -> Self:
        """Set the mode of all parts but the frozen ones; a network that is frozen as a whole drops nothing either."""
        self._mode = mode
        parts = self.by_depth() if self.frozen else []
        if self.frozen and self.frozen == len(parts):
            return super().train(False)
        super().train(mode)
        for part in parts[: self.frozen]:
            for module in part:
                module.eval()
        return self


def joined(parts: list[list[nn.Module]]) -> list[list[nn.Module]]:
    """Parts by depth, neighbours joined evenly so that there are at most 12."""
    count = min(len(parts), MOST_PARTS)
    edges = [len(parts) * place // count for place in range(count + 1)]
    return [[module for part in parts[low:high] for module in part] for low, high in itertools.pairwise(edges)]


def has_parameters(module: nn.Module) -> bool:
    """Whether a layer, or one in it, has weights."""
    return next(module.parameters(), None) is not None


def mean_over(sequence: Tensor, there: Tensor) -> Tensor:
    """The mean over the places that are there; zeros where none is: (B, places, width), (B, places) -> (B, width)."""
    weights = there.to(sequence.dtype)
    return torch.einsum("bpw,bp->bw", sequence, weights) / weights.sum(1, keepdim=True).clamp(min=1)
