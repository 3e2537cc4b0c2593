"""A sentence of a text is chosen as a summary of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from lamina.codecs.ragged import Ragged
from lamina.config import setting, settings
from lamina.decoding.written import Written
from lamina.features.sentence import WHOLE, Sentence
from lamina.models.extractor import NEVER, Sentences
from lamina.nn.wide import places_there
from lamina.tasks.found import Found, FoundTexts

__all__ = ["Extract", "ExtractSettings"]


@settings
class ExtractSettings:
    """Settings of a target that is a sentence of a text."""

    temperature: float = setting(
        0.1, "A sentence whose likeness to the summary is higher by so much is wanted e times as much.", gt=0, le=10
    )
    alternatives: int = setting(1, "Sentences for each row, the best first.", ge=1)


class Extract(FoundTexts):
    """Cross-entropy between the network's choice of a sentence and a choice by how like the summary each one is:
    softmax(likeness / temperature). So a sentence that is nearly as good as the best is nearly as right.

    What is watched is how many nats the network's choice lies above that one (Kullback and Leibler 1951).
    """

    name: ClassVar[str] = "extract"
    gives: ClassVar[str] = "sentences"
    kinds: ClassVar[tuple[str, ...]] = ("sentence",)
    network: ClassVar[str] = "extractor"
    usual: ClassVar[Mapping[str, Any]] = {"batch_size": 32, "learning_rate": 5e-4}
    Settings = ExtractSettings
    feature: Sentence

    @property
    def width(self) -> int:
        """One score a sentence."""
        return 1

    def loss(self, raw: Sentences, target: Tensor) -> Tensor:  # type: ignore[override]
        """The mean over rows: scores of sentences, and (B, 1 + S ...) their likenesses in thousandths -> scalar."""
        wanted = self._wanted(raw, target)
        return -(wanted * raw.scores.log_softmax(1)).sum(1).mean()

    def activate(self, raw: Sentences) -> Sentences:  # type: ignore[override]
        """Log-probabilities of all sentences."""
        return raw._replace(scores=raw.scores.log_softmax(1))

    def judge(self, predicted: Sentences, target: Tensor) -> Tensor:  # type: ignore[override]
        """Nats of each row above the choice by likeness: (B,)."""
        wanted = self._wanted(predicted, target)
        return (torch.xlogy(wanted, wanted) - wanted * predicted.scores).sum(1)

    def _wanted(self, sentences: Sentences, target: Tensor) -> Tensor:
        """How much each sentence is wanted, (B, S), each row summing to 1; zeros where a row has none."""
        there = places_there(sentences.counts, sentences.scores.shape[1])
        likeness = target[:, 1 : 1 + there.shape[1]] / WHOLE
        return (likeness / self.settings.temperature).masked_fill(~there, NEVER).softmax(1) * there

    def texts(self, model: Any, inputs: dict[str, Tensor], rows: Sequence[int], **decoding: Any) -> list[list[Written]]:
        most = self.decoding(**decoding).alternatives
        with torch.inference_mode():
            sentences: Sentences = self.activate(model(inputs))
        lengths = inputs[f"{model.text}.length"].tolist()
        tokens = [row[:length].numpy() for row, length in zip(inputs[model.text], lengths, strict=True)]
        return [_found(sentences, row, text, model.spelling, most) for row, text in enumerate(tokens)]

    def truth(self, target: Ragged) -> np.ndarray:
        """All summaries of each row, (n,) lists of texts."""
        found = np.empty(len(target), object)
        found[:] = self.feature.summaries(target)
        return found


def _found(sentences: Sentences, row: int, tokens: np.ndarray, spelling: Sequence[bytes], most: int) -> list[Written]:
    """The best sentences of a row; nothing where it has no text."""
    if not len(tokens):
        return [Found("", [], [0.0], 0.0, "end")]
    logs, of = sentences.scores[row, : int(sentences.counts[row])], sentences.of[row, : len(tokens)].numpy()
    found: list[Written] = []
    for place in logs.argsort(descending=True, stable=True)[:most].tolist():
        first, last = int(np.searchsorted(of, place)), int(np.searchsorted(of, place, "right"))
        ids, log = tokens[first:last].tolist(), float(logs[place])
        before, said = (
            b"".join(spelling[token] for token in part).decode(errors="replace") for part in (tokens[:first], ids)
        )
        start, text = len(before) + len(said) - len(said.lstrip()), said.strip()
        found.append(Found(text, ids, [log], log, "end", start, start + len(text)))
    return found
