"""One token after the other: always the likeliest, or by chance."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from lamina.decoders.base import Decoder, Memory, State
from lamina.decoding.line import Line
from lamina.decoding.rules import Rules
from lamina.decoding.sampling import chances, drawn, uniform

__all__ = ["opened", "search"]


def opened(decoder: Decoder, lines: Sequence[Line], memory: Memory | None) -> tuple[Tensor, State]:
    """Read what each line continues: logits (R, V) of what follows, and the state behind it."""
    device = next(decoder.parameters()).device
    lengths = torch.tensor([len(line.before) for line in lines])
    longest = int(lengths.max())
    tokens = torch.tensor([line.before + [0] * (longest - len(line.before)) for line in lines])  # (R, T)
    unequal = bool((lengths < longest).any())
    state = decoder.begin(memory, len(lines))
    return decoder.step(tokens.to(device), state, lengths.to(device) if unequal else None)


def search(decoder: Decoder, lines: Sequence[Line], logits: Tensor, state: State) -> Iterator[tuple[Line, str]]:
    """Write each line until it ends, all at once; those that have ended are left out of the batch.

    Args:
        decoder: that says what follows.
        lines: R of them.
        logits, state: as :func:`opened` gives them, of R rows.

    Yields:
        The line and the text that has become certain, after each token of each line.
    """
    settings, alive = lines[0].settings, list(lines)
    rules = Rules(lines[0].lexicon, settings)
    while True:
        own, scores = rules.scores(logits, alive)
        if settings.how == "sample":
            numbers = [uniform(settings.seed, line.row, line.number, line.place) for line in alive]
            ids = drawn(chances(scores, settings), numbers)
        else:
            ids = scores.argmax(-1)
        logs = own.gather(1, ids[:, None])[:, 0]
        for line, one, log in zip(alive, ids.tolist(), logs.tolist(), strict=True):
            yield line, line.add(one, log)
        kept = [place for place, line in enumerate(alive) if line.ended is None]
        if not kept:
            return
        if len(kept) < len(alive):
            places = torch.tensor(kept, device=ids.device)
            alive, ids, state = [alive[place] for place in kept], ids[places], decoder.select(state, places)
        logits, state = decoder.step(ids[:, None], state, None)
