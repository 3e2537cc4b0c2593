"""A part of a text is predicted: the answer to a question, where it stands in a passage, or that there is none."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from lamina.codecs.ragged import Ragged
from lamina.config import setting, settings
from lamina.decoding.written import Written
from lamina.features.span import Span
from lamina.models.reader import NEVER, Spans
from lamina.tasks.found import Found, FoundTexts

__all__ = ["Point", "PointSettings"]

UNKNOWN = -100  # of a span that the network has no score for: it is too long


@settings
class PointSettings:
    """Settings of a target that is a part of a text."""

    must_answer: bool = setting(
        False, "Always name a part, rather than none where it is more likely than not that there is none."
    )
    alternatives: int = setting(1, "Parts for each row, the likeliest first.", ge=1)


class Point(FoundTexts):
    """Cross-entropy over all spans of the passage up to a length, and that there is no answer (Lee et al. 2017).

    A span is made of whole words, those that the answer's first and last token are of. An answer longer than the
    network's longest span teaches nothing, and counts nothing in what is watched.
    """

    name: ClassVar[str] = "point"
    gives: ClassVar[str] = "spans"
    kinds: ClassVar[tuple[str, ...]] = ("span",)
    network: ClassVar[str] = "reader"
    Settings = PointSettings
    feature: Span

    @property
    def width(self) -> int:
        """One score a span."""
        return 1

    def loss(self, raw: Spans, target: Tensor) -> Tensor:  # type: ignore[override]
        """The mean over rows: scores of spans, and (B, 2 + ...) first token and the one behind the last -> scalar."""
        wanted = _wanted(raw, target)
        lost = F.cross_entropy(raw.scores, wanted, ignore_index=UNKNOWN, reduction="sum")
        return lost / (wanted != UNKNOWN).sum().clamp(min=1)

    def activate(self, raw: Spans) -> Spans:  # type: ignore[override]
        """Log-probabilities of all spans and of none."""
        return raw._replace(scores=raw.scores.log_softmax(1))

    def judge(self, predicted: Spans, target: Tensor) -> Tensor:  # type: ignore[override]
        """Nats of each row's answer: (B,)."""
        wanted = _wanted(predicted, target)
        found = -predicted.scores.gather(1, wanted.clamp(min=0)[:, None])[:, 0]
        return found * (wanted != UNKNOWN)

    def texts(self, model: Any, inputs: dict[str, Tensor], rows: Sequence[int], **decoding: Any) -> list[list[Written]]:
        chosen = self.decoding(**decoding)
        with torch.inference_mode():
            spans: Spans = model(inputs)
            if chosen.must_answer:
                spans.scores[:, 0] = 2 * NEVER
            spans = self.activate(spans)
        lengths = inputs[f"{model.passage}.length"].tolist()
        passages = [row[:length].tolist() for row, length in zip(inputs[model.passage], lengths, strict=True)]
        return [
            list(itertools.islice(_found(spans, row, passage, model.spelling), chosen.alternatives))
            for row, passage in enumerate(passages)
        ]

    def truth(self, target: Ragged) -> np.ndarray:
        """All right parts of each row, (n,) lists of texts; an empty list where there is none."""
        found = np.empty(len(target), object)
        found[:] = self.feature.parts(target)
        return found


def _wanted(spans: Spans, target: Tensor) -> Tensor:
    """The place of each row's answer among the scores, (B,) int64."""
    first, last = spans.words.gather(1, target[:, :1]), spans.words.gather(1, (target[:, 1:2] - 1).clamp(min=0))
    more = last - first
    place = torch.where(more < spans.longest, 1 + first * spans.longest + more, UNKNOWN)
    return torch.where(target[:, 1:2] > 0, place, 0)[:, 0]


def _found(spans: Spans, row: int, tokens: Sequence[int], spelling: Sequence[bytes]) -> Iterator[Found]:
    """What a row's answer may be, the likeliest first; nothing only if that is more likely than not."""
    logs = spans.scores[row]
    none = float(logs[0])
    words = spans.words[row, : len(tokens)].numpy()
    if none > np.log(0.5) or not len(tokens):
        yield Found("", [], [none], none, "end")
    sizes = np.cumsum([0, *(len(spelling[token]) for token in tokens)])
    whole = b"".join(spelling[token] for token in tokens)
    for place in (logs[1:].argsort(descending=True, stable=True)).tolist() if len(tokens) else ():
        log, begin, end = float(logs[1 + place]), place // spans.longest, place // spans.longest + place % spans.longest
        if log <= NEVER / 2:
            return
        first, last = int(np.searchsorted(words, begin)), int(np.searchsorted(words, end, "right"))
        said = whole[sizes[first] : sizes[last]].decode(errors="replace")
        start = len(whole[: sizes[first]].decode(errors="replace")) + len(said) - len(said.lstrip())
        text = said.strip()
        yield Found(text, list(tokens[first:last]), [log], log, "end", start, start + len(text))
