"""Each word of a text gets a label: parts of speech, slots, names of people and places."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from lamina.codecs.ragged import Ragged
from lamina.config import setting, settings
from lamina.data.batches import Batch
from lamina.errors import UsageError
from lamina.features.answer import Answer
from lamina.features.base import Feature
from lamina.features.tags import Tags, as_array
from lamina.nn.crf import NEVER, best, total
from lamina.tasks.alone import Alone

__all__ = ["Labelled", "Scored", "Tag", "TagSettings"]


@settings
class TagSettings:
    """Settings of a target with a label for each word."""

    lawful: bool = setting(
        True, "Give I-x behind B-x and I-x alone, where spans begin with B- in (nearly) all training rows."
    )


class Scored(NamedTuple):
    """What a network says of the words of rows.

    Attributes:
        labels: (B, W, width), a score for each label of each word, with label 0 where no word is.
        transitions: (width, width), how well one label follows another; None where they hang on the words alone.
        wanted: (B, W) codes, where words were left out in training; None where they are the target's.
    """

    labels: Tensor
    transitions: Tensor | None
    wanted: Tensor | None = None


class Labelled(NamedTuple):
    """A row's answer.

    Attributes:
        codes: of the labels, one a word.
        sureness: the probability of these labels together, its geometric mean over the words.
    """

    codes: list[int]
    sureness: float


class Tag(Alone):
    """The probability of all labels of a row together: each by its word (softmax), or as a chain (CRF).

    The answer is the likeliest way to label the row.
    """

    name: ClassVar[str] = "tag"
    gives: ClassVar[str] = "words"
    kinds: ClassVar[tuple[str, ...]] = ("tags",)
    network: ClassVar[str] = "tagger"
    # On the dev dialogues of dialogue_sim_m, 14 epochs at this rate reached F1 .970, and 36 at .002 reached .974.
    usual: ClassVar[Mapping[str, Any]] = {"learning_rate": 0.005}
    Settings = TagSettings
    feature: Tags

    @classmethod
    def prepare(cls, target: Feature, inputs: Sequence[Feature]) -> None:
        """See to it that the words are there to learn from."""
        of = target.settings.of
        if of not in [feature.column for feature in inputs]:
            raise UsageError(
                f"{target.column!r} labels the words of {of!r}, which is not an input",
                got=", ".join(feature.column for feature in inputs) or "no inputs",
                do=f"name {of} with --inputs too",
            )

    @property
    def width(self) -> int:
        """Labels, and 0 where no word is."""
        return 1 + len(self.feature.names)

    def raw(self, model: Any, batch: Batch) -> Scored:  # type: ignore[override]
        if not (model.training and self.feature.state.spans and model.settings.names):
            return self._scored(model, batch.inputs)
        labels, order = model.renamed(batch.inputs, self._spans(batch.targets[0]))
        there = labels[..., 0] < NEVER / 2  # what is no word has label 0
        return Scored(labels.float(), _transitions(model), _as_wide(batch.targets[0], order).gather(1, order) * there)

    def _scored(self, model: Any, inputs: dict[str, Tensor]) -> Scored:
        return Scored(model(inputs).float(), _transitions(model))

    def _spans(self, target: Tensor) -> Tensor:
        """The number of the span that each word is part of, from 1 in each row, or 0: codes (B, W) -> (B, W)."""
        kinds = ["", *(name[:2] for name in self.feature.names)]
        begins, goes_on = (torch.tensor([kind == mark for kind in kinds])[target] for mark in ("B-", "I-"))
        return begins.cumsum(1) * (begins | goes_on)

    def loss(self, raw: Scored, target: Tensor) -> Tensor:  # type: ignore[override]
        """The mean over all words of a batch: scores, codes (B, W) -> scalar."""
        target = target if raw.wanted is None else raw.wanted
        return self._nats(raw, target).sum() / (target > 0).sum().clamp(min=1)

    def _nats(self, raw: Scored, target: Tensor) -> Tensor:
        """Nats of each row's labels together, (B,); a label that no training row has may be any."""
        wanted = _as_wide(target, raw.labels)
        if raw.transitions is None:
            return F.cross_entropy(raw.labels.mT, wanted, ignore_index=0, reduction="none").sum(1)
        return total(raw.labels, raw.transitions) - total(raw.labels, raw.transitions, wanted)

    def activate(self, raw: Scored) -> Scored:  # type: ignore[override]
        """The scores as they are: what is likely is known of rows, not of words."""
        return raw

    def judge(self, predicted: Scored, target: Tensor) -> Tensor:  # type: ignore[override]
        """Nats a word of each row: scores, codes (B, W) -> (B,)."""
        return self._nats(predicted, target) / (target > 0).sum(1).clamp(min=1)

    def outputs(self, model: Any, inputs: dict[str, Tensor], rows: Sequence[int]) -> list[Labelled]:
        """The likeliest labels of each row's words."""
        labels, learned, _ = self._scored(model, inputs)
        transitions = torch.zeros(self.width, self.width) if learned is None else learned
        may = torch.from_numpy(self.feature.may_follow() | (not self.settings.lawful)).to(labels.device)
        codes = best(labels, transitions.masked_fill(~may, NEVER))
        nats = total(labels, transitions) - total(labels, transitions, codes)
        counts = (codes > 0).sum(1)
        sure = (-nats / counts.clamp(min=1)).exp()
        each = zip(codes.tolist(), counts.tolist(), sure.tolist(), strict=True)
        return [Labelled(row[:count], min(1.0, one)) for row, count, one in each]

    def answer(self, predicted: Sequence[Labelled]) -> Answer:
        """The labels of each row, and the spans that they make."""
        return self.feature.answer([one.codes for one in predicted], [one.sureness for one in predicted])

    def truth(self, target: Ragged) -> np.ndarray:
        """The labels themselves, (n,) lists."""
        return as_array(self.feature.decode(target).to_list())


def _as_wide(target: Tensor, other: Tensor) -> Tensor:
    """Codes with as many places as something else has: what fills up rows may be more or less, (B, T) -> (B, W)."""
    return F.pad(target, (0, other.shape[1] - target.shape[1]))


def _transitions(model: Any) -> Tensor | None:
    """What a network has learned of labels that follow each other."""
    return None if model.transitions is None else model.transitions().float()
