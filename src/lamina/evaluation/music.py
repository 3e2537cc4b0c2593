"""What stands beside a network that composes: note frequencies, and the step before again; and how much of what it
composed stands in the pieces that it learned from."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from lamina.codecs.ragged import Ragged
from lamina.data.rows import Rows
from lamina.evaluation.answer import Baseline
from lamina.evaluation.baselines import chosen
from lamina.evaluation.company import Company
from lamina.evaluation.text.copies import Copies, copies
from lamina.features.answer import Answer
from lamina.features.layout import Layout
from lamina.features.music import ON
from lamina.names import Names
from lamina.tasks.compose import sums

__all__ = ["COMPANY", "MUSIC_BASELINES", "RUN", "constant", "copied", "frames_of", "repeat"]

RUN = 8  # steps in a row that make a copy: two bars of quarters
PRIOR = 10.0  # steps for which the chance that any note stays counts in that of one key
PRIVATE, SYMBOLS = 0xF0000, 0xFFFE  # characters that no text has, and how many there are

MUSIC_BASELINES = Names(
    "baseline of music",
    {"constant": "lamina.evaluation.music:constant", "repeat": "lamina.evaluation.music:repeat"},
    group="lamina.music_baselines",
)


# --- what stands beside -----------------------------------------------------------------------------------------------


def frames_of(target: Ragged) -> np.ndarray:
    """Encoded pieces as frames: (total, keys) bool."""
    return np.asarray(target.values) == ON


def constant(taught: Ragged, judged: Ragged) -> np.ndarray:
    """The chance of each key in each judged step, as often as it sounded in the training pieces: (total, keys)."""
    shares = _shares(frames_of(taught))
    return np.broadcast_to(shares, judged.values.shape)


def _shares(frames: np.ndarray) -> np.ndarray:
    """How often each key sounds, (keys,); never 0 nor 1 (Krichevsky and Trofimov 1981)."""
    found: np.ndarray = (frames.sum(0) + 0.5) / (len(frames) + 1)
    return found


def repeat(taught: Ragged, judged: Ragged) -> np.ndarray:
    """The chance of each key by whether it sounded in the step before, learned from the training pieces; in the first
    step as :func:`constant`: (total, keys)."""
    frames, first = frames_of(taught), _first(taught)
    now, before = frames[~first], np.roll(frames, 1, axis=0)[~first]
    stayed, sounded = (now & before).sum(0), before.sum(0)
    stay = (stayed + PRIOR * (stayed.sum() + 0.5) / (sounded.sum() + 1)) / (sounded + PRIOR)
    come = ((now & ~before).sum(0) + 0.5) / ((~before).sum(0) + 1)
    wanted = frames_of(judged)
    found = np.where(np.roll(wanted, 1, axis=0), stay, come)
    found[_first(judged)] = _shares(frames)
    return found


def _first(pieces: Ragged) -> np.ndarray:
    """Which steps are the first of a piece, (total,) bool."""
    found = np.zeros(len(pieces.values), bool)
    found[pieces.ends - pieces.lengths] = True
    return found


def _answer(
    task: Any, layout: Layout, taught: Rows, judged: Rows, *, which: str | Sequence[str], seed: int
) -> dict[str, Baseline]:
    """The baselines; nothing of the inputs is read, as by the network."""
    learned, wanted = taught.target(0), judged.target(0)
    true = frames_of(wanted)
    found = {}
    for name in chosen(which, MUSIC_BASELINES):
        started = time.monotonic()
        chances = MUSIC_BASELINES[name](learned, wanted)
        nats = -np.log(np.where(true, chances, 1 - chances)).sum(1)
        made = Answer(sums=sums(nats, chances > 0.5, true, wanted.ends))
        found[name] = Baseline(made, time.monotonic() - started)
    return found


COMPANY = Company(MUSIC_BASELINES, _answer)


# --- copies -----------------------------------------------------------------------------------------------------------


def copied(said: Iterable[np.ndarray], training: Iterable[np.ndarray], length: int = RUN) -> Copies:
    """Look for runs of steps in the training pieces, in whatever key they stand there.

    A step is taken as its notes above the lowest, and as how far that has moved since the step before. A copy is so
    many such steps in a row.

    Args:
        said: pieces, (T, keys) of true and false each.
        training: the same.
        length: of a run.

    Returns:
        As for texts, whose characters are steps here: the share of runs that was found, and the longest one.

    Example:
        >>> tune = np.eye(12, dtype=bool)[[0, 2, 4, 5, 7]]
        >>> found = copied([np.roll(tune, 3, 1)], [tune], length=4)
        >>> found.share, found.longest.length, found.longest.row
        (1.0, 5, 0)
    """
    symbols: dict[tuple[bytes, int], int] = {}
    texts = [[_spelled(piece, symbols) for piece in pieces] for pieces in (said, training)]
    return copies(texts[0], [texts[1]], unit="characters", length=length)


def _spelled(frames: np.ndarray, symbols: dict[tuple[bytes, int], int]) -> str:
    """A piece as text, a character a step."""
    letters, last = [], None
    for frame in frames.astype(bool):
        keys = np.flatnonzero(frame)
        lowest = int(keys[0]) if len(keys) else last
        move = 0 if lowest is None or last is None else lowest - last
        step = ((keys - (lowest or 0)).astype(np.uint8).tobytes(), move)
        letters.append(chr(PRIVATE + symbols.setdefault(step, len(symbols)) % SYMBOLS))
        last = lowest
    return "".join(letters)
