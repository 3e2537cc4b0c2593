"""Beam search: for each row the likeliest beginnings are followed at once, all rows and beams in one batch."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from lamina.decoders.base import Decoder, State
from lamina.decoding.filters import NEVER
from lamina.decoding.line import Line
from lamina.decoding.rules import Rules
from lamina.decoding.written import Written

__all__ = ["beam_search", "divisor"]

Candidate = tuple[float, int, int, float]  # its sum of scores, the lane that it continues, its token, that one's own


def divisor(count: int, power: float) -> float:
    """What the log-probability of a text of ``count`` tokens, the end among them, is divided by (Wu et al. 2016).

    Example:
        >>> divisor(1, 0.6), divisor(7, 1.0)
        (1.0, 2.0)
    """
    return float(((5 + count) / 6) ** power)


class _Search:
    """One row: the beginnings that are followed, and the texts that have ended.

    Attributes:
        alive: at most ``beams`` lines, the likeliest first.
        moves: for each of them, the lane that it continues and its last token.
        ended: at most ``beams`` lines with their scores, the best first; but one that was cut stands behind all others
            where texts are kept in a language, since it need not be of it.
    """

    def __init__(self, line: Line) -> None:
        self.settings = line.settings
        self.alive = [line]
        self.moves: list[tuple[int, int]] = []
        self.ended: list[tuple[float, Line]] = []

    def advance(self, candidates: Sequence[Candidate], lanes: Sequence[Line]) -> None:
        """Go on with the best candidates, twice as many as beams, the likeliest first."""
        self.alive, self.moves = [], []
        for rank, (total, parent, one, log) in enumerate(candidates):
            if total == NEVER or len(self.alive) == self.settings.beams:
                break
            line = lanes[parent].copy()
            line.total = total
            line.add(one, log)
            if line.ended in (None, "longest"):
                self.alive.append(line)
                self.moves.append((parent, one))
            elif rank < self.settings.beams:  # else better beginnings are followed
                self.ended.append((self._score(line, len(line.logs)), line))
        if self.alive and self.alive[0].ended is not None:  # all have the same length
            self.ended += [(self._score(line, len(line.logs)), line) for line in self.alive]
            self.alive = []
        self.ended.sort(key=lambda pair: (pair[1].ended == "longest" and pair[1].follower is not None, -pair[0]))
        del self.ended[self.settings.beams :]

    def _score(self, line: Line, count: int) -> float:
        return line.total / divisor(count, self.settings.length_penalty)

    def is_done(self) -> bool:
        """Whether no beginning that is followed gives a better text, or is likely to."""
        thorough = self.settings.thorough
        needed = self.settings.alternatives if thorough else self.settings.beams
        if not self.alive or len(self.ended) < needed:
            return not self.alive
        # A text only grows less likely, and the longer it is the less that counts.
        best = self.alive[0]
        return self.ended[needed - 1][0] >= self._score(best, best.longest if thorough else len(best.logs))

    def texts(self) -> list[Written]:
        """The best texts."""
        return [line.written(score) for score, line in self.ended[: self.settings.alternatives]]


def beam_search(decoder: Decoder, lines: Sequence[Line], logits: Tensor, state: State) -> list[list[Written]]:
    """Write the likeliest texts of each row that beams find.

    Args:
        decoder: that says what follows.
        lines: one for each row, with nothing written yet.
        logits, state: as :func:`lamina.decoding.search.opened` gives them, of a row for each line.

    Returns:
        For each line its texts, the best first; fewer than ``alternatives`` only if no more were found.
    """
    rules = Rules(lines[0].lexicon, lines[0].settings)
    searches = [_Search(line) for line in lines]
    going, lanes = searches, list(lines)  # each search has the same number of lanes in the batch, side by side
    totals = [0.0] * len(lanes)
    while True:
        candidates = _candidates(*rules.scores(logits, lanes), totals, len(going), 2 * lines[0].settings.beams)
        for one, found in zip(going, candidates, strict=True):
            one.advance(found, lanes)
        going = [one for one in going if not one.is_done()]
        if not going:
            return [one.texts() for one in searches]
        width = max(len(one.alive) for one in going)
        # Where a search has fewer beginnings, its last one fills the lanes, and is never chosen from them.
        filled = [[min(place, len(one.alive) - 1) for place in range(width)] for one in going]
        moves = [one.moves[place] for one, places in zip(going, filled, strict=True) for place in places]
        lanes = [one.alive[place] for one, places in zip(going, filled, strict=True) for place in places]
        totals = [
            one.alive[place].total if place < len(one.alive) else NEVER for one in going for place in range(width)
        ]
        parents, ids = torch.tensor(moves, device=logits.device).unbind(1)
        if len(parents) != len(logits) or parents.tolist() != list(range(len(logits))):
            state = decoder.select(state, parents)
        logits, state = decoder.step(ids[:, None], state, None)


def _candidates(
    own: Tensor, scores: Tensor, totals: Sequence[float], searches: int, count: int
) -> list[list[Candidate]]:
    """The best ways to go on for each search, over all its lanes."""
    size, width = scores.shape[1], len(totals) // searches
    sums = scores.add_(torch.tensor(totals, device=scores.device)[:, None])  # in place, as it is large
    best, places = sums.view(searches, -1).topk(min(count, width * size))  # (searches, count)
    first = torch.arange(searches, device=scores.device)[:, None] * width
    parents, ids = places.div(size, rounding_mode="floor") + first, places % size
    parts = (best, parents, ids, own[parents, ids])
    return [list(zip(*row, strict=True)) for row in zip(*(part.tolist() for part in parts), strict=True)]
