"""What a network that has learned dialogues answers where the table has an answer too."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

from lamina.chatting.settings import ChatSettings
from lamina.config import check
from lamina.data.rows import Rows
from lamina.decoding.writer import Writer
from lamina.pipeline.samples import pick
from lamina.tasks.chat import ChatTask

__all__ = ["talked"]

MOST = 8  # dialogues that are shown
LETTERS = 300  # of what was said before
LONGEST = 100  # tokens of an answer


def talked(
    task: ChatTask, model: nn.Module, taught: Rows, judged: Rows, losses: np.ndarray, seed: int
) -> dict[str, Any]:
    """The last answer of a few judged dialogues, as it stands there, and as the network gives it.

    Arguments are those of :class:`lamina.pipeline.made.Making`; half of them are those that surprise it most.

    Returns:
        ``answers``, a list of row (its number in the source), before (the end of what was said before), truth and
        answer.
    """
    speaker = task.speaker(model)
    settings = check(ChatSettings, {**speaker.usual, "longest": min(LONGEST, task.settings.longest)}, "task")
    writer = Writer(speaker.decoder, speaker.lexicon, settings)
    turns, rows, found = judged.target(0), judged.array("row"), []
    for place in pick(losses, seed, MOST).tolist():
        ids = turns[place : place + 1].values
        start, end = _last(ids > 0)
        if start == 0 or end == start:
            continue  # cut off before the assistant says something, or nothing is said before
        before = (np.abs(ids[:start]) - 1).tolist()
        with torch.inference_mode():
            ((written,),) = writer.write(prompts=[before])
        said = speaker.lexicon.text(before)
        found.append(
            {
                "row": int(rows[place]),
                "before": said if len(said) <= LETTERS else f"… {said[-LETTERS:]}",
                "truth": speaker.lexicon.text((ids[start:end] - 1).tolist()),
                "answer": written.text,
            }
        )
    return {"answers": found}


def _last(marks: np.ndarray) -> tuple[int, int]:
    """Where the last stretch of marks begins, and where it ends.

    Example:
        >>> _last(np.array([False, True, False, True, True, False]))
        (3, 5)
    """
    edges = np.flatnonzero(np.diff(np.concatenate([[False], marks, [False]])))
    return (int(edges[-2]), int(edges[-1])) if len(edges) else (0, 0)
