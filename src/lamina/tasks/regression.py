"""Regression: a number, by one of several losses."""

from __future__ import annotations

import math
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import pydantic
import torch
import torch.nn.functional as F
from torch import Tensor

from lamina.codecs.answers import INTERVAL, RegressionAnswer
from lamina.config import setting, settings
from lamina.features.base import Feature
from lamina.tasks.base import RowTask

__all__ = ["Regression", "RegressionSettings"]


@settings
class RegressionSettings:
    """Settings of a number target."""

    loss: Literal["squared", "absolute", "huber", "gaussian", "quantiles"] = setting(
        "squared",
        "squared predicts the mean; absolute the median; huber between them; gaussian mean and deviation; "
        "quantiles several quantiles at once.",
    )
    quantiles: list[Annotated[float, pydantic.Field(gt=0, lt=1)]] = setting(
        [0.05, 0.25, 0.5, 0.75, 0.95],
        "Shares to predict with loss=quantiles; the middle one is the prediction.",
        min_length=1,
    )
    huber_delta: float = setting(1.0, "Error, in deviations of the target, from which on huber is linear.", gt=0)
    clip: bool = setting(True, "Keep predictions within the range of the training rows.")


class Regression(RowTask):
    """A number, learned in deviations from the training mean.

    The interval is the loss's own where it has one (gaussian, quantiles); else the prediction plus and minus the
    error that 90% of the validation rows stay below.
    """

    name: ClassVar[str] = "regression"
    kinds: ClassVar[tuple[str, ...]] = ("number",)
    Settings = RegressionSettings

    def __init__(self, feature: Feature, settings: RegressionSettings) -> None:
        super().__init__(feature, settings)
        self.shares = sorted(set(settings.quantiles))
        self.state = {"margin": None}

    @property
    def width(self) -> int:
        return {"gaussian": 2, "quantiles": len(self.shares)}.get(self.settings.loss, 1)

    def loss(self, raw: Tensor, target: Tensor) -> Tensor:
        wanted = target[:, None].expand(raw.shape[:2])  # (B, K)
        kind = self.settings.loss
        if kind == "squared":
            return F.mse_loss(raw[..., 0], wanted)
        if kind == "absolute":
            return F.l1_loss(raw[..., 0], wanted)
        if kind == "huber":
            return F.huber_loss(raw[..., 0], wanted, delta=self.settings.huber_delta)
        if kind == "gaussian":
            # -log N(y; mean, variance) without its constant; softplus keeps the variance positive.
            variance = F.softplus(raw[..., 1]) + 1e-4
            return (0.5 * variance.log() + 0.5 * (wanted - raw[..., 0]) ** 2 / variance).mean()
        return _pinball(raw, wanted, self.shares).mean()

    def activate(self, raw: Tensor) -> Tensor:
        raw = raw.float()
        if self.settings.loss == "gaussian":
            # The members are an even mixture: its variance is the mean variance and the variance of the means.
            mean, variance = raw[..., 0], F.softplus(raw[..., 1]) + 1e-4  # (B, K)
            total = variance.mean(1) + mean.var(1, correction=0)
            return torch.stack([mean.mean(1), total.sqrt()], 1)
        if self.settings.loss == "quantiles":
            return raw.mean(1).sort(1).values  # quantiles in order, whatever the network says
        return raw.mean(1)

    def ideal(self, target: Tensor) -> Tensor:
        return target[:, None].expand(-1, self.width)

    def judge(self, predicted: Tensor, target: Tensor) -> Tensor:
        kind = self.settings.loss
        if kind == "gaussian":
            return 0.5 * ((target - predicted[:, 0]) / predicted[:, 1]) ** 2 + predicted[:, 1].log()
        if kind == "quantiles":
            return _pinball(predicted[:, None], target[:, None], self.shares)[:, 0]
        error = (predicted[:, 0] - target).abs()
        if kind == "huber":
            return F.huber_loss(predicted[:, 0], target, delta=self.settings.huber_delta, reduction="none")
        return error if kind == "absolute" else error**2

    def calibrate(self, predicted: np.ndarray, target: np.ndarray) -> None:
        if self.settings.loss in ("gaussian", "quantiles") or not len(target):
            return
        errors = np.sort(np.abs(self.codec().point(predicted) - self.truth(target)))
        # The rank of split conformal prediction: a new row's error lies below it in at least 90% (Lei et al. 2018).
        rank = min(len(errors), math.ceil((len(errors) + 1) * INTERVAL))
        self.state["margin"] = float(errors[rank - 1])

    def truth(self, target: np.ndarray) -> np.ndarray:
        return self.feature.decode(target).to_numpy()

    def codec(self) -> RegressionAnswer:
        feature: Any = self.feature
        low, high = (feature.state.low, feature.state.high) if self.settings.clip else (None, None)
        shares = self.shares if self.settings.loss == "quantiles" else []
        number = feature.codec().to_json()
        return RegressionAnswer(feature.column, number, self.settings.loss, shares, low, high, self.state["margin"])


def _pinball(raw: Tensor, wanted: Tensor, shares: list[float]) -> Tensor:
    """max(q e, (q - 1) e) averaged over the quantiles, e the error (Koenker and Bassett 1978): (B, K, Q) -> (B, K)."""
    share = torch.tensor(shares)
    error = wanted[..., None] - raw
    return torch.maximum(share * error, (share - 1) * error).mean(-1)
