"""A decoder that keeps what it has read, for texts that begin as the last one did."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor

from lamina.decoders.base import Decoder, Memory, State

__all__ = ["Remembered"]


class Remembered(Decoder):
    """Another decoder for one text after the other, each of which costs only what is new in it.

    The turns of a dialogue are such texts: each begins with all that was said before.

    Args:
        decoder: that writes from nothing but the text so far.
        longest: most tokens of a text; as the decoder says if None.

    Attributes:
        known: ids of the text whose state is kept.
        read: how many ids were read since it was made.

    Shape:
        tokens (B, T), lengths (B,) -> (B, T, size); states are of a single row
    """

    reads_memory = False

    def __init__(self, decoder: Decoder, longest: int | None = None) -> None:
        super().__init__(decoder.size, None, None)
        self.decoder = decoder
        self.training = decoder.training
        self.longest = min((one for one in (longest, decoder.longest) if one is not None), default=None)
        self.known: list[int] = []
        self.read = 0
        self._state: State | None = None

    def forward(self, tokens: Tensor, lengths: Tensor, memory: Memory | None = None) -> Tensor:
        return self.decoder(tokens, lengths, memory)

    def begin(self, memory: Memory | None, rows: int) -> State:
        assert rows == 1, "one text at a time is remembered"
        return {"length": torch.zeros(1, dtype=torch.int64)}

    def step(self, tokens: Tensor, state: State, lengths: Tensor | None = None) -> tuple[Tensor, State]:
        length, ids = state["length"], tokens[0].tolist()
        self._check_length(int(length) + len(ids))
        place = int(length) or self._taken_up(ids)
        new = tokens[:, place - int(length) :]
        assert self._state is not None and place == len(self.known)
        kept, self._state = self._state, None  # a step that is broken off leaves nothing that can be gone on with
        logits, self._state = self.decoder.step(new, kept)
        self.known += new[0].tolist()
        self.read += new.shape[1]
        return logits, {"length": length + len(ids)}

    def _taken_up(self, ids: list[int]) -> int:
        """Go back to where a new text differs from the last one: how many of its ids need not be read again."""
        same = itertools.takewhile(lambda pair: pair[0] == pair[1], zip(self.known, ids, strict=False))
        kept = min(len(list(same)), len(ids) - 1)  # what follows the last one is asked for
        found = self.decoder.cut(self._state, kept) if kept and self._state is not None else None
        if found is None:
            kept, found = 0, self.decoder.begin(None, 1)
        self.known, self._state = self.known[:kept], found
        return kept
