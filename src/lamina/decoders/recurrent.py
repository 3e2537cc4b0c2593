"""Recurrent decoders with attention: plain (Elman 1990), LSTM (Hochreiter and Schmidhuber 1997), GRU (Cho et al. 2014);
attention by Bahdanau et al. 2015 and Luong et al. 2015."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from lamina.backbones.base import mean_over
from lamina.config import setting, settings
from lamina.decoders.base import Decoder, Memory, State, last_of, looked_at
from lamina.nn.alignment import Alignment, Score
from lamina.nn.dropout import PooledDropout
from lamina.nn.projection import Projection
from lamina.nn.recurrent import ForgetLSTM
from lamina.nn.vocabulary import Vocabulary
from lamina.nn.wide import places_there

__all__ = [
    "GRUDecoder",
    "LSTMDecoder",
    "RNNDecoder",
    "RNNDecoderSettings",
    "RecurrentDecoder",
    "RecurrentDecoderSettings",
]

DEVIATION = 0.1  # of embeddings at the start: small beside the states, which lie within +-1


@settings
class RecurrentDecoderSettings:
    """Recurrent layers that look back at what is written from."""

    width: int = setting(128, "Width of the state of each layer, and of embeddings.", ge=1)
    depth: int = setting(1, "Layers.", ge=1, le=16)
    attention: Score = setting(
        "additive",
        "How a state is compared with each place of what is written from: by a layer, as it is, by a matrix.",
    )
    input_feeding: bool = setting(
        True, "What was seen at the last token goes in with the next one: places are not read twice; slower to train."
    )
    tied: bool = setting(True, "Logits are products with the embedding of the tokens.")
    dropout: float = setting(0.2, "Share of embeddings and states dropped in training.", ge=0, lt=1)


@settings
class RNNDecoderSettings(RecurrentDecoderSettings):
    """Plain recurrent layers that look back at what is written from."""

    activation: Literal["tanh", "relu"] = setting("tanh", "What each state goes through.")


class RecurrentDecoder(Decoder):
    """Abstract: embedded tokens, recurrent layers, attention of the last one's states to the memory.

    With state s after a token, weights a over the places h of the memory, and c = sum of a h, what is written next is
    told from ``tanh(W [c; s])`` (Luong et al. 2015), for every kind of score. The first states are ``tanh(W m)`` of the
    memory's mean m.

    Shape:
        tokens (B, T), lengths (B,), memory (B, S, memory) -> (B, T, size)
    """

    Settings: ClassVar[type] = RecurrentDecoderSettings

    def __init__(self, size: int, memory: int | None, settings: RecurrentDecoderSettings) -> None:
        super().__init__(size, memory, settings)
        self.settings = settings
        width = settings.width
        self.feeds = settings.input_feeding and memory is not None
        self.words = Vocabulary(size, width, DEVIATION, settings.tied)
        self.layers = nn.ModuleList(
            self._layer(2 * width if self.feeds and not place else width, width) for place in range(settings.depth)
        )
        self.dropout = PooledDropout(settings.dropout)
        self.start: nn.Module | None = None
        if memory is not None:
            self.start = nn.Sequential(Projection(memory, settings.depth * width), nn.Tanh())
            self.alignment = Alignment(settings.attention, width, memory)
            self.join = nn.Sequential(Projection(memory + width, width), nn.Tanh())

    @abstractmethod
    def _layer(self, inputs: int, width: int) -> nn.RNNBase:
        """One recurrent layer, batch first."""

    def forward(self, tokens: Tensor, lengths: Tensor, memory: Memory | None = None) -> Tensor:
        found, _, _ = self._run(tokens, self.begin(memory, len(tokens)))
        return self.words.logits(self.dropout(found))

    def attention(self, tokens: Tensor, lengths: Tensor, memory: Memory) -> Tensor:
        """How much is looked at each place after each token, (B, T, S): zeros behind a row's end, else summing to 1."""
        _, weights, _ = self._run(tokens, self.begin(memory, len(tokens)))
        assert weights is not None
        return weights * places_there(lengths, tokens.shape[1])[..., None]

    def begin(self, memory: Memory | None, rows: int) -> State:
        self._check_memory(memory)
        settings, weight = self.settings, self.words.weight
        hidden = weight.new_zeros(rows, settings.depth, settings.width)
        state = {"cell": hidden} if isinstance(self.layers[0], nn.LSTM) else {}
        if memory is None:
            return {**state, "hidden": hidden}
        assert self.start is not None
        hidden = self.start(mean_over(memory.values, memory.there)).unflatten(-1, hidden.shape[1:])
        state |= {"hidden": hidden, "memory": memory.values, "there": looked_at(memory)}
        state["keys"] = self.alignment.keys(memory.values)
        return {**state, "fed": weight.new_zeros(rows, settings.width)} if self.feeds else state

    @torch.no_grad()
    def step(self, tokens: Tensor, state: State, lengths: Tensor | None = None) -> tuple[Tensor, State]:
        found, _, state = self._run(tokens, state, lengths)
        return self.words.logits(last_of(found, lengths)), state

    def _run(self, tokens: Tensor, state: State, lengths: Tensor | None = None) -> tuple[Tensor, Tensor | None, State]:
        """What each next token is told from, (B, T, width); what was looked at, (B, T, S); and the state at each end.

        Where lengths are given, each row's state stays as it was at its own end.
        """
        x = self.dropout(self.words(tokens))
        if not self.feeds and (lengths is None or x.shape[1] == 1):
            return self._read(x, state)
        found, looks = [], []
        for place in range(x.shape[1]):
            one, weights, after = self._read(x[:, place : place + 1], state)
            if lengths is not None and place:
                goes_on = place < lengths
                after = {name: _kept(goes_on, value, state[name]) for name, value in after.items()}
            state = after
            found.append(one)
            looks.append(weights)
        seen = [weights for weights in looks if weights is not None]
        return torch.cat(found, 1), torch.cat(seen, 1) if seen else None, state

    def _read(self, x: Tensor, state: State) -> tuple[Tensor, Tensor | None, State]:
        """The same for embedded tokens, one where the last answer is fed in."""
        if self.feeds:
            x = torch.cat([x, state["fed"][:, None]], -1)
        hidden, cell = [], []
        for place, layer in enumerate(self.layers):
            x = self.dropout(x) if place else x
            before = state["hidden"][:, place][None].contiguous()  # (1, B, width)
            if "cell" in state:
                x, (before, kept) = layer(x, (before, state["cell"][:, place][None].contiguous()))
                cell.append(kept[0])
            else:
                x, before = layer(x, before)
            hidden.append(before[0])
        state = {**state, "hidden": torch.stack(hidden, 1)}
        if cell:
            state["cell"] = torch.stack(cell, 1)
        if "memory" not in state:
            return x, None, state
        weights = self.alignment(x, state["keys"], state["there"])
        x = self.join(torch.cat([weights.to(x.dtype) @ state["memory"].to(x.dtype), x], -1))
        return x, weights, {**state, "fed": x[:, -1]} if self.feeds else state


