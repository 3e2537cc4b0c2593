"""Which notes sound in a step, by what a network was told of the steps before: each by itself, or one after the other.

Keys are counted as in a frame, from the lowest. What is held of a step, (R, keys) int8, is 1 for a key that must sound,
0 for one that must not, and :data:`FREE` for one that may.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lamina.decoding.filters import top_p
from lamina.decoding.sampling import drawn
from lamina.nn.dropout import PooledDropout
from lamina.nn.linear import Linear
from lamina.nn.projection import Projection
from lamina.nn.steps import Words

__all__ = ["FREE", "Apart", "Notes", "Together", "Usual"]

FREE = -1
RARE = -3.0  # log-odds of a key before anything is learned: about four of 88 sound at a time
NEVER = float("-inf")
COLD = 1e-4  # a temperature at which the likelier choice is as good as sure
PACE = 10.0  # by which the usual chances of keys are learned faster than all else: what hangs on nothing comes first


class Notes(nn.Module, ABC):
    """Abstract: the chances of the notes of a step.

    Args:
        keys: of a frame.
    """

    def __init__(self, keys: int) -> None:
        super().__init__()
        self.keys = keys

    @abstractmethod
    def forward(self, told: Tensor, before: Tensor, frames: Tensor) -> Tensor:
        """Log-probabilities of the notes of steps: (N, told), frames before them and their own (N, keys) -> (N,)."""

    @abstractmethod
    def draw(
        self,
        told: Tensor,
        before: Tensor,
        held: Tensor,
        generator: torch.Generator,
        temperature: float = 1.0,
        share: float = 1.0,
    ) -> tuple[Tensor, Tensor]:
        """Draw the notes of a step for each row, with what is held.

        Args:
            told: (R, told).
            before: (R, keys), the frames before.
            held: (R, keys) int8.
            generator: the only source of chance.
            temperature: below 1 the likely becomes likelier.
            share: of a choice among several notes only the fewest that have this share of the chance.

        Returns:
            The frames, (R, keys) float32, and the logarithm of the chance that free draws would have gone along with
            what is held, as they went, (R,).
        """

    def likeliest(self, told: Tensor, before: Tensor) -> Tensor:
        """Always the likelier choice: (R, told), (R, keys) -> frames (R, keys)."""
        held = torch.full_like(before, FREE, dtype=torch.int8)
        return self.draw(told, before, held, torch.Generator().manual_seed(0), temperature=COLD)[0]


class Usual(nn.Module):
    """What is said of each key before anything is known.

    Shape:
        (N, keys) of logits -> the same
    """

    def __init__(self, keys: int) -> None:
        super().__init__()
        self.logits = nn.Parameter(torch.zeros(keys))

    def reset_parameters(self) -> None:
        """Zeros."""
        nn.init.zeros_(self.logits)

    def forward(self, logits: Tensor) -> Tensor:
        return logits + PACE * self.logits


class Apart(Notes):
    """Each key by itself, as most of the literature counts: a logistic regression on what was told and the step before.

    Args:
        keys: of a frame.
        told: width of what a network was told.
        dropout: share of the notes before that is dropped in training.

    Shape:
        (N, told), (N, keys), (N, keys) -> (N,)
    """

    def __init__(self, keys: int, told: int, dropout: float) -> None:
        super().__init__(keys)
        self.head = Projection(told, keys, deviation=0.0)
        self.stay = Projection(keys, keys, bias=False, deviation=0.0)
        self.usual, self.dropout = Usual(keys), PooledDropout(dropout)

    def logits(self, told: Tensor, before: Tensor) -> Tensor:
        """(N, told), (N, keys) -> (N, keys)."""
        return (RARE + self.usual(self.head(told) + self.stay(self.dropout(before)))).float()

    def forward(self, told: Tensor, before: Tensor, frames: Tensor) -> Tensor:
        return -F.binary_cross_entropy_with_logits(self.logits(told, before), frames, reduction="none").sum(-1)

    def draw(
        self,
        told: Tensor,
        before: Tensor,
        held: Tensor,
        generator: torch.Generator,
        temperature: float = 1.0,
        share: float = 1.0,
    ) -> tuple[Tensor, Tensor]:
        logits = self.logits(told, before) / temperature
        free = torch.rand(logits.shape, generator=generator) < logits.sigmoid()
        frames = torch.where(held == FREE, free, held == 1).float()
        logs = -F.binary_cross_entropy_with_logits(logits, frames, reduction="none")
        return frames, (logs * (held != FREE)).sum(-1)


class Together(Notes):
    """One note after the other, from the highest to the lowest, each by those above it, and then an end.

    With told h, the frame before b and the notes so far a, the last of them l and their number n, what comes next is
    told by ``out(gelu(W h + U b + V a + e(l) + c(n))) + S h``, over the keys below l and the end. So the chances of all
    chords sum to 1, as those of a NADE's do (Larochelle and Murray 2011).

    Args:
        keys: of a frame.
        told: width of what a network was told.
        width: of the hidden layer.
        dropout: share of hidden units dropped in training.
        hidden: share of the notes of a step and of the one before that is hidden from the next in training.

    Shape:
        (N, told), (N, keys), (N, keys) -> (N,)
    """

    MOST = 8  # notes of a step that are told apart by their number

    def __init__(self, keys: int, told: int, width: int, dropout: float, hidden: float) -> None:
        super().__init__(keys)
        self.told = Linear(told, width)
        self.before = Linear(keys, width, bias=False)
        self.above = Linear(keys, width, bias=False)
        self.last = Words(keys + 1, width, 1.0)  # the last one: none yet
        self.count = Words(self.MOST, width, 1.0)
        self.out = Linear(width, keys + 1)
        self.skip = Linear(told, keys + 1)
        self.usual, self.dropout, self.hidden = Usual(keys + 1), PooledDropout(dropout), PooledDropout(hidden)

    def forward(self, told: Tensor, before: Tensor, frames: Tensor) -> Tensor:
        place, note = self._in_order(frames)  # (M,) each
        keys = torch.arange(self.keys)
        above = frames[place] * (keys > note[:, None])  # (M, keys): the notes that stand before each
        logits = self._logits(self._context(told, before), place, above)
        found = -F.cross_entropy(logits, note.where(note >= 0, self.keys), reduction="none")
        return found.new_zeros(len(frames)).index_add(0, place, found)

    def _in_order(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """The notes of all steps from high to low, and behind those of each an end: which step, and which key or -1."""
        # With a key below all others that always sounds.
        padded = F.pad(frames.flip(1) > 0.5, (0, 1), value=True)
        place, turned = padded.nonzero(as_tuple=True)
        return place, self.keys - 1 - turned

    def _context(self, told: Tensor, before: Tensor) -> tuple[Tensor, Tensor]:
        """What all notes of a step share: for the hidden layer (N, width), and for the logits (N, keys + 1)."""
        return self.told(told) + self.before(self.hidden(before)), self.skip(told)

    def _logits(self, context: tuple[Tensor, Tensor], place: Tensor, above: Tensor) -> Tensor:
        """What may follow some notes of a step, and the end: steps (M,), notes so far (M, keys) -> (M, keys + 1)."""
        shared, skip = context
        count = above.sum(1).long()
        last = torch.where(count > 0, above.argmax(1), self.keys)  # the first that sounds is the lowest
        hidden = shared[place] + self.above(self.hidden(above)) + self.last(last)
        hidden = hidden + self.count(count.clamp(max=self.MOST - 1))
        logits = self.usual(self.out(self.dropout(F.gelu(hidden))) + skip[place]).float()
        below = F.pad(torch.arange(self.keys) < last[:, None], (0, 1), value=True)
        return logits.masked_fill(~below, NEVER)

    def draw(
        self,
        told: Tensor,
        before: Tensor,
        held: Tensor,
        generator: torch.Generator,
        temperature: float = 1.0,
        share: float = 1.0,
    ) -> tuple[Tensor, Tensor]:
        rows, keys = torch.arange(len(told)), torch.arange(self.keys)
        context = self._context(told, before)
        frames, logs = torch.zeros(len(told), self.keys), torch.zeros(len(told))
        going = rows
        while len(going):
            logits = self._logits(context, going, frames[going]) / temperature
            # Of what is held, the highest that is still to come may not be passed by.
            wanted = held[going].eq(1) & (frames[going] == 0)  # (M, keys)
            next_one = torch.where(wanted, keys, -1).amax(1)  # -1: none
            able = F.pad((held[going] != 0) & (keys >= next_one[:, None]), (0, 1))
            able[:, -1] = next_one < 0
            chosen = logits.masked_fill(~able, NEVER)
            logs[going] += chosen.logsumexp(1) - logits.logsumexp(1)
            numbers = torch.rand(len(going), generator=generator, dtype=torch.float64).tolist()
            note = drawn(top_p(chosen, share).softmax(-1), numbers)
            goes_on = note < self.keys
            going = going[goes_on]
            frames[going, note[goes_on]] = 1.0
        return frames, logs
