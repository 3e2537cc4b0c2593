"""Networks and vocabularies small enough to try every text."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lamina.decoders.base import Decoder, Memory, State
from lamina.decoding.lexicon import Lexicon
from lamina.features.tokens import Characters, Pieces

__all__ = ["BYTES", "LETTERS", "Recurrent", "Table", "memory_of"]

LETTERS = Lexicon(Characters(list("abc"), lower=False))  # 3 ends, 4 to 6 are letters
BYTES = Lexicon(Pieces([*map(chr, range(256)), "ab", '{"', '":', "true", "Ã©l"], lower=False))


class Recurrent(Decoder):
    """What follows hangs on all tokens so far, and on the memory."""

    def __init__(self, size: int, memory: int | None = None, seed: int = 0, reluctance: float = 0.0) -> None:
        super().__init__(size, memory, None)
        generator = torch.Generator().manual_seed(seed)
        width = 6
        self.read = nn.Parameter(torch.randn(size, width, generator=generator))
        self.mixed = nn.Parameter(torch.randn(width, width, generator=generator) / 2)
        self.said = nn.Parameter(torch.randn(width, size, generator=generator) * 2)
        self.brought = nn.Parameter(torch.randn(memory or 1, width, generator=generator))
        self.dropout = nn.Dropout(0.5)
        self.reluctance = torch.zeros(size).index_fill(0, torch.tensor(3), reluctance)  # to end

    def forward(self, tokens: Tensor, lengths: Tensor, memory: Memory | None = None) -> Tensor:
        state, logits = self.begin(memory, len(tokens)), []
        for place in range(tokens.shape[1]):
            found, state = self.step(tokens[:, place : place + 1], state)
            logits.append(found)
        return torch.stack(logits, 1)

    def begin(self, memory: Memory | None, rows: int) -> State:
        if memory is None:
            return {"hidden": torch.zeros(rows, 6)}
        there = memory.there[..., None]
        return {"hidden": (memory.values * there).sum(1) @ self.brought}

    def step(self, tokens: Tensor, state: State, lengths: Tensor | None = None) -> tuple[Tensor, State]:
        hidden = state["hidden"]
        for place in range(tokens.shape[1]):
            after = torch.tanh(hidden @ self.mixed + self.read[tokens[:, place]])
            hidden = after if lengths is None else torch.where((place < lengths)[:, None], after, hidden)
        return self.dropout(hidden) @ self.said - self.reluctance, {"hidden": hidden}


class Table(Decoder):
    """What follows hangs on the last token alone: logits (V, V)."""

    def __init__(self, logits: Tensor) -> None:
        super().__init__(len(logits), None, None)
        self.logits = nn.Parameter(logits)

    def forward(self, tokens: Tensor, lengths: Tensor, memory: Memory | None = None) -> Tensor:
        return self.logits[tokens]

    def begin(self, memory: Memory | None, rows: int) -> State:
        return {"rows": torch.zeros(rows)}

    def step(self, tokens: Tensor, state: State, lengths: Tensor | None = None) -> tuple[Tensor, State]:
        last = tokens[:, -1] if lengths is None else tokens.gather(1, lengths[:, None] - 1)[:, 0]
        return self.logits[last], state


def memory_of(rows: int, width: int = 4) -> Memory:
    """Rows of different things to write from."""
    values = torch.randn(rows, 3, width, generator=torch.Generator().manual_seed(5))
    there = torch.arange(3) < torch.tensor([row % 3 + 1 for row in range(rows)])[:, None]
    return Memory(values, there)
