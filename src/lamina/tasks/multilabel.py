"""Multi-label classification: any number of labels in a row."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from lamina.codecs.answers import MultilabelAnswer
from lamina.config import setting, settings
from lamina.features.base import Feature
from lamina.tasks.base import RowTask
from lamina.tasks.threshold import Rule, choose

__all__ = ["Multilabel", "MultilabelSettings"]


@settings
class MultilabelSettings:
    """Settings of a target with label sets."""

    threshold: Rule = setting(
        0.5, "Probability from which on a label is given: a number, or f1, balanced or auto for each label by itself."
    )


class Multilabel(RowTask):
    """Cross-entropy on one logit a label."""

    name: ClassVar[str] = "multilabel"
    kinds: ClassVar[tuple[str, ...]] = ("labels",)
    Settings = MultilabelSettings

    def __init__(self, feature: Feature, settings: MultilabelSettings) -> None:
        super().__init__(feature, settings)
        self.state = {"thresholds": [0.5] * self.width}

    @property
    def width(self) -> int:
        return len(self.feature.names)  # type: ignore[attr-defined]

    def loss(self, raw: Tensor, target: Tensor) -> Tensor:
        return F.binary_cross_entropy_with_logits(raw, target[:, None].expand_as(raw).type_as(raw))

    def activate(self, raw: Tensor) -> Tensor:
        return torch.sigmoid(raw.float()).mean(1)

    def ideal(self, target: Tensor) -> Tensor:
        return target.float()

    def judge(self, predicted: Tensor, target: Tensor) -> Tensor:
        return F.binary_cross_entropy(predicted.clamp(1e-7, 1 - 1e-7), target.float(), reduction="none").mean(1)

    def calibrate(self, predicted: np.ndarray, target: np.ndarray) -> None:
        rule = self.settings.threshold
        self.state["thresholds"] = [choose(target[:, k], predicted[:, k], rule).value for k in range(self.width)]

    def codec(self) -> MultilabelAnswer:
        feature: Any = self.feature
        separator = "" if feature.state.native == "list" else feature.settings.separator
        return MultilabelAnswer(feature.column, feature.names, separator, list(map(float, self.state["thresholds"])))
