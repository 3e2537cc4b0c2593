"""A text is predicted: translation, summary, answer, caption, by what it is predicted from."""

from __future__ import annotations

import dataclasses
from collections.abc import Generator, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from lamina.codecs.ragged import Ragged
from lamina.config import setting, settings
from lamina.data.batches import Batch
from lamina.decoding.lexicon import Lexicon
from lamina.decoding.settings import DecodingSettings, check_alternatives
from lamina.decoding.writer import Writer
from lamina.decoding.written import Written
from lamina.features.base import Feature
from lamina.features.tokens import FILL, START
from lamina.tasks.alone import Texts

__all__ = ["Write", "WriteSettings", "with_end"]

LOGITS = 2**25  # that are judged at a time, in 128 MB: 256 rows of 512 tokens out of 8,000 would make four gigabytes


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


class Write(Texts):
    """Cross-entropy of each token after those before it, the end of the text among them (teacher forcing).

    Raises:
        SettingError: if more alternatives are asked for than there can be.
    """

    name: ClassVar[str] = "write"
    gives: ClassVar[str] = "text"
    kinds: ClassVar[tuple[str, ...]] = ("text",)
    network: ClassVar[str] = "encoder_decoder"
    # On held-back sentences of multi30k the small last steps were worth more than stopping early.
    usual: ClassVar[Mapping[str, Any]] = {"schedule": "cosine", "patience": 0}
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
        chosen: WriteSettings = super().decoding(**more)
        if chosen.longest != "auto":
            return chosen
        return dataclasses.replace(chosen, longest=2 * self.feature.state.length + 10)

    def raw(self, model: Any, batch: Batch) -> Tensor:
        """Logits of each token after the true ones before it: (B, T + 1, width)."""
        raw: Tensor = model(batch.inputs, batch.targets[0])
        return raw

    def loss(self, raw: Tensor, target: Tensor) -> Tensor:
        """The mean over all tokens of a batch: logits (B, T + 1, width), texts (B, T) -> scalar."""
        wanted = with_end(target)
        return F.cross_entropy(
            raw.flatten(0, 1), wanted.flatten(), ignore_index=FILL, label_smoothing=self.settings.label_smoothing
        )

    def activate(self, raw: Tensor) -> Tensor:
        """Log-probabilities of each token: (B, T + 1, width) -> the same."""
        return torch.log_softmax(raw.float(), -1)

    def judge(self, predicted: Tensor, target: Tensor) -> Tensor:
        """Nats a token of each row: log-probabilities (B, T + 1, width), texts (B, T) -> (B,)."""
        wanted = with_end(target)
        found = -predicted.gather(-1, wanted[..., None])[..., 0] * (wanted != FILL)
        return found.sum(1) / (wanted != FILL).sum(1)

    def watch(self, model: Any, batch: Batch) -> Tensor:
        """Nats a token of each row, so many rows at a time as memory allows."""
        (written,), watch = batch.targets, super().watch
        count = max(1, LOGITS // ((written.shape[1] + 1) * self.width))
        return torch.cat([watch(model, part) for part in batch.parts(count)])

    def streams(self, **decoding: Any) -> bool:
        return bool(self.decoding(**decoding).streams)

    def writer(self, model: Any, **decoding: Any) -> Writer:
        """What draws texts from a network, as the settings say, or others; errors as for :meth:`decoding`."""
        return Writer(model.decoder, self.lexicon, self.decoding(**decoding))

    def texts(self, model: Any, inputs: dict[str, Tensor], rows: Sequence[int], **decoding: Any) -> list[list[Written]]:
        return self.writer(model, **decoding).write(model.memory(inputs), rows=rows)

    def stream(self, model: Any, inputs: dict[str, Tensor], **decoding: Any) -> Generator[str, None, Written]:
        with torch.inference_mode():
            memory = model.memory(inputs)
        return self.writer(model, **decoding).stream(memory)

    def truth(self, target: Ragged) -> np.ndarray:
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