def _kept(goes_on: Tensor, after: Tensor, before: Tensor) -> Tensor:
    """A state's values of rows that go on, (B,) bool; those of before for the others."""
    if after is before:
        return before
    return torch.where(goes_on.view(-1, *[1] * (after.ndim - 1)), after, before)


class RNNDecoder(RecurrentDecoder):
    """Plain recurrent layers: h' = tanh(W x + U h + b).

    Shape:
        tokens (B, T), lengths (B,), memory (B, S, memory) -> (B, T, size)
    """

    Settings = RNNDecoderSettings

    def _layer(self, inputs: int, width: int) -> nn.RNNBase:
        assert isinstance(self.settings, RNNDecoderSettings)
        return nn.RNN(inputs, width, batch_first=True, nonlinearity=self.settings.activation)


class LSTMDecoder(RecurrentDecoder):
    """Long short-term memory. The forget gates start at a bias of 1.

    Shape:
        tokens (B, T), lengths (B,), memory (B, S, memory) -> (B, T, size)
    """

    def _layer(self, inputs: int, width: int) -> nn.RNNBase:
        return ForgetLSTM(inputs, width, batch_first=True)


class GRUDecoder(RecurrentDecoder):
    """Gated recurrent units.

    Shape:
        tokens (B, T), lengths (B,), memory (B, S, memory) -> (B, T, size)
    """

    def _layer(self, inputs: int, width: int) -> nn.RNNBase:
        return nn.GRU(inputs, width, batch_first=True)
