"""What every task is: a head's width, a loss, what is watched, and how raw outputs become an answer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from torch import Tensor

from lamina.codecs.answers import Answering
from lamina.features.answer import Answer
from lamina.features.base import Feature

__all__ = ["RowTask", "Task"]


class Task(ABC):
    """Learning one target column: a vector a row (:class:`RowTask`), or more (:class:`lamina.tasks.alone.Alone`).

    Args:
        feature: the fitted feature of the target.
        settings: an instance of ``Settings``.

    Attributes:
        gives: what a network must give for it, as :attr:`lamina.models.base.Model.gives` says.
        kinds: the kinds of target columns that it is for.
        width: raw outputs that the task needs.
        state: what was learned from the validation rows (a threshold, a margin), JSON values.
        notes: sentences for the report on what the task did unasked.
    """

    name: ClassVar[str]
    gives: ClassVar[str]
    kinds: ClassVar[tuple[str, ...]]
    Settings: ClassVar[type]

    def __init__(self, feature: Feature, settings: Any) -> None:
        self.feature = feature
        self.settings = settings
        self.state: dict[str, Any] = {}
        self.notes: list[str] = []

    @classmethod
    def suits(cls, inputs: Sequence[Feature]) -> bool:
        """Whether such a target is predicted from such columns where nobody says otherwise."""
        return True

    @property
    @abstractmethod
    def width(self) -> int:
        """Raw outputs needed."""

    @abstractmethod
    def loss(self, raw: Tensor, target: Tensor) -> Tensor:
        """The mean loss of a batch: raw outputs, encoded targets -> scalar."""

    @abstractmethod
    def activate(self, raw: Tensor) -> Tensor:
        """Raw outputs as predictions."""

    @abstractmethod
    def judge(self, predicted: Tensor, target: Tensor) -> Tensor:
        """What early stopping watches, lower is better: activated outputs, encoded targets -> (B,) per row."""

    @abstractmethod
    def answer(self, predicted: Any) -> Answer:
        """Predictions for n rows as an answer in the column's own terms."""

    def truth(self, target: Any) -> np.ndarray:
        """Encoded targets in the terms of an answer: codes, label flags, or values in the column's own unit."""
        return np.asarray(target)


class RowTask(Task):
    """A target that takes one vector a row: those of several networks are averaged, and targets stand side by side.

    Shape:
        loss: (B, K, width), the mean over all members
        activate: (B, K, width) -> (B, width), the members averaged
        judge: (B, width) as activated
        answer: (n, width) as activated
    """

    gives: ClassVar[str] = "row"

    @abstractmethod
    def ideal(self, target: Tensor) -> Tensor:
        """What a perfect network's activated outputs would be: encoded targets -> (B, width)."""

    @abstractmethod
    def codec(self) -> Answering:
        """What turns activated outputs into predictions, without torch and polars."""

    def answer(self, predicted: np.ndarray) -> Answer:
        return Answer(**self.codec().parts(predicted))

    def calibrate(self, predicted: np.ndarray, target: np.ndarray) -> None:
        """Learn ``state`` from the validation rows: activated outputs (n, width), encoded targets."""
