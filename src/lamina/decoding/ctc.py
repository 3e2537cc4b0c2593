"""Texts from what is said of every frame: connectionist temporal classification (Graves et al. 2006).

A network says of each frame how likely each token is, and how likely the blank, id 0. A text is read off a path of one
id a frame: what stands several times in a row counts once, then blanks go. So a text is as likely as all the paths
that give it.
"""

from __future__ import annotations

import dataclasses
import heapq
import math
from collections.abc import Sequence

import numpy as np

from lamina.decoding.ngram import NGrams
from lamina.features.tokens import START

__all__ = ["BLANK", "Found", "Language", "beam", "greedy", "token_logs"]

BLANK = 0
NEVER = -math.inf
LEAST = -10.0  # log-probability of a token below which no text goes on with it at a frame


@dataclasses.dataclass(frozen=True)
class Language:
    """What a text is worth beside what was heard.

    Attributes:
        model: says how likely a token is after those before it.
        weight: what its log-probabilities are multiplied by.
        bonus: for each token, since a language model makes long texts unlikely.
    """

    model: NGrams
    weight: float = 0.5
    bonus: float = 0.0


@dataclasses.dataclass(frozen=True)
class Found:
    """A text that a beam found.

    Attributes:
        ids: its tokens.
        log: the log-probability of the paths that were followed to it, at most that of the text.
        score: what texts are ranked by: the same and what the language model adds.
    """

    ids: list[int]
    log: float
    score: float


def greedy(logs: np.ndarray) -> list[int]:
    """The text of the likeliest path: (T, C) -> ids.

    Example:
        >>> greedy(np.log([[0.1, 0.9], [0.1, 0.9], [0.8, 0.2], [0.3, 0.7]]))
        [1, 1]
    """
    path = logs.argmax(1)
    begins = path[np.diff(path, prepend=BLANK) != 0]
    return [int(one) for one in begins if one != BLANK]


class _Beginning:
    """A beginning of texts, in a tree of them.

    Attributes:
        parent, last: it is that beginning and this token; the empty one has neither.
        length: tokens.
        language: what the language model and the bonuses add to its score.
        blank, token: log-probability of its paths so far, of those that end with a blank and with the last token.
    """

    __slots__ = ("after", "blank", "language", "last", "length", "logs", "parent", "token")

    def __init__(self, parent: _Beginning | None, last: int, language: float) -> None:
        self.parent, self.last, self.language = parent, last, language
        self.length: int = 0 if parent is None else parent.length + 1
        self.after: dict[int, _Beginning] = {}
        self.logs: np.ndarray | None = None  # of what may follow, by the language model
        self.blank = self.token = NEVER

    @property
    def ids(self) -> list[int]:
        """Its tokens."""
        found, place = [], self
        while place.parent is not None:
            found.append(place.last)
            place = place.parent
        return found[::-1]


def beam(
    logs: np.ndarray, beams: int, language: Language | None = None, *, count: int = 1, least: float = LEAST
) -> list[Found]:
    """The likeliest texts: beginnings are followed frame by frame, all paths to each added up (Hannun et al. 2014).

    Args:
        logs: (T, C) log-probabilities of the blank and the tokens.
        beams: beginnings that are followed at once.
        language: what else texts are ranked by; None: by their probability alone.
        count: how many texts are wanted.
        least: tokens whose log-probability at a frame is below this are not looked at there.

    Returns:
        Up to ``count`` texts, the best first.

    Example:
        >>> logs = np.log([[0.6, 0.4], [0.6, 0.4]])  # the likeliest path is empty; three of four paths are not
        >>> greedy(logs), [(one.ids, round(math.exp(one.log), 2)) for one in beam(logs, 4, count=2)]
        ([], [([1], 0.64), ([], 0.36)])
    """
    root = _Beginning(None, BLANK, 0.0)
    root.blank = 0.0
    alive = [root]
    looked_at = (logs >= least) & (logs > NEVER)
    looked_at[:, BLANK] = False
    for frame, likely in zip(logs, looked_at, strict=True):
        tokens = np.flatnonzero(likely)
        step = _Step(frame, list(zip(tokens.tolist(), frame[tokens].tolist(), strict=True)), language)
        for one in alive:
            step.follow(one)
        alive = step.best(beams)
    ended = [(one, _added(one.blank, one.token)) for one in alive]
    scored = [(log + one.language + _end(one, language), log, one) for one, log in ended]
    scored.sort(key=lambda each: each[0], reverse=True)
    return [Found(one.ids, log, score) for score, log, one in scored[:count]]


