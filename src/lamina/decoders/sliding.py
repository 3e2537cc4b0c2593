"""A decoder that looks back no further than it has learned to, however long the text gets."""

from __future__ import annotations

import torch
from torch import Tensor

from lamina.decoders.base import Decoder, Memory, State
from lamina.nn.cache import grown

__all__ = ["Sliding"]


class Sliding(Decoder):
    """A network in the form of GPT that reads at most so many tokens, and then begins anew with the last half of them.

    Positions further than those in training mean little to it. So each token is written after at least half as many as
    it was trained with, and reading anew costs, all in all, each token twice.

    Args:
        decoder: with a cache of keys and values, as GPT has.
        context: most tokens that it looks at, at least 2.

    Shape:
        tokens (B, T), lengths (B,) -> (B, T, size); what is said after each row is the same in any batch
    """

    reads_memory = False

    def __init__(self, decoder: Decoder, context: int) -> None:
        super().__init__(decoder.size, None, None)
        assert context >= 2
        self.decoder, self.context = decoder, context

    def forward(self, tokens: Tensor, lengths: Tensor, memory: Memory | None = None) -> Tensor:
        """Of whole rows, which must be no longer than the context."""
        return self.decoder(tokens, lengths, memory)

    def begin(self, memory: Memory | None, rows: int) -> State:
        state = self.decoder.begin(memory, rows)
        return {**state, "recent": state["length"].new_zeros(rows, self.context // 2)}

    @torch.no_grad()
    def step(self, tokens: Tensor, state: State, lengths: Tensor | None = None) -> tuple[Tensor, State]:
        inner, recent = dict(state), state["recent"]
        del inner["recent"]
        recent = _latest(recent, tokens, lengths)
        more = tokens.shape[1] if lengths is None else lengths
        over = inner["length"] + more > self.context
        if not bool(over.any()):
            logits, inner = self.decoder.step(tokens, inner, lengths)
            return logits, {**inner, "recent": recent}
        anew, rest = over.nonzero()[:, 0], (~over).nonzero()[:, 0]
        said, known = self.decoder.step(recent[anew], self.decoder.begin(None, len(anew)))
        if not len(rest):
            return said, {**known, "recent": recent}
        own = None if lengths is None else lengths[rest]
        longest = tokens.shape[1] if own is None else int(own.max())
        logits, inner = self.decoder.step(tokens[rest, :longest], self.decoder.select(inner, rest), own)
        places = torch.cat([anew, rest]).argsort()  # rows in their order again
        room = max(known["cache"].shape[4], inner["cache"].shape[4])
        parts = [{**one, "cache": grown(one["cache"], room)} for one in (known, inner)]
        joined = {name: torch.cat([part[name] for part in parts])[places] for name in parts[0]}
        return torch.cat([said, logits])[places], {**joined, "recent": recent}


def _latest(recent: Tensor, tokens: Tensor, lengths: Tensor | None) -> Tensor:
    """The last tokens of each row with the new ones, (B, K): zeros stand before the first."""
    both = torch.cat([recent, tokens], 1)
    count = recent.shape[1]
    if lengths is None:
        return both[:, both.shape[1] - count :]
    return both.gather(1, lengths[:, None] + torch.arange(count, device=tokens.device))
