"""What every task is: a head's width, a loss, what is watched, and how raw outputs become an answer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np
from torch import Tensor

from lamina.features.answer import Answer
from lamina.features.base import Feature

__all__ = ["Task"]


class Task(ABC):
    """Learning one target column.

    Args:
        feature: the fitted feature of the target.
        settings: an instance of ``Settings``.

    Attributes:
        width: raw outputs that the task needs.
        state: what was learned from the validation rows (a threshold, a margin), JSON values.
        notes: sentences for the report on what the task did unasked.
    """

    name: ClassVar[str]
    writes: ClassVar[bool] = False  # whether its answer is written token by token, by a network that looks at its own
    Settings: ClassVar[type]

    def __init__(self, feature: Feature, settings: Any) -> None:
        self.feature = feature
        self.settings = settings
        self.state: dict[str, Any] = {}
        self.notes: list[str] = []

    @property
    @abstractmethod
    def width(self) -> int:
        """Raw outputs needed."""

    @abstractmethod
    def loss(self, raw: Tensor, target: Tensor) -> Tensor:
        """The mean loss of all members on a batch: (B, K, width), encoded targets -> scalar."""

    @abstractmethod
    def activate(self, raw: Tensor) -> Tensor:
        """Raw outputs as one prediction a row, the members averaged: (B, K, width) -> (B, width)."""

    @abstractmethod
    def ideal(self, target: Tensor) -> Tensor:
        """What a perfect network's activated outputs would be: encoded targets -> (B, width)."""

    @abstractmethod
    def judge(self, predicted: Tensor, target: Tensor) -> Tensor:
        """What early stopping watches, lower is better: (B, width) as activated, encoded targets -> (B,) per row."""

    @abstractmethod
    def answer(self, predicted: np.ndarray) -> Answer:
        """Activated outputs (n, width) as an answer in the column's own terms."""

    def calibrate(self, predicted: np.ndarray, target: np.ndarray) -> None:  # noqa: B027
        """Learn ``state`` from the validation rows: activated outputs (n, width), encoded targets."""

    def truth(self, target: np.ndarray) -> np.ndarray:
        """Encoded targets in the terms of an answer: codes, label flags, or values in the column's own unit."""
        return target
