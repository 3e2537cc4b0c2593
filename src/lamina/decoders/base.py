"""What every network that writes tokens is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from lamina.config import check
from lamina.decoders import DECODERS
from lamina.errors import SettingError, UsageError

__all__ = ["Decoder", "Memory", "State", "decoder_of", "last_of", "looked_at", "refuse_memory"]

State = dict[str, Tensor]
"""What a decoder knows of the rows that it is writing: name -> (B, ...)."""


class Memory(NamedTuple):
    """What a text is written from: the places of all input columns side by side.

    Attributes:
        values: (B, S, width).
        there: (B, S) bool. A row of which nothing is there is written as if from nothing in particular.
    """

    values: Tensor
    there: Tensor


class Decoder(nn.Module, ABC):
    """A network that says, after each token of a text, which may come next.

    A subclass names its ``Settings`` and writes ``__init__(size, memory, settings)``, ``forward``, ``begin`` and
    ``step``. Its answers in training, step by step, and in whatever batch are the same.

    Args:
        size: how many tokens there are.
        memory: width of the memory's places; None: it writes from nothing but the text so far.

    Shape:
        tokens (B, T) int64, of which the first begins the text; lengths (B,) int64, tokens of each row; memory
        -> (B, T, size): logits of what follows each token, as those after token ``t`` are of token ``t + 1``

    Attributes:
        longest: most tokens that a row may have, counted with the first; None: as many as one likes.
        remembered: tokens before a window of a text that it looks at too, for which it has a ``segment`` as
            :meth:`lamina.decoders.transformer_xl.TransformerXL.segment` is; None: it looks at the window alone.
    """

    Settings: ClassVar[type]
    reads_memory: ClassVar[bool] = True  # whether it can write from a memory; all can write from nothing
    reads_segments: ClassVar[bool] = False  # whether its forward pass takes rows of several texts, and keeps them apart
    slides: ClassVar[bool] = False  # whether it can begin anew inside a text, as lamina.decoders.sliding does
    longest: int | None
    remembered: int | None

    @abstractmethod
    def __init__(self, size: int, memory: int | None, settings: Any) -> None:
        super().__init__()
        self.size = size
        self.memory = memory
        self.longest = None
        self.remembered = None

    @abstractmethod
    def forward(self, tokens: Tensor, lengths: Tensor, memory: Memory | None = None) -> Tensor:
        """Logits of what follows each token, (B, T, size); at places behind a row's end they mean nothing."""

    @abstractmethod
    def begin(self, memory: Memory | None, rows: int) -> State:
        """What is known before the first token.

        Args:
            memory: what is written from, a row each; None where nothing is.
            rows: how many are written.
        """

    @abstractmethod
    def step(self, tokens: Tensor, state: State, lengths: Tensor | None = None) -> tuple[Tensor, State]:
        """Read on by one token or by several, such as a prompt.

        The state is used up: of what was handed in, memory may be written to. :meth:`select` copies.

        Args:
            tokens: (B, n) int64.
            state: of the same rows.
            lengths: (B,) how many of the tokens are each row's own, at least one; all if None.

        Returns:
            Logits of what follows the last token of each row, (B, size), and the state after it.
        """

    def select(self, state: State, rows: Tensor) -> State:
        """The state of some rows, (M,) int64: kept, repeated or in another order."""
        return {name: values.index_select(0, rows) for name, values in state.items()}

    def cut(self, state: State, count: int) -> State | None:
        """The state as it was after the first ``count`` tokens of each row; None where that is not known any more.

        As by :meth:`step`, the state that was handed in is used up.
        """
        return None

    def _check_memory(self, memory: Memory | None) -> None:
        """Built with a memory and run with one, or neither."""
        assert (memory is None) == (self.memory is None), "a decoder is run as it was built, with a memory or without"

    def _check_length(self, tokens: int) -> None:
        """Raises UsageError if a row would be longer than the network can tell its places apart."""
        if self.longest is not None and tokens > self.longest:
            raise UsageError(
                "the text is longer than the network can read", got=f"{tokens} tokens", allowed=f"{self.longest}"
            )


def decoder_of(size: int, memory: int | None, chosen: str | Mapping[str, Any], usual: str) -> Decoder:
    """The decoder that the settings of a model name.

    Args:
        size: how many tokens there are.
        memory: width of the places that it looks at; None where there is nothing to read.
        chosen: its name, or its settings with ``name`` among them.
        usual: its name where the settings are without one.

    Raises:
        SettingError: if there is no such decoder, it cannot look at anything, or it has no such setting.
    """
    values = {"name": chosen} if isinstance(chosen, str) else {"name": usual, **chosen}
    name = values.pop("name")
    cls = DECODERS[name]
    if memory is not None and not cls.reads_memory:
        raise SettingError(
            f"decoder {name} writes from nothing but the text so far, and there are columns to read",
            allowed=", ".join(other for other in DECODERS if DECODERS[other].reads_memory),
        )
    made: Decoder = cls(size, memory, check(cls.Settings, values, "model.decoder"))
    return made


def refuse_memory(memory: int | None) -> None:
    """Raises SettingError if a network that reads no memory is built with one."""
    if memory is not None:
        raise SettingError(
            "this network writes from nothing but the text so far",
            got=f"a memory of width {memory}",
            allowed="decoders that read a memory: transformer, lstm, gru, rnn",
        )


def last_of(x: Tensor, lengths: Tensor | None) -> Tensor:
    """The last place of each row: (B, n, width), (B,) -> (B, width)."""
    if lengths is None or x.shape[1] == 1:
        return x[:, -1]
    return x[torch.arange(len(x), device=x.device), lengths - 1]


def looked_at(memory: Memory) -> Tensor:
    """The places that attention looks at, (B, S) bool: those that are there, or the first, since none has no softmax.

    Of a row of which nothing is there the first place is what fills up, and the same in any batch.
    """
    there = memory.there.clone()
    there[:, 0] |= ~there.any(1)
    return there
