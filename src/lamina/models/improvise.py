"""Pieces that are drawn step by step around what is held: nothing, a beginning, a melody, every so-manieth step.

A step is drawn by the steps before it, and cannot know what is held later on. So several pieces are drawn side by side.
Those that make likely what is held outlive the others (a particle filter, Gordon et al. 1993), and of those that come
to the end one is taken by how likely it ends there. What is drawn is a function of the seed and of what is held.
"""

from __future__ import annotations

import torch
from torch import Tensor

from lamina.decoding.sampling import drawn
from lamina.models.composer import Composer
from lamina.models.notes import FREE
from lamina.nn.start import seed_of

__all__ = ["improvise"]


@torch.inference_mode()
def improvise(
    model: Composer,
    held: Tensor,
    *,
    seed: int,
    tries: int = 32,
    temperature: float = 1.0,
    share: float = 1.0,
    ends: bool = True,
) -> Tensor:
    """Draw a piece.

    Args:
        model: in evaluation mode.
        held: (T, keys) int8, 1 for a key that must sound, 0 for one that must not, :data:`FREE` for one that may.
        seed: what chance hangs on.
        tries: pieces that are drawn side by side.
        temperature: below 1 the likely becomes likelier.
        share: of a choice among several notes only the fewest that have this share of the chance.
        ends: whether the piece is to come to an end with its last step.

    Returns:
        The frames, (T, keys) of 0 and 1.
    """
    begun = _begun(held)
    told, state = model.begin(1)
    if begun:
        told, state = model.read(held[None, :begun].float(), state)
    rows = torch.zeros(tries, dtype=torch.int64)
    told, state = told[rows], model.past.select(state, rows)
    pieces = held.clamp(min=0).float().expand(tries, -1, -1).clone()  # (R, T, keys)
    before = pieces[:, begun - 1] if begun else torch.zeros_like(pieces[:, 0])
    weights = torch.zeros(tries)
    for place in range(begun, len(held)):
        chance = torch.Generator().manual_seed(seed_of(seed, "step", place))
        wanted = held[place].expand(tries, -1)
        before, logs = model.notes.draw(told, before, wanted, chance, temperature, share)
        pieces[:, place] = before
        told, state = model.read(before[:, None], state)
        weights = weights + logs
        if _spread(weights) < tries / 2:
            rows = _outlived(weights, chance)
            pieces, before, told, weights = pieces[rows], before[rows], told[rows], torch.zeros(tries)
            state = model.past.select(state, rows)
    if ends:
        weights = weights + torch.nn.functional.logsigmoid(model.end(told)[:, 0])
    chance = torch.Generator().manual_seed(seed_of(seed, "piece"))
    chosen = drawn(weights.softmax(0)[None], torch.rand(1, generator=chance, dtype=torch.float64).tolist())
    return pieces[chosen[0]]


def _begun(held: Tensor) -> int:
    """The steps at the beginning of which nothing is left to choose."""
    open_ = (held == FREE).any(1).nonzero()
    return int(open_[0]) if len(open_) else len(held)


def _spread(weights: Tensor) -> float:
    """Over how many pieces the weight is spread (Kong et al. 1994): 1 if one has all of it, R if all have as much."""
    shares = weights.double().softmax(0)
    return 1 / float((shares**2).sum())


def _outlived(weights: Tensor, chance: torch.Generator) -> Tensor:
    """As many pieces as there are, each as often as its weight says (systematic, Kitagawa 1996): (R,) -> (R,)."""
    running = weights.double().softmax(0).cumsum(0)
    aims = (torch.arange(len(weights)) + torch.rand(1, generator=chance, dtype=torch.float64)) / len(weights)
    return torch.searchsorted(running, aims * running[-1]).clamp(max=len(weights) - 1)
