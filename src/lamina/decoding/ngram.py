"""How likely a token is after those before it, counted in texts: a language model that needs no network."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np

from lamina.codecs.ragged import Ragged
from lamina.features.tokens import FIRST, START

__all__ = ["NGrams"]

TAUGHT = 2_000_000  # tokens that are counted; of more, every second text, third ...
KEPT = 100_000  # runs of tokens whose counts are kept, the most frequent ones
REMEMBERED = 2**22  # log-probabilities that are kept once computed: 32 MB

Run = tuple[int, ...]


class NGrams:
    """The chance of a token after the last few, smoothed by Witten and Bell's method (1991).

    ``P(w | h) = (c(h w) + t(h) P(w | h')) / (c(h) + t(h))``, where c counts, t(h) is how many different tokens came
    after h, and h' is h without its first token. At the end of that chain each token, and the end of a text, is as
    likely as any other. Texts begin and end with :data:`~lamina.features.tokens.START`.

    Args:
        size: ids that there are; those below the first token are never written, but START, which ends a text.
        order: tokens of the longest run that is counted, the token itself among them.
        counts: how often each run of 1 to ``order`` tokens came.

    Example:
        >>> grams = NGrams.learned(Ragged.of([np.array([4, 5, 4]), np.array([4, 5])]), size=6, order=2)
        >>> [round(math.exp(log), 3) for log in grams.logs((4,))[[START, 4, 5]]]
        [0.32, 0.16, 0.52]
    """

    def __init__(self, size: int, order: int, counts: Mapping[Run, int]) -> None:
        self.size, self.order = size, order
        self.counts = dict(counts)
        self._after: dict[Run, dict[int, int]] = defaultdict(dict)
        for run, count in self.counts.items():
            self._after[run[:-1]][run[-1]] = count
        even = np.zeros(size)
        even[[START, *range(FIRST, size)]] = 1 / (1 + size - FIRST)
        self._known: dict[Run, np.ndarray] = {}
        self._base = self._smoothed((), even)

    @classmethod
    def learned(cls, texts: Ragged, size: int, order: int) -> Self:
        """Count the tokens of texts, of at most some two millions, and keep the most frequent runs.

        Args:
            texts: ids, n rows of int32.
            size, order: see the class.
        """
        step = max(1, -(-len(texts.values) // TAUGHT))
        texts = texts.take(np.arange(0, len(texts), step)) if step > 1 else texts
        places = np.arange(len(texts.values)) + np.repeat(np.arange(1, len(texts) + 1), texts.lengths)
        marked = np.full(len(texts.values) + len(texts) + 1, START, np.int64)  # one between texts, and at both ends
        marked[places] = texts.values
        found: list[tuple[int, Run]] = []
        for length in range(1, order + 1):
            found += _counted(marked, length)
        found.sort(key=lambda pair: (-pair[0], len(pair[1]), pair[1]))
        return cls(size, order, {run: count for count, run in found[:KEPT]})

    def logs(self, before: Sequence[int]) -> np.ndarray:
        """Log-probability of each id after those before it, (size,); that of START is the end's. What is never written
        has minus infinity.

        Args:
            before: the text so far; without START at its beginning.
        """
        last = self.order - 1
        context = (START, *before)[-last:] if last and len(before) < last else tuple(before[len(before) - last :])
        known = self._known.get(context)
        if known is None:
            if len(self._known) * self.size > REMEMBERED:
                self._known.clear()
            with np.errstate(divide="ignore"):
                known = self._known[context] = np.log(self._chances(context))
        return known

    def log_probability(self, ids: Sequence[int]) -> float:
        """Of a whole text, its end among it."""
        return math.fsum(self.logs(ids[:place])[one] for place, one in enumerate([*ids, START]))

    def _chances(self, context: Run) -> np.ndarray:
        return self._smoothed(context, self._chances(context[1:])) if context else self._base

    def _smoothed(self, context: Run, shorter: np.ndarray) -> np.ndarray:
        """Chances after a context from those after a shorter one."""
        after = self._after.get(context)
        if not after:
            return shorter
        chances = len(after) * shorter
        chances[list(after)] += list(after.values())
        return chances / (sum(after.values()) + len(after))

    def to_json(self) -> dict[str, Any]:
        """All counts as JSON values: for each length a line of all runs, one after the other, and one of how often each
        came."""
        runs: list[list[Run]] = [[] for _ in range(self.order)]
        for run in self.counts:
            runs[len(run) - 1].append(run)
        return {
            "size": self.size,
            "runs": [" ".join(str(one) for run in each for one in run) for each in runs],
            "counts": [" ".join(str(self.counts[run]) for run in each) for each in runs],
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Make the model from what :meth:`to_json` gave."""
        counts: dict[Run, int] = {}
        for length, lines in enumerate(zip(values["runs"], values["counts"], strict=True), 1):
            ids, times = (list(map(int, line.split())) for line in lines)
            counts |= dict(zip(zip(*[iter(ids)] * length, strict=True), times, strict=True))
        return cls(values["size"], len(values["runs"]), counts)


def _counted(marked: np.ndarray, length: int) -> list[tuple[int, Run]]:
    """How often each run of so many tokens came in texts with START before, between and after them."""
    if len(marked) < length:
        return []
    windows = np.lib.stride_tricks.sliding_window_view(marked, length)
    inside = (windows[:, 1:-1] != START).all(1)  # START only begins or ends a text
    if length == 1:
        inside[0] = False  # here it ends one
    runs, times = np.unique(windows[inside], axis=0, return_counts=True)
    kept = np.argsort(-times, kind="stable")[:KEPT]
    return [(count, tuple(run)) for count, run in zip(times[kept].tolist(), runs[kept].tolist(), strict=True)]
