"""What every pretext is: a question about a row whose answer lies in the row itself."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from lamina.backbones.base import Backbone
from lamina.features.base import Slot

__all__ = ["Pretext", "shared_out"]


class Pretext(nn.Module, ABC):
    """A question that the rows of a wide column answer themselves, and the head that is thrown away afterwards.

    A subclass names its ``Settings`` and the ``groups`` of slots that it can ask about, and writes
    ``__init__(backbone, slot, settings)`` and ``forward``. The backbone is not a part of it: only that is kept.

    In training it draws from torch's own generator, which the training loop seeds at each step; in evaluation always
    the same, so that valid losses can be compared.

    Shape:
        backbone: over the column.
        values, lengths: as a backbone takes them.
        returns: (B,), losses whose mean is to be small; 0 for missing cells.
    """

    Settings: ClassVar[type]
    groups: ClassVar[tuple[str, ...]]

    @abstractmethod
    def __init__(self, backbone: Backbone, slot: Slot, settings: Any) -> None:
        super().__init__()

    @abstractmethod
    def forward(self, backbone: Backbone, values: Tensor, lengths: Tensor) -> Tensor:
        """One loss a row, (B,)."""

    def generator(self) -> torch.Generator:
        """What chance is drawn from."""
        return torch.default_generator if self.training else torch.Generator().manual_seed(0)


def shared_out(losses: Tensor, counted: Tensor) -> Tensor:
    """Losses of which only some count, as one a row whose mean over the rows is the mean of those that count.

    Shape:
        (B, ...), (B, ...) bool -> (B,)

    Example:
        >>> shared_out(torch.tensor([[1.0, 9.0], [5.0, 9.0]]), torch.tensor([[True, False], [True, False]]))
        tensor([1., 5.])
    """
    share = len(losses) / counted.sum().clamp(min=1)
    return torch.where(counted, losses, 0.0).flatten(1).sum(1) * share if losses.ndim > 1 else losses * counted * share
