"""What a network writes where judged texts go on otherwise: texts to read, and how much of them is copied."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import polars as pl
from torch import nn

from lamina.data.rows import Rows
from lamina.data.windows import few
from lamina.evaluation.text.copies import Copies, copies
from lamina.tasks.continue_ import Continue

__all__ = ["continued"]

TEXTS = 8
BEFORE, AFTER = 200, 400  # characters that are shown, and that are written
TAUGHT = 16_000_000  # tokens of the training texts that copies are looked for in
PIECES = 64  # texts that are looked through at a time


def continued(
    task: Continue, model: nn.Module, taught: Rows, judged: Rows, losses: np.ndarray, seed: int
) -> dict[str, Any]:
    """Let the network go on with the beginnings of some judged texts, by chance as the run's settings say.

    Arguments are those of :class:`lamina.pipeline.made.Making`.

    Returns:
        ``texts``, a list of row, before (what the network was given), written, and after (how the text goes on); and
        ``told``.
    """
    model.eval()
    few_rows = Rows(judged.store, judged.places[:: max(1, len(judged.places) // TEXTS)][:TEXTS])
    whole = [text or "" for text in task.feature.decode(few_rows.target(0))]
    draw = np.random.default_rng([seed, len(whole)])
    places = [_place(text, float(draw.random())) for text in whole]
    before = [text[max(0, place - BEFORE) : place] for text, place in zip(whole, places, strict=True)]
    after = [text[place : place + AFTER] for text, place in zip(whole, places, strict=True)]
    drawn = task.continued(model, before, how="sample", alternatives=1, longest=AFTER)
    written = [row[0].text[:AFTER] for row in drawn]
    some = few(taught, TAUGHT)
    own, peoples = (copies(said, _pieces(task, some), unit="characters") for said in (written, after))
    rows = few_rows.array("row").tolist()
    names = ("row", "before", "written", "after")
    texts = [dict(zip(names, one, strict=True)) for one in zip(rows, before, written, after, strict=True)]
    return {"texts": texts, "told": _told(own, peoples, whole=len(some.places) == len(taught.places))}


def _place(text: str, share: float) -> int:
    """Where a text is cut: behind a line or a word about so far into its second half, or in the middle."""
    place = int(len(text) * (0.25 + 0.5 * share))
    found = max(text.rfind(mark, 0, place) + 1 for mark in ("\n", " "))
    return found or place


def _pieces(task: Continue, rows: Rows) -> Iterator[pl.Series]:
    """The training texts, some at a time."""
    for first in range(0, len(rows.places), PIECES):
        yield task.feature.decode(Rows(rows.store, rows.places[first : first + PIECES]).target(0))


def _told(own: Copies, peoples: Copies, *, whole: bool) -> str:
    """How much of what was written stands in the training texts, in a sentence."""
    if np.isnan(own.share):
        return ""
    of = "" if np.isnan(peoples.share) else f" (of what people wrote there {peoples.share:.1%})"
    said = f"Of all runs of {own.length} characters that it wrote {own.share:.1%} stand in the training text{of}"
    longest = "" if own.longest is None else f"; the longest such passage has {own.longest.length} characters"
    return said + longest + ("." if whole else ", as far as that was looked through.")
