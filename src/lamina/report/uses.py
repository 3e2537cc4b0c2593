"""What one does with a run, where that is not to predict rows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

__all__ = ["Use", "use_of"]


class Use(NamedTuple):
    """A command that goes on from a run.

    Attributes:
        told: what comes of it.
        command: with ``{run}`` for the run's folder.
    """

    told: str
    command: str


_USES = {
    "compose": Use(
        "A new piece, as a MIDI file and a recording; with the name of a MIDI file one that goes on where it ends:",
        "lamina compose {run} --seconds 30 --out new.mid --wav new.wav",
    ),
    "chat": Use("Talk with it:", "lamina chat {run}"),
    "continue": Use("A text that begins so, gone on with:", 'lamina continue {run} "Once upon a time"'),
}


def use_of(tasks: Iterable[str]) -> Use | None:
    """What one does with a run of these tasks; None where one predicts rows.

    Example:
        >>> use_of(["chat"]).command, use_of(["regression", "binary"])
        ('lamina chat {run}', None)
    """
    return next((_USES[task] for task in tasks if task in _USES), None)
