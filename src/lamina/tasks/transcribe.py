"""A text is heard in a sound, moment by moment, or seen in a picture, column by column (Graves et al. 2006)."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from lamina.codecs.ragged import Ragged
from lamina.config import setting, settings
from lamina.data.batches import Batch
from lamina.decoding.ctc import BLANK, Language, beam, greedy, token_logs
from lamina.decoding.ngram import NGrams
from lamina.decoding.settings import check_alternatives
from lamina.decoding.written import Written
from lamina.errors import UsageError
from lamina.features.base import Feature
from lamina.features.tokens import FIRST
from lamina.models.transcriber import ABSENT
from lamina.tasks.alone import Texts

__all__ = ["Transcribe", "TranscribeSettings"]

READ = ("audio", "series", "music", "image")  # kinds of columns that have an order that a text can follow
UNASKED = ("audio", "series")  # of these, what is transcribed where nobody says otherwise
# Small batches, since it takes some hundred steps until a first letter is heard (the blank is learned before); and as
# recordings are changed anew in each epoch, they are learned from to the end of the budget.
USUAL: dict[str, Any] = {
    "batch_size": 16, "learning_rate": 2e-3, "schedule": "cosine", "patience": 0, "warmup": 1.0, "averaging": 1.0,
}  # fmt: skip
# What augmentation does instead of what it usually does: no part of a text may go, nor be turned round.
WHOLE: dict[str, dict[str, Any]] = {
    "frames": {"shift": 0.0, "warp": 0.2, "time_masks": 2, "time_share": 0.05, "band_masks": 2},
    "image": {"flip": "none", "crop": 0.03, "erase": 0.0, "rotate": 2.0, "brightness": 0.2, "contrast": 0.2},
}
LOGITS = 2**25  # that are looked at at a time, in 128 MB


@settings
class TranscribeSettings:
    """Settings of a text that is transcribed."""

    how: Literal["greedy", "beam"] = setting(
        "beam", "The text of the likeliest path; or the likeliest text that a beam finds, with the language model."
    )
    beams: int = setting(8, "Of beam: beginnings that are followed at once.", ge=1, le=256)
    language: float = setting(
        0.6,
        "Of beam: weight of what a model of runs of tokens, counted in the training texts, says of a text. 0: nothing.",
        ge=0,
        le=10,
    )
    bonus: float = setting(
        0.5, "Of beam: added for each token, since a language model makes long texts unlikely.", ge=-10, le=10
    )
    order: int = setting(6, "Tokens of the longest run that the language model counts.", ge=1, le=12)
    alternatives: int = setting(1, "Of beam: texts for each row, the best first.", ge=1)


class Transcribe(Texts):
    """Connectionist temporal classification: the text's probability is that of all ways to lay it along the moments.

    A text of more tokens than there are moments for cannot be learned: such rows count nothing in the loss, and as
    much as a guess among all tokens in what is watched; a note says how many there are.

    Raises:
        SettingError: if more alternatives are asked for than there can be.
    """

    name: ClassVar[str] = "transcribe"
    gives: ClassVar[str] = "frames"
    kinds: ClassVar[tuple[str, ...]] = ("text",)
    network: ClassVar[str] = "transcriber"
    usual: ClassVar[Mapping[str, Any]] = USUAL
    augment: ClassVar[Mapping[str, Mapping[str, Any]]] = WHOLE
    Settings = TranscribeSettings

    def __init__(self, feature: Feature, settings: TranscribeSettings) -> None:
        check_alternatives(settings)
        super().__init__(feature, settings)
        self._too_long: set[int] = set()

    @classmethod
    def suits(cls, inputs: Sequence[Feature]) -> bool:
        return [feature.kind in UNASKED for feature in inputs] == [True]

    @classmethod
    def prepare(cls, target: Feature, inputs: Sequence[Feature]) -> None:
        """Spell the text in characters, where nobody said how."""
        if [feature.kind in READ for feature in inputs] != [True]:
            raise UsageError(
                f"the text {target.column!r} can be transcribed from one column alone",
                got=", ".join(f"{feature.column} ({feature.kind})" for feature in inputs) or "no column",
                allowed=f"one of {', '.join(READ)}",
                do="name it with --inputs, or say --set task.name=write",
            )
        if target.settings.tokens == "auto":
            target.settings = dataclasses.replace(target.settings, tokens="characters")

    @property
    def width(self) -> int:
        """The blank, tokens, and ids that stand for something else."""
        return int(self.feature.tokens.size)  # type: ignore[attr-defined]

    def raw(self, model: Any, batch: Batch) -> Tensor:
        """Logits of the blank and of each token at every moment, (B, T, width)."""
        raw = super().raw(model, batch)
        if model.training:
            self._note(raw, batch)
        return raw

    def _note(self, raw: Tensor, batch: Batch) -> None:
        """Say which training rows cannot be learned, each once."""
        (target,) = batch.targets
        long = batch.rows[(_needed(target) > _moments(raw)).cpu().numpy()]
        if len(long):
            self._too_long.update(long.tolist())
            self.notes[:] = [
                f"{len(self._too_long):,} training rows are not learned from: they have more "
                f"{self.feature.state.tokens} than moments; a larger model.columns gives more of these."
            ]

    def loss(self, raw: Tensor, target: Tensor) -> Tensor:
        """The mean over all tokens of a batch: logits (B, T, width), texts (B, S) -> scalar."""
        found, possible = _nats(self.activate(raw), target)
        return found.sum() / (target.gt(0).sum(1) * possible).sum().clamp(min=1)

    def activate(self, raw: Tensor) -> Tensor:
        """Log-probabilities: (B, T, width) -> the same."""
        return torch.log_softmax(raw.float(), -1)

    def judge(self, predicted: Tensor, target: Tensor) -> Tensor:
        """Nats a token of each row: log-probabilities (B, T, width), texts (B, S) -> (B,)."""
        found, possible = _nats(predicted, target)
        return torch.where(possible, found / target.gt(0).sum(1).clamp(min=1), float(np.log(self.width)))

    def watch(self, model: Any, batch: Batch) -> Tensor:
        watch = super().watch
        return torch.cat([watch(model, part) for part in batch.parts(self._at_once(batch.inputs))])

    def learn(self, target: Ragged) -> None:
        """Count the runs of tokens in the training texts, for the language model."""
        self.state["language"] = NGrams.learned(target, self.width, self.settings.order).to_json()

    @functools.cached_property
    def _grams(self) -> NGrams:
        return NGrams.from_json(self.state["language"])

    def decoding(self, **more: Any) -> TranscribeSettings:
        chosen: TranscribeSettings = super().decoding(**more)
        check_alternatives(chosen)
        return chosen

    def texts(self, model: Any, inputs: dict[str, Tensor], rows: Sequence[int], **decoding: Any) -> list[list[Written]]:
        chosen, found = self.decoding(**decoding), []
        with torch.inference_mode():
            for part in Batch(inputs, [], np.asarray(rows)).parts(self._at_once(inputs)):
                logs = self.activate(model(part.inputs))
                found += self._read(logs.cpu().numpy().astype(np.float64), chosen)
        return found

    def _read(self, logs: np.ndarray, chosen: TranscribeSettings) -> list[list[Written]]:
        """The texts of some rows: log-probabilities (n, T, width)."""
        logs[..., BLANK + 1 : FIRST] = -np.inf  # these are not written
        language = None
        if chosen.how == "beam" and chosen.language and self.state:
            language = Language(self._grams, chosen.language, chosen.bonus)
        texts: list[tuple[int, list[int], float | None]] = []  # row, ids, score
        for row, frames in enumerate(logs):
            if chosen.how == "greedy":
                texts.append((row, greedy(frames), None))
                continue
            best = beam(frames, chosen.beams, language, count=chosen.alternatives)
            texts += [(row, one.ids, one.score) for one in best]
        each = token_logs(logs[[row for row, *_ in texts]], [ids for _, ids, _ in texts])
        written: list[list[Written]] = [[] for _ in logs]
        for (row, ids, score), own in zip(texts, each, strict=True):
            text = self.feature.tokens.text(np.asarray(ids, np.int64))  # type: ignore[attr-defined]
            written[row].append(Written(text, ids, own, sum(own) if score is None else score, "end"))
        return written

    def truth(self, target: Ragged) -> np.ndarray:
        """The texts themselves, (n,)."""
        return self.feature.decode(target).fill_null("").to_numpy().astype(object)  # type: ignore[arg-type]

    def _at_once(self, inputs: dict[str, Tensor]) -> int:
        """How many rows of a batch memory allows at a time."""
        (wide,) = (value for name, value in inputs.items() if f"{name}.length" in inputs)
        moments = max(1, wide.shape[2 if wide.dim() == 4 else 1])  # of frames, or columns of a picture
        return max(1, LOGITS // (moments * self.width))


def _moments(logits: Tensor) -> Tensor:
    """How many moments of each row are there, (B,): logits or log-probabilities (B, T, width)."""
    return (logits[..., BLANK + 1] > ABSENT / 2).sum(1)


def _needed(target: Tensor) -> Tensor:
    """How many moments texts take at least, (B,): equal neighbours need a blank between them."""
    again = (target[:, 1:] == target[:, :-1]) & (target[:, 1:] > 0)
    return target.gt(0).sum(1) + again.sum(1)


def _nats(logs: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Minus the log-probability of texts, 0 where it is infinite, and where it is not: (B,) and (B,) bool."""
    moments = _moments(logs)
    found = F.ctc_loss(
        logs.transpose(0, 1), target, moments, target.gt(0).sum(1), BLANK, reduction="none", zero_infinity=True
    )
    return found, _needed(target) <= moments
