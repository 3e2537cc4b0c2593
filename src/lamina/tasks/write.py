"""A text is predicted: translation, summary, answer, caption, by what it is predicted from."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from lamina.config import as_dict, check, setting, settings
from lamina.decoding.lexicon import Lexicon
from lamina.decoding.settings import DecodingSettings, check_alternatives
from lamina.decoding.written import Written
from lamina.features.answer import Answer
from lamina.features.base import Feature
from lamina.features.ragged import Ragged
from lamina.features.tokens import FILL, START
from lamina.tasks.base import Task

__all__ = ["Write", "WriteSettings", "with_end"]


@settings
class WriteSettings(DecodingSettings):
    """Settings of a target that is a text: how it is learned, and how it is drawn afterwards."""

    how: Literal["greedy", "beam", "sample"] = setting(
        "beam", "Always the likeliest token; the likeliest text that a beam finds; or tokens by chance."
    )
    longest: Annotated[int, Field(ge=1)] | Literal["auto"] = setting(  # type: ignore[assignment]
        "auto",
        "Tokens that are written at most, the end among them; auto: twice as many as a long text of the training rows "
        "has, and ten.",
    )
    label_smoothing: float = setting(0.1, "Share of the target spread evenly over all tokens.", ge=0, lt=1)


class Write(Task):
    """Cross-entropy of each token after those before it, the end of the text among them (teacher forcing).

    Raises:
        SettingError: if more alternatives are asked for than there can be.
    """

    name: ClassVar[str] = "write"
    writes: ClassVar[bool] = True
    Settings = WriteSettings

    def __init__(self, feature: Feature, settings: WriteSettings) -> None:
        check_alternatives(settings)
        super().__init__(feature, settings)

    @property
    def width(self) -> int:
        """Tokens that can be written, and those that stand for something else."""
        return int(self.feature.tokens.size)  # type: ignore[attr-defined]

    @property
    def lexicon(self) -> Lexicon:
        """What the ids stand for."""
        return Lexicon(self.feature.tokens)  # type: ignore[attr-defined]

    def decoding(self, **more: Any) -> WriteSettings:
        """How texts are drawn: as the settings say, or others.

        Raises:
            SettingError: if there is no such setting, or its value is out of bounds.
        """
        chosen = check(WriteSettings, as_dict(self.settings) | more, "decoding")
        if chosen.longest != "auto":
            return chosen
        return dataclasses.replace(chosen, longest=2 * self.feature.state.length + 10)

    def loss(self, raw: Tensor, target: Tensor) -> Tensor:
        """The mean over all tokens of a batch: logits (B, T + 1, width), texts (B, T) -> scalar."""
        wanted = with_end(target)
        return F.cross_entropy(
            raw.flatten(0, 1), wanted.flatten(), ignore_index=FILL, label_smoothing=self.settings.label_smoothing
        )

    def activate(self, raw: Tensor) -> Tensor:
        """Log-probabilities of each token: (B, T + 1, width) -> the same."""
        return torch.log_softmax(raw.float(), -1)

    def ideal(self, target: Tensor) -> Tensor:
        """One for each token that is written: (B, T) -> (B, T + 1, width)."""
        return F.one_hot(with_end(target), self.width).float()

    def judge(self, predicted: Tensor, target: Tensor) -> Tensor:
        """Nats a token of each row: log-probabilities (B, T + 1, width), texts (B, T) -> (B,)."""
        wanted = with_end(target)
        found = -predicted.gather(-1, wanted[..., None])[..., 0] * (wanted != FILL)
        return found.sum(1) / (wanted != FILL).sum(1)

    def answer(self, predicted: Sequence[Sequence[Written]]) -> Answer:  # type: ignore[override]
        """Texts that were written, the best of each row first, as an answer."""
        best = [row[0] for row in predicted]
        sure = [np.exp(np.mean(one.logs)) if one.logs else 1.0 for one in best]
        return Answer(text=np.array([one.text for one in best], object), sureness=np.array(sure))

    def truth(self, target: Ragged) -> np.ndarray:  # type: ignore[override]
        """The texts themselves, (n,)."""
        return self.feature.decode(target).fill_null("").to_numpy().astype(object)  # type: ignore[arg-type]


def with_end(target: Tensor) -> Tensor:
    """Texts and what ends them: (B, T) with zeros behind each -> (B, T + 1).

    Example:
        >>> with_end(torch.tensor([[7, 8], [9, 0]])).tolist()
        [[7, 8, 3], [9, 3, 0]]
    """
    wanted = F.pad(target, (0, 1))
    return wanted.scatter(1, (target > 0).sum(1, keepdim=True), START)
