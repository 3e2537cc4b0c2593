"""Targets that are predicted alone: texts, labels of words, places in a text, pieces of music."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Generator, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from torch import Tensor

from lamina.config import as_dict, check
from lamina.data.batches import Batch, Batches
from lamina.data.rows import Rows
from lamina.data.windows import Windows
from lamina.decoding.written import Written
from lamina.errors import UsageError
from lamina.features.answer import Answer
from lamina.features.base import Feature
from lamina.tasks.base import Task

__all__ = ["Alone", "Texts"]


class Alone(Task):
    """A target that is predicted by itself, by one network whose answer is more than a vector a row.

    Attributes:
        network: the architecture that ``auto`` takes.
        needs_inputs: whether there must be a column to predict from; where not, there must be none.
        usual: settings of training that stand where nobody chose others.
        tuned: what of pre-trained weights learns on -> settings of training that are usual then; where there are none,
            its network does not start from weights.
        augment: kind of wide column, by its name in the plan's augmentation -> what ``auto`` does otherwise there.
    """

    network: ClassVar[str]
    needs_inputs: ClassVar[bool] = True
    usual: ClassVar[Mapping[str, Any]] = {}
    tuned: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    augment: ClassVar[Mapping[str, Mapping[str, Any]]] = {}

    @classmethod
    def prepare(cls, target: Feature, inputs: Sequence[Feature]) -> None:
        """Make features ready for the task before they learn: how texts are spelled where nobody said, for instance.

        Raises:
            UsageError: if the target cannot be predicted from these columns.
        """

    @classmethod
    def sized(cls, target: Feature, seconds: float | None) -> Mapping[str, Any]:
        """Settings of the network that suits what was seen of the target and a budget, where nobody named one.

        Args:
            target: its feature, fitted.
            seconds: of the budget; None for one of steps or epochs.
        """
        return {}

    def learn(self, target: Any) -> None:
        """Learn ``state`` from the encoded targets of the training rows, once the network has learned."""

    def batches(self, model: Any, rows: Rows, size: int, seed: int) -> Batches | Windows:
        """The batches that a network learns from."""
        return Batches(rows, size, seed)

    def watched(self, rows: Rows) -> Rows:
        """Those of the valid rows that are looked at between epochs."""
        return rows

    def judged(self, rows: Rows) -> Rows:
        """Those of the rows that are looked at in the end: that are judged, and that a task learns from by itself."""
        return rows

    def raw(self, model: Any, batch: Batch) -> Tensor:
        """What a network says of a batch that it learns from."""
        raw: Tensor = model(batch.inputs)
        return raw

    def watch(self, model: Any, batch: Batch) -> Tensor:
        """What is watched of each row of a batch: (B,)."""
        return self.judge(self.activate(self.raw(model, batch)), batch.targets[0])

    @abstractmethod
    def outputs(self, model: Any, inputs: dict[str, Tensor], rows: Sequence[int]) -> Sequence[Any]:
        """What a network says of rows whose targets nobody knows, one thing a row.

        Args:
            model: the network.
            inputs: arrays of B rows.
            rows: their numbers in the source table, which chance hangs on where there is any.
        """

    def said(self, model: Any, batch: Batch) -> Sequence[Any]:
        """What a network says of judged rows, one thing a row: :meth:`outputs`, or of how likely their targets are."""
        return self.outputs(model, batch.inputs, batch.rows.tolist())

    @abstractmethod
    def answer(self, predicted: Sequence[Any]) -> Answer:
        """What :meth:`outputs` or :meth:`said` gave for n rows, as an answer."""


class Texts(Alone):
    """A target whose answer is a text, or several of which the first is best.

    Its ``Settings`` are those of decoding and its own.
    """

    @abstractmethod
    def texts(self, model: Any, inputs: dict[str, Tensor], rows: Sequence[int], **decoding: Any) -> list[list[Written]]:
        """The texts for each row, and for each its alternatives, drawn as the settings say, or others.

        Raises:
            SettingError: if there is no such setting, or its value is out of bounds.
        """

    def stream(self, model: Any, inputs: dict[str, Tensor], **decoding: Any) -> Generator[str, None, Written]:
        """One text in pieces as they become certain; here, as a whole.

        Raises:
            SettingError: as :meth:`texts`.
            UsageError: where the settings let nothing be certain before the end.
        """
        ((first, *others),) = self.texts(model, inputs, [0], **decoding)
        if others:
            raise UsageError(
                "only a single text can be shown as it comes", got=f"{1 + len(others)} alternatives",
                do="alternatives=1",
            )  # fmt: skip
        yield first.text
        return first

    def streams(self, **decoding: Any) -> bool:
        """Whether :meth:`stream` gives more than the whole at once, drawn as the settings say, or others."""
        return False

    def decoding(self, **more: Any) -> Any:
        """How texts are drawn: as the settings say, or others.

        Raises:
            SettingError: if there is no such setting, or its value is out of bounds.
        """
        return check(self.Settings, as_dict(self.settings) | more, "decoding")

    def outputs(self, model: Any, inputs: dict[str, Tensor], rows: Sequence[int]) -> list[list[Written]]:
        """Texts, and for each its alternatives."""
        return self.texts(model, inputs, rows)

    def answer(self, predicted: Sequence[Sequence[Written]]) -> Answer:
        """The best text of each row."""
        best = [row[0] for row in predicted]
        sure = [np.exp(np.mean(one.logs)) if one.logs else 1.0 for one in best]
        return Answer(text=np.array([one.text for one in best], object), sureness=np.array(sure))
