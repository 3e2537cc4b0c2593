"""What may be written next."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from lamina.decoding.filters import NEVER, penalised, unrepeated
from lamina.decoding.lexicon import Lexicon
from lamina.decoding.line import Line
from lamina.decoding.settings import DecodingSettings

__all__ = ["Rules"]


class Rules:
    """What may be written next in each line, and how likely that is once repetition has its penalty.

    Args:
        lexicon: its ``never`` are not written, nor ids beyond its size.
        settings: repetition.
    """

    def __init__(self, lexicon: Lexicon, settings: DecodingSettings) -> None:
        self.lexicon, self.settings = lexicon, settings
        self._ends = torch.tensor(lexicon.ends)
        self._written: Tensor | None = None  # made once it is known where

    def scores(self, logits: Tensor, lines: Sequence[Line]) -> tuple[Tensor, Tensor]:
        """What the network says of the next token of each line, and what lines are chosen by.

        What may not be written keeps its share of the probability: it is not spread over the rest.

        Args:
            logits: (R, V) of R lines.
            lines: R of them.

        Returns:
            Two of (R, V): the network's own log-probabilities; and those after the penalty, minus infinity for what may
            not be written.
        """
        logits = logits.float()
        own = logits.log_softmax(-1)
        penalty, no_repeat = self.settings.repetition_penalty, self.settings.no_repeat
        history = self._history(lines, logits.device) if penalty != 1 or no_repeat else logits.new_empty(0)
        scores = penalised(logits, history, penalty).log_softmax(-1) if penalty != 1 else own
        scores = scores + self._allowed(lines, logits)
        return own, unrepeated(scores, history, no_repeat) if no_repeat else scores

    def _allowed(self, lines: Sequence[Line], logits: Tensor) -> Tensor:
        """Zero for what may be written, minus infinity for the rest, (V,) or (R, V): adding is faster than a mask."""
        if self._written is None:
            written = torch.full((logits.shape[1],), NEVER)
            written[: self.lexicon.tokens.size] = 0
            written[list(self.lexicon.never)] = NEVER
            written[list(self.lexicon.ends)] = 0
            self._written = written.to(logits.device)
        if all(line.follower is None for line in lines):
            return self._written
        allowed = torch.zeros(logits.shape, dtype=torch.bool)
        for row, line in enumerate(lines):
            assert line.follower is not None
            found = line.follower.allowed()
            allowed[row, : len(found)] = torch.from_numpy(found)
        return self._written.where(allowed.to(logits.device), NEVER)

    def _history(self, lines: Sequence[Line], device: torch.device) -> Tensor:
        """The tokens of each line, the last at the right, -1 before the first and for ends, (R, T)."""
        longest = max(line.place for line in lines)
        rows = [[-1] * (longest - line.place) + line.before + line.ids for line in lines]
        history = torch.tensor(rows)
        # What begins a text may be what ends it: an end shall not become less likely by that.
        return history.masked_fill(torch.isin(history, self._ends), -1).to(device)
