"""Dialogues are learned: what the assistant says, after all that was said before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from lamina.chatting.settings import ChatSettings
from lamina.chatting.speaker import Speaker
from lamina.config import as_dict, defaults
from lamina.data.batches import Batch
from lamina.errors import UsageError
from lamina.features.answer import Answer
from lamina.features.dialogue import Dialogue
from lamina.tasks.alone import Alone

__all__ = ["ChatTask", "wanted_of"]

LOGITS = 2**25  # that are judged at a time, in 128 MB
NOTHING = -100  # where nothing is learned


class ChatTask(Alone):
    """Cross-entropy of each token of the assistant's turns, what ends them among them, after all tokens before it.

    What the others say is read, and not learned. How answers are drawn in a conversation stands in the settings.
    """

    name: ClassVar[str] = "chat"
    gives: ClassVar[str] = "dialogue"
    kinds: ClassVar[tuple[str, ...]] = ("dialogue",)
    network: ClassVar[str] = "talker"
    needs_inputs: ClassVar[bool] = False
    usual: ClassVar[Mapping[str, Any]] = {
        "batch_size": 16, "averaging": 0.0, "schedule": "cosine", "warmup": 0.2, "decay": 0.8, "patience": 4,
    }  # fmt: skip
    tuned: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "lora": {"learning_rate": 1e-3, "weight_decay": 0.0},
        "last": {"learning_rate": 1e-4, "weight_decay": 0.0},
        "all": {"learning_rate": 5e-5},
    }
    Settings = ChatSettings

    @property
    def width(self) -> int:
        """Tokens that there are."""
        return self._dialogue.wording.tokens.size

    @property
    def _dialogue(self) -> Dialogue:
        assert isinstance(self.feature, Dialogue)
        return self.feature

    def raw(self, model: Any, batch: Batch) -> Tensor:
        """Logits of each token after those before it: (B, T - 1, size)."""
        turns = batch.targets[0]
        raw: Tensor = model(batch.inputs, turns[:, :-1] if turns.shape[1] > 1 else turns)
        return raw

    def loss(self, raw: Tensor, target: Tensor) -> Tensor:
        """The mean over all tokens that are learned: logits (B, T - 1, size), dialogues (B, T) -> scalar."""
        wanted = wanted_of(target)
        summed = F.cross_entropy(raw.flatten(0, 1).float(), wanted.flatten(), ignore_index=NOTHING, reduction="sum")
        return summed / (wanted != NOTHING).sum().clamp(min=1)

    def activate(self, raw: Tensor) -> Tensor:
        """Log-probabilities of each token: (B, T - 1, size) -> the same."""
        return torch.log_softmax(raw.float(), -1)

    def judge(self, predicted: Tensor, target: Tensor) -> Tensor:
        """Nats a token of each row: log-probabilities (B, T - 1, size), dialogues (B, T) -> (B,)."""
        nats, tokens = _nats(predicted, target)
        return nats / tokens.clamp(min=1)

    def watch(self, model: Any, batch: Batch) -> Tensor:
        nats, tokens = self._sums(model, batch)
        return nats / tokens.clamp(min=1)

    def _sums(self, model: Any, batch: Batch) -> tuple[Tensor, Tensor]:
        """Nats of what is learned of each row, and how many tokens that is, so many rows at a time as memory allows."""
        (turns,) = batch.targets
        count = max(1, LOGITS // (max(1, turns.shape[1]) * self.width))
        found = [_nats(self.activate(self.raw(model, part)), part.targets[0]) for part in batch.parts(count)]
        return torch.cat([nats for nats, _ in found]), torch.cat([tokens for _, tokens in found])

    def outputs(self, model: Any, inputs: dict[str, Tensor], rows: Sequence[int]) -> Sequence[Any]:
        """Nothing: a dialogue is not answered from columns.

        Raises:
            UsageError: always.
        """
        raise UsageError("dialogues are talked with, not predicted", do="lamina chat RUN")

    def said(self, model: Any, batch: Batch) -> list[np.ndarray]:
        """The sums of each dialogue: nats, tokens, and bytes of what the assistant says in it."""
        nats, tokens = self._sums(model, batch)
        return list(np.column_stack([nats.double().numpy(), tokens.numpy(), self.bytes_of(batch.targets[0].numpy())]))

    def bytes_of(self, turns: np.ndarray) -> np.ndarray:
        """Bytes in UTF-8 of what is learned of each of (B, T) encoded dialogues, (B,)."""
        tokens = self._dialogue.wording.tokens
        return np.array([len(tokens.text(row[row > 0] - 1).encode(errors="replace")) for row in turns])

    def speaker(self, model: Any) -> Speaker:
        """The network as one talks with it: answers are drawn as its maker said, and then as the settings do."""
        feature, usual = self._dialogue, as_dict(defaults(ChatSettings))
        changed = {name: value for name, value in as_dict(self.settings).items() if value != usual[name]}
        said = (feature.state.said or {}).get("usual", {})
        return Speaker(model.decoder, feature.wording, model.context or feature.settings.longest, {**said, **changed})

    def answer(self, predicted: Sequence[np.ndarray]) -> Answer:
        """Sums of n dialogues as an answer."""
        return Answer(sums=np.array(predicted, np.float64).reshape(-1, 3))

    def truth(self, target: Any) -> np.ndarray:
        """How many tokens each dialogue has, (n,)."""
        return np.asarray(target.lengths)


def wanted_of(turns: Tensor) -> Tensor:
    """What is to follow each token of encoded dialogues but the last, or that nothing is learned there.

    Example:
        >>> wanted_of(torch.tensor([[-5, 4, 3, -2], [-5, 2, 0, 0]])).tolist()
        [[3, 2, -100], [1, -100, -100]]
    """
    if turns.shape[1] < 2:
        return turns.new_full(turns.shape, NOTHING)
    return torch.where(turns > 0, turns - 1, NOTHING)[:, 1:]


def _nats(predicted: Tensor, turns: Tensor) -> tuple[Tensor, Tensor]:
    """Minus the log-probability of what is learned of each row, and how many tokens that is: (B,) each."""
    wanted = wanted_of(turns)
    learned = wanted != NOTHING
    found = -predicted.gather(-1, wanted.clamp(min=0)[..., None])[..., 0] * learned
    return found.sum(1), learned.sum(1)
