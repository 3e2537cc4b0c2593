"""What a network says of rows as people read it: columns of plain values, by the name of the target."""

from __future__ import annotations

import dataclasses
from abc import abstractmethod
from statistics import NormalDist
from typing import Any, ClassVar

import numpy as np

from lamina.codecs.base import State
from lamina.codecs.category import native
from lamina.codecs.number import NumberCodec

__all__ = ["INTERVAL", "Answering", "BinaryAnswer", "MulticlassAnswer", "MultilabelAnswer", "RegressionAnswer"]

INTERVAL = 0.9  # share of rows that the interval of a prediction is to hold
_Z = NormalDist().inv_cdf((1 + INTERVAL) / 2)


class Answering(State):
    """Abstract: activated outputs of one target to predictions; its ``kind`` is the name of the task.

    A subclass is a dataclass of JSON values, and writes the three.

    Attributes:
        target: name of the column that is predicted.
    """

    target: str

    @property
    @abstractmethod
    def width(self) -> int:
        """Outputs of a row."""

    @abstractmethod
    def parts(self, outputs: np.ndarray) -> dict[str, Any]:
        """Activated outputs, (n, width), as arrays by the names of :class:`lamina.features.answer.Answer`."""

    @abstractmethod
    def columns(self, outputs: np.ndarray) -> dict[str, list[Any]]:
        """Activated outputs, (n, width), as columns of n plain values: the prediction under the target's name, then
        ``<target>_probability_<class>``, or ``<target>_low`` and ``<target>_high``."""


class _Classes(Answering):
    """Abstract: one of several classes.

    Attributes:
        names: of the classes, in the order of their codes.
        native: what predictions are given as: ``string``, ``integer``, ``float``, ``boolean``, or ``number``, which is
            the code itself.
    """

    names: list[str]
    native: str

    def __post_init__(self) -> None:
        self._given = list(range(len(self.names)))
        if self.native != "number":
            self._given = [native(name, self.native) for name in self.names]

    def columns(self, outputs: np.ndarray) -> dict[str, list[Any]]:
        parts = self.parts(outputs)
        found = {self.target: [self._given[code] for code in parts["decision"].tolist()]}
        return found | _probabilities(self.target, self.names, parts["probability"])


@dataclasses.dataclass
class BinaryAnswer(_Classes):
    """One of two classes, the second from a probability on.

    Example:
        >>> BinaryAnswer("ill", ["no", "yes"], "string", 0.5).columns(np.array([[0.75]], np.float32))
        {'ill': ['yes'], 'ill_probability_no': [0.25], 'ill_probability_yes': [0.75]}
    """

    kind: ClassVar[str] = "binary"
    target: str
    names: list[str]
    native: str
    threshold: float

    @property
    def width(self) -> int:
        return 1

    def parts(self, outputs: np.ndarray) -> dict[str, Any]:
        yes = outputs[:, 0].astype(np.float64)
        return {"probability": np.stack([1 - yes, yes], 1), "decision": (yes >= self.threshold).astype(np.int64)}


@dataclasses.dataclass
class MulticlassAnswer(_Classes):
    """The likeliest of three classes or more."""

    kind: ClassVar[str] = "multiclass"
    target: str
    names: list[str]
    native: str

    @property
    def width(self) -> int:
        return len(self.names)

    def parts(self, outputs: np.ndarray) -> dict[str, Any]:
        probability = outputs.astype(np.float64)
        return {"probability": probability / probability.sum(1, keepdims=True), "decision": probability.argmax(1)}


@dataclasses.dataclass
class MultilabelAnswer(Answering):
    """Any number of labels, each from a probability of its own on.

    Attributes:
        names: of the labels.
        separator: between them; nothing: they are given as a list.
        thresholds: one a label.
    """

    kind: ClassVar[str] = "multilabel"
    target: str
    names: list[str]
    separator: str
    thresholds: list[float]

    @property
    def width(self) -> int:
        return len(self.names)

    def parts(self, outputs: np.ndarray) -> dict[str, Any]:
        probability = outputs.astype(np.float64)
        return {"probability": probability, "decision": (probability >= self.thresholds).astype(np.uint8)}

    def columns(self, outputs: np.ndarray) -> dict[str, list[Any]]:
        parts = self.parts(outputs)
        sets: list[Any] = [
            [name for name, flag in zip(self.names, flags, strict=True) if flag] for flags in parts["decision"].tolist()
        ]
        found = {self.target: [self.separator.join(names) for names in sets] if self.separator else sets}
        return found | _probabilities(self.target, self.names, parts["probability"])


@dataclasses.dataclass
class RegressionAnswer(Answering):
    """A number, and the interval that holds it in about 90% of rows.

    Attributes:
        number: the scale of the target, as a number's codec is written.
        loss: squared, absolute, huber, gaussian or quantiles.
        shares: of the quantiles, in order.
        low, high: what predictions are kept between; none: they are not.
        margin: half of the interval, where the loss has none of its own.
    """

    kind: ClassVar[str] = "regression"
    target: str
    number: dict[str, Any]
    loss: str
    shares: list[float]
    low: float | None
    high: float | None
    margin: float | None

    def __post_init__(self) -> None:
        self._number = NumberCodec.from_json(self.number)
        self.middle = int(np.argmin(np.abs(np.array(self.shares) - 0.5))) if self.loss == "quantiles" else 0

    @property
    def width(self) -> int:
        return {"gaussian": 2, "quantiles": len(self.shares)}.get(self.loss, 1)

    def point(self, outputs: np.ndarray) -> np.ndarray:
        """The one value predicted, (n,) float64, in the column's own unit."""
        value = self._number.unscale(outputs[:, self.middle])
        return value if self.low is None else np.clip(value, self.low, self.high)

    def parts(self, outputs: np.ndarray) -> dict[str, Any]:
        value = self.point(outputs)
        if self.loss == "gaussian":
            mean, deviation = outputs[:, 0], outputs[:, 1]
            lower, upper = (self._number.unscale(mean + sign * _Z * deviation) for sign in (-1, 1))
            return {"value": value, "lower": lower, "upper": upper}
        if self.loss == "quantiles":
            found = {share: self._number.unscale(outputs[:, place]) for place, share in enumerate(self.shares)}
            ends = {"lower": found[self.shares[0]], "upper": found[self.shares[-1]]}
            return {"value": value, "quantiles": found, **ends}
        return {"value": value} | (
            {} if self.margin is None else {"lower": value - self.margin, "upper": value + self.margin}
        )

    def columns(self, outputs: np.ndarray) -> dict[str, list[Any]]:
        parts, name = self.parts(outputs), self.target
        found = {name: parts["value"].tolist()}
        found |= {f"{name}_q{share:g}": values.tolist() for share, values in parts.get("quantiles", {}).items()}
        if "lower" in parts:
            found |= {f"{name}_low": parts["lower"].tolist(), f"{name}_high": parts["upper"].tolist()}
        return found


def _probabilities(target: str, names: list[str], probability: np.ndarray) -> dict[str, list[Any]]:
    """A column a class: (n, classes)."""
    return {f"{target}_probability_{name}": column for name, column in zip(names, probability.T.tolist(), strict=True)}
