"""Multi-class classification: one of three classes or more."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from lamina.codecs.answers import MulticlassAnswer
from lamina.config import setting, settings
from lamina.features.base import Feature
from lamina.tasks.base import RowTask
from lamina.tasks.weights import ClassWeights, class_weights

__all__ = ["Multiclass", "MulticlassSettings"]


@settings
class MulticlassSettings:
    """Settings of a target with several classes."""

    class_weights: ClassWeights = setting("none", "none, balanced, or a weight for each class by name.")
    label_smoothing: float = setting(0.0, "Share of the target spread evenly over all classes.", ge=0, lt=1)


class Multiclass(RowTask):
    """Softmax cross-entropy; the answer is the likeliest class."""

    name: ClassVar[str] = "multiclass"
    kinds: ClassVar[tuple[str, ...]] = ("category",)
    Settings = MulticlassSettings

    def __init__(self, feature: Feature, settings: MulticlassSettings) -> None:
        super().__init__(feature, settings)
        names, counts = feature.names, feature.state.counts  # type: ignore[attr-defined]
        self.weights = class_weights(settings.class_weights, names, counts)
        rarest = min(counts) / max(1, sum(counts))
        if settings.class_weights == "none" and rarest < 0.2 / len(counts):
            self.notes.append(
                f"The classes are unbalanced: {names[int(np.argmin(counts))]!r} has {rarest:.2%} of the training rows. "
                "Balanced accuracy and macro F1 count every class alike; class_weights=balanced trains so too."
            )

    @property
    def width(self) -> int:
        return len(self.feature.names)  # type: ignore[attr-defined]

    def loss(self, raw: Tensor, target: Tensor) -> Tensor:
        members = raw.shape[1]
        codes = target.long()[:, None].expand(-1, members).flatten()  # (B * K,)
        smoothing = self.settings.label_smoothing
        losses = F.cross_entropy(raw.flatten(0, 1), codes, label_smoothing=smoothing, reduction="none")
        # cross_entropy's own weights divide by those of the batch at hand, so pieces of a batch would not add up to it.
        return (losses if self.weights is None else losses * self.weights[codes]).mean()

    def activate(self, raw: Tensor) -> Tensor:
        return torch.softmax(raw.float(), -1).mean(1)

    def ideal(self, target: Tensor) -> Tensor:
        return F.one_hot(target.long(), self.width).float()

    def judge(self, predicted: Tensor, target: Tensor) -> Tensor:
        return F.nll_loss(predicted.clamp(min=1e-7).log(), target.long(), reduction="none")

    def codec(self) -> MulticlassAnswer:
        feature: Any = self.feature
        return MulticlassAnswer(feature.column, feature.names, feature.state.native)
