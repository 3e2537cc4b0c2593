"""What every architecture is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from lamina.errors import UsageError
from lamina.features.layout import Layout

__all__ = ["Foreign", "Model"]


class Model(nn.Module, ABC):
    """A network over the columns of a table, built from their layout alone.

    A subclass names its ``Settings`` and writes ``__init__(layout, outputs, settings)`` and ``forward``.

    Shape:
        inputs: ``number`` (B, numbers) float32, ``flag`` (B, flags) float32, ``category`` (B, categories) int64; and
            the arrays of wide slots (see :class:`lamina.data.batches.Batch`)
        returns: (B, K, outputs), raw. K predictors look at each row; most models have one.
    """

    Settings: ClassVar[type]
    reads_wide: ClassVar[bool] = False  # whether it reads pictures, texts, sounds and series too
    gives: ClassVar[str] = "row"  # a vector a row; else what a task that is predicted alone asks for by this word
    remembers: ClassVar[bool] = False  # whether ``remember`` must be called before the first forward pass

    @abstractmethod
    def __init__(self, layout: Layout, outputs: int, settings: Any) -> None:
        super().__init__()

    @abstractmethod
    def forward(self, inputs: dict[str, Tensor]) -> Tensor:
        """Raw outputs, (B, K, outputs)."""

    def remember(self, inputs: dict[str, Tensor], answers: Tensor) -> None:
        """Take in training rows, for models that answer by them; the others keep nothing.

        Args:
            inputs: arrays of n rows by group.
            answers: (n, outputs), what a perfect network would give for them.
        """


class Foreign(nn.Module):
    """Any module of the user's from (B, width) float32 to (B, outputs), in the place of a model.

    Its input is numbers, flags and one-hot categories side by side, ``layout.dense_width`` columns.

    Raises:
        UsageError: if the module does not take or give these shapes.
    """

    def __init__(self, module: nn.Module, layout: Layout, outputs: int) -> None:
        super().__init__()
        self.module = module
        self.sizes = layout.sizes
        self._try(layout, outputs)

    def _try(self, layout: Layout, outputs: int) -> None:
        was_training = self.module.training
        self.module.eval()
        rows = torch.zeros(2, layout.dense_width)
        try:
            with torch.no_grad():
                given = tuple(self.module(rows).shape)
        except (RuntimeError, ValueError, TypeError, IndexError) as error:
            raise UsageError(
                "the module does not take this table's rows",
                got=str(error),
                allowed=f"input {tuple(rows.shape)} float32",
            ) from error
        if given != (2, outputs):
            raise UsageError(
                "the module gives outputs of another shape", got=given, allowed=(2, outputs), do="change its last layer"
            )
        self.module.train(was_training)

    def forward(self, inputs: dict[str, Tensor]) -> Tensor:
        parts = [inputs["number"], inputs["flag"]]
        codes = inputs["category"]
        parts += [nn.functional.one_hot(codes[:, k], size).float() for k, size in enumerate(self.sizes)]
        return self.module(torch.cat(parts, 1))[:, None]
