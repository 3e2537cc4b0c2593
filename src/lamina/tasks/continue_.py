"""A text is predicted from nothing: a language model, which goes on from any beginning."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Generator, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import polars as pl
import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from lamina.codecs.ragged import Ragged
from lamina.config import setting, settings
from lamina.data.batches import Batch
from lamina.data.rows import Rows
from lamina.data.windows import Windows, few, in_windows
from lamina.decoders.base import Decoder
from lamina.decoders.sliding import Sliding
from lamina.decoding.lexicon import Lexicon
from lamina.decoding.settings import DecodingSettings, check_alternatives
from lamina.decoding.writer import Writer
from lamina.decoding.written import Written
from lamina.errors import UsageError
from lamina.features.answer import Answer
from lamina.features.base import Feature
from lamina.features.text import Text
from lamina.features.tokens import FILL, FIRST, START
from lamina.tasks.alone import Texts

__all__ = ["Continue", "ContinueSettings"]

LOGITS = 2**24  # that are judged at a time, in 64 MB
READ = 2**14  # tokens that are read at a time where nothing is learned
# Of the network, by the budget: seconds, width, depth, and the dropout of texts that are learned by character.
SIZES: list[tuple[float, int, int, float]] = [(600, 128, 4, 0.0), (7200, 256, 6, 0.2), (math.inf, 384, 6, 0.2)]
WATCHED = 2**16  # tokens of the valid rows that are looked at between epochs
JUDGED = 2**20  # tokens that are judged in the end


@settings
class ContinueSettings(DecodingSettings):
    """Settings of a text that is predicted from nothing: how it is learned, and continued."""

    how: Literal["greedy", "beam", "sample"] = setting(
        "sample", "Always the likeliest token; the likeliest text that a beam finds; or tokens by chance."
    )
    temperature: float = setting(
        0.8, "Of sample: below 1 the likely tokens become likelier, above 1 less so.", gt=0, le=100
    )
    longest: int = setting(500, "Tokens that are written at most, the end among them.", ge=1)
    context: Annotated[int, Field(ge=2)] = setting(
        128, "Tokens that the network reads at a time in training, and looks back on at most, but what it remembers."
    )


class Continue(Texts):
    """Cross-entropy of each token after those before it, over windows of texts that stand one behind the other.

    Judged is every token of a text exactly once, and its end, in windows of the context that move by half of it, so
    that all but the first tokens have at least half the context before them; by a network that remembers, segment after
    segment.

    Raises:
        SettingError: if more alternatives are asked for than there can be.
    """

    name: ClassVar[str] = "continue"
    gives: ClassVar[str] = "next"
    kinds: ClassVar[tuple[str, ...]] = ("text",)
    network: ClassVar[str] = "language"
    needs_inputs: ClassVar[bool] = False
    usual: ClassVar[Mapping[str, Any]] = {
        "batch_size": 32,
        "learning_rate": 8e-3,
        "optimiser": "muon",
        "weight_decay": 0.1,
        "momentum": 0.95,
        "schedule": "linear",
        "warmup": 0.2,
        "decay": 0.6,
        "averaging": 0.0,
        "patience": 0,
    }
    Settings = ContinueSettings

    def __init__(self, feature: Feature, settings: ContinueSettings) -> None:
        check_alternatives(settings)
        super().__init__(feature, settings)

    @classmethod
    def suits(cls, inputs: Sequence[Feature]) -> bool:
        return not inputs

    @classmethod
    def prepare(cls, target: Feature, inputs: Sequence[Feature]) -> None:
        """Texts are learned whole, with the blanks at their ends.

        Raises:
            UsageError: if there are tokens that cannot spell every text.
        """
        assert isinstance(target, Text)
        if target.settings.tokens not in ("auto", "characters", "pieces"):
            raise UsageError(
                "a text that is continued is made of tokens that spell everything",
                got=f"tokens={target.settings.tokens}", allowed="characters, pieces",
                do=f"leave features.{target.column}.tokens to auto",
            )  # fmt: skip
        target.settings = dataclasses.replace(target.settings, longest="all", min_count=1)

    @classmethod
    def sized(cls, target: Feature, seconds: float | None) -> Mapping[str, Any]:
        """A GPT: the longer there is time, the larger; and with dropout where a small text is then read again and
        again."""
        width, depth, dropout = next(size for most, *size in SIZES if (seconds or 0) <= most)
        small = target.state.tokens == "characters"
        return {"decoder": {"name": "gpt", "width": width, "depth": depth, "dropout": dropout if small else 0.0}}

    @property
    def width(self) -> int:
        """Tokens that can come, and those that stand for something else."""
        return self._text.tokens.size

    @property
    def _text(self) -> Text:
        assert isinstance(self.feature, Text)
        return self.feature

    # --- what is learned

    def batches(self, model: Any, rows: Rows, size: int, seed: int) -> Windows:
        decoder: Decoder = model.decoder
        apart, before = not decoder.reads_segments, decoder.remembered or 0
        return Windows(rows, size, self.settings.context, seed, apart=apart, before=before)

    def loss(self, raw: Tensor, target: Tensor) -> Tensor:
        """The mean over all tokens of a batch: logits (B, T, width), what comes (B, T) -> scalar."""
        return F.cross_entropy(raw.flatten(0, 1).float(), target.flatten(), ignore_index=FILL)

    def activate(self, raw: Tensor) -> Tensor:
        """Log-probabilities of each token: (B, T, width) -> the same."""
        return torch.log_softmax(raw.float(), -1)

    def judge(self, predicted: Tensor, target: Tensor) -> Tensor:
        """Nats a token of each row: log-probabilities (B, T, width), what comes (B, T) -> (B,)."""
        found = -predicted.gather(-1, target[..., None])[..., 0] * (target != FILL)
        return found.sum(1) / (target != FILL).sum(1)

    # --- what is watched and judged

    def watched(self, rows: Rows) -> Rows:
        return few(rows, WATCHED)

    def judged(self, rows: Rows) -> Rows:
        return few(rows, JUDGED)

    def watch(self, model: Any, batch: Batch) -> Tensor:
        """Nats a token of each text, (B,); of those in a window only what stands in it is known."""
        texts = _texts(batch.targets[0])
        nats = self._nats(model, texts, self.settings.context)
        return torch.from_numpy(nats / (texts.lengths + 1))

    def said(self, model: Any, batch: Batch) -> list[np.ndarray]:
        """The sums of each text: nats, tokens with the end, and bytes."""
        return list(self.sums(model, _texts(batch.targets[0])))

    def sums(self, model: Any, texts: Ragged) -> np.ndarray:
        """How surprised a network is by n texts: nats, tokens with the end, and bytes of each, (n, 3)."""
        with torch.inference_mode():
            nats = self._nats(model, texts, max(1, self.settings.context // 2))
        return np.column_stack([nats, texts.lengths + 1, self.bytes_of(texts)])

    def bytes_of(self, texts: Ragged) -> np.ndarray:
        """Bytes of texts in UTF-8, (n,); what is unknown is taken for one."""
        spelling = self._text.tokens.spelling
        size = np.array([len(one) for one in spelling], np.int64)
        size[1:FIRST] = 1
        sums = np.concatenate([[0], np.cumsum(size[texts.values])])[np.concatenate([[0], texts.ends])]
        return np.diff(sums)

    def _nats(self, model: Any, texts: Ragged, step: int) -> np.ndarray:
        """Minus the log-probability of each text with its end, (n,)."""
        if model.decoder.remembered is not None:
            return self._nats_by_segments(model.decoder, texts)
        total = np.zeros(len(texts))
        for batch in in_windows(texts, self.settings.context, step, min(READ, max(1, LOGITS // self.width))):
            np.add.at(total, batch.rows, _surprise(model(batch.inputs), batch.targets[0]))
        return total

    def _nats_by_segments(self, decoder: Any, texts: Ragged) -> np.ndarray:
        """The same of a network that remembers: all texts side by side, a segment of each after the other."""
        total = np.zeros(len(texts))
        context, order = self.settings.context, np.argsort(-texts.lengths, kind="stable")
        count = max(1, min(READ, LOGITS // self.width) // context)
        for first in range(0, len(order), count):
            rows = order[first : first + count]
            reads, wants = _marked(texts.take(rows))
            state = decoder.begin(None, len(rows))
            for start in range(0, reads.shape[1], context):
                part = slice(start, start + context)
                alive = int((reads[:, start] > 0).sum())  # the longest stand first
                state = {name: value[:alive] for name, value in state.items()}
                logits, state = decoder.segment(reads[:alive, part], None, state)
                total[rows[:alive]] += _surprise(logits, wants[:alive, part])
        return total

    def answer(self, predicted: Sequence[np.ndarray]) -> Answer:  # type: ignore[override]
        """Sums of n texts as an answer."""
        return Answer(sums=np.array(predicted, np.float64).reshape(-1, 3))

    def truth(self, target: Any) -> np.ndarray:
        """How many tokens each text has, (n,)."""
        return np.asarray(target.lengths)

    # --- what is written

    @property
    def lexicon(self) -> Lexicon:
        """What the ids stand for."""
        return Lexicon(self._text.tokens)

    def streams(self, **decoding: Any) -> bool:
        return bool(self.decoding(**decoding).streams)

    def writer(self, model: Any, **decoding: Any) -> Writer:
        """What goes on from a beginning, as the settings say, or otherwise; errors as for :meth:`decoding`."""
        decoder: Decoder = model.decoder
        if decoder.slides:
            decoder = Sliding(decoder, self.settings.context).eval()
        return Writer(decoder, self.lexicon, self.decoding(**decoding))

    def prompt(self, text: str) -> list[int]:
        """A beginning as ids."""
        cell = pl.Series([text], dtype=pl.String).str.normalize("NFC")
        return [START, *self._text.tokens.ids(cell).values.tolist()]

    def texts(self, model: Any, inputs: dict[str, Tensor], rows: Sequence[int], **decoding: Any) -> list[list[Written]]:
        """Whole texts, from nothing."""
        return self.writer(model, **decoding).write(prompts=[[START]] * len(rows), rows=rows)

    def continued(self, model: Any, prompts: Sequence[str], **decoding: Any) -> list[list[Written]]:
        """What comes after each beginning, and its alternatives."""
        return self.writer(model, **decoding).write(prompts=[self.prompt(one) for one in prompts])

    def continued_on(self, model: Any, prompt: str, **decoding: Any) -> Generator[str, None, Written]:
        """What comes after a beginning, piece by piece as it becomes certain."""
        return self.writer(model, **decoding).stream(prompt=self.prompt(prompt))


def _texts(padded: Tensor) -> Ragged:
    """Rows of ids with zeros behind their ends, (B, T), as texts."""
    return Ragged(padded[padded > 0].numpy(), (padded > 0).sum(1).cumsum(0).numpy())


def _marked(texts: Ragged) -> tuple[Tensor, Tensor]:
    """Texts behind START, and what comes after each token, START behind the last: (n, longest + 1) each."""
    padded = torch.from_numpy(texts.padded()[0].astype(np.int64))
    ends = torch.from_numpy(texts.lengths)[:, None]
    wants = F.pad(padded, (0, 1)).scatter(1, ends, START)
    return F.pad(padded, (1, 0), value=START) * (wants > 0), wants


def _surprise(logits: Tensor, wanted: Tensor) -> np.ndarray:
    """Minus the log-probabilities of what came, summed: (B, T, width), (B, T) with zeros where nothing is -> (B,)."""
    nats = F.cross_entropy(logits.flatten(0, 1).float(), wanted.flatten(), ignore_index=FILL, reduction="none")
    return nats.view(wanted.shape).double().sum(1).cpu().numpy()