class _Step:
    """One frame: what becomes of each beginning.

    Attributes:
        sums: beginning -> log-probability of its paths that end with a blank and with its last token.
    """

    def __init__(self, frame: np.ndarray, tokens: list[tuple[int, float]], language: Language | None) -> None:
        self.frame, self.tokens, self.language = frame, tokens, language
        self.sums: dict[_Beginning, list[float]] = {}

    def follow(self, one: _Beginning) -> None:
        """Let a beginning stay as it is, or go on with each likely token."""
        both = _added(one.blank, one.token)
        held = self.sums.setdefault(one, [NEVER, NEVER])
        held[0] = _added(held[0], both + float(self.frame[BLANK]))
        if one.parent is not None:
            held[1] = _added(held[1], one.token + float(self.frame[one.last]))
        for token, log in self.tokens:
            before = one.blank if token == one.last else both  # the same again: only after a blank
            if before > NEVER:
                longer = self.sums.setdefault(self._longer(one, token), [NEVER, NEVER])
                longer[1] = _added(longer[1], before + log)

    def best(self, beams: int) -> list[_Beginning]:
        """The likeliest beginnings, with their sums; equal ones in the order in which they came."""

        def score(one: _Beginning) -> float:
            return _added(*self.sums[one]) + one.language

        found = heapq.nlargest(beams, self.sums, key=score)
        for one in found:
            one.blank, one.token = self.sums[one]
        return found

    def _longer(self, one: _Beginning, token: int) -> _Beginning:
        """A beginning and one more token."""
        found = one.after.get(token)
        if found is None:
            language = self.language
            more = 0.0
            if language is not None:
                more = language.weight * float(_following(one, language)[token]) + language.bonus
            found = one.after[token] = _Beginning(one, token, one.language + more)
        return found


def _following(one: _Beginning, language: Language) -> np.ndarray:
    """What the language model says of what follows a beginning."""
    if one.logs is None:
        one.logs = language.model.logs(one.ids)
    return one.logs


def _end(one: _Beginning, language: Language | None) -> float:
    """What the language model adds where a text ends."""
    return 0.0 if language is None else language.weight * float(_following(one, language)[START])


def _added(one: float, other: float) -> float:
    """The logarithm of a sum, from the logarithms of its parts."""
    if one < other:
        one, other = other, one
    return one if other == NEVER else one + math.log1p(math.exp(other - one))


def token_logs(logs: np.ndarray, texts: Sequence[Sequence[int]]) -> list[list[float]]:
    """The log-probability of each token after those before it, and of the end: they add up to that of the text.

    That of k tokens and whatever follows is the sum over the frames at which the k-th may begin (Graves 2012, 7.4);
    the ratios of neighbours are what is asked for.

    Args:
        logs: (n, T, C) log-probabilities; where a row has no more frames the blank is certain.
        texts: ids of a text for each row.

    Example:
        >>> found = token_logs(np.log([[[0.6, 0.4], [0.6, 0.4]]]), [[1]])[0]
        >>> [round(math.exp(log), 2) for log in found]  # P(1 ...), and P(1) / P(1 ...)
        [0.64, 1.0]
    """
    count, longest = len(texts), max(map(len, texts), default=0)
    ids = np.zeros((count, longest), np.int64)
    for row, text in enumerate(texts):
        ids[row, : len(text)] = text
    lengths = np.array([len(text) for text in texts], np.int64)
    repeats = np.zeros((count, longest), bool)
    repeats[:, 1:] = ids[:, 1:] == ids[:, :-1]
    blank, token = np.full((2, count, longest + 1), NEVER)  # paths to the first k tokens, by what they end with
    blank[:, 0] = 0.0
    begun = np.full((count, longest), NEVER)  # the k-th token has begun, and anything may follow
    with np.errstate(invalid="ignore"):
        for frame in np.moveaxis(logs.astype(np.float64), 1, 0):  # (n, C)
            heard = np.take_along_axis(frame, ids, 1)
            both = np.logaddexp(blank, token)
            begins = np.where(repeats, blank[:, :-1], both[:, :-1]) + heard
            begun = np.logaddexp(begun, begins)
            blank = both + frame[:, BLANK, None]
            token[:, 1:] = np.logaddexp(token[:, 1:] + heard, begins)
        whole = np.logaddexp(blank, token)[np.arange(count), lengths]
    found = []
    for row, length in enumerate(lengths):
        sums = np.concatenate([[0.0], begun[row, :length], whole[row : row + 1]])
        found.append(np.minimum(np.diff(sums), 0.0).tolist())
    return found
