"""Binary classification: one of two classes."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from lamina.codecs.answers import BinaryAnswer
from lamina.config import setting, settings
from lamina.features.base import Feature
from lamina.tasks.base import RowTask
from lamina.tasks.threshold import Rule, choose
from lamina.tasks.weights import ClassWeights, class_weights

__all__ = ["Binary", "BinarySettings"]


@settings
class BinarySettings:
    """Settings of a two-class target."""

    class_weights: ClassWeights = setting("none", "none, balanced, or a weight for each class by name.")
    threshold: Rule = setting(
        "auto",
        "Probability from which on the answer is the second class: a number; f1 or balanced, the best on validation "
        "rows; auto, 0.5 unless a class has under 20% of the rows, then the best F1 of that class.",
    )


class Binary(RowTask):
    """Cross-entropy on one logit; class 1 is the second name in sorted order."""

    name: ClassVar[str] = "binary"
    kinds: ClassVar[tuple[str, ...]] = ("boolean", "category")
    Settings = BinarySettings

    def __init__(self, feature: Feature, settings: BinarySettings) -> None:
        super().__init__(feature, settings)
        self.weights = class_weights(settings.class_weights, feature.names, _counts(feature))  # type: ignore[attr-defined]
        self.state = {"threshold": 0.5}

    @property
    def width(self) -> int:
        return 1

    def loss(self, raw: Tensor, target: Tensor) -> Tensor:
        logits = raw.squeeze(-1)  # (B, K)
        wanted = target[:, None].expand_as(logits).type_as(logits)
        weights = None if self.weights is None else self.weights[target.long()][:, None]
        return F.binary_cross_entropy_with_logits(logits, wanted, weights)

    def activate(self, raw: Tensor) -> Tensor:
        return torch.sigmoid(raw.float()).mean(1)

    def ideal(self, target: Tensor) -> Tensor:
        return target[:, None].float()

    def judge(self, predicted: Tensor, target: Tensor) -> Tensor:
        return F.binary_cross_entropy(predicted[:, 0].clamp(1e-7, 1 - 1e-7), target.float(), reduction="none")

    def calibrate(self, predicted: np.ndarray, target: np.ndarray) -> None:
        self.state["threshold"], why = choose(target, predicted[:, 0], self.settings.threshold)
        self.notes = [why]

    def codec(self) -> BinaryAnswer:
        feature: Any = self.feature
        return BinaryAnswer(feature.column, feature.names, feature.state.native, float(self.state["threshold"]))


def _counts(feature: Feature) -> list[int]:
    state = feature.state
    return [state.no, state.yes] if feature.kind == "boolean" else state.counts
