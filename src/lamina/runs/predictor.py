"""Raw rows in, predictions out: the same code in scoring, prediction and serving."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import polars as pl
import torch
from torch import nn

from lamina.data.batches import rows_at_once, to_tensors
from lamina.features.answer import Answer
from lamina.features.encoder import Encoder
from lamina.features.media import Broken
from lamina.training.objective import Objective

__all__ = ["Predictor"]


class Predictor:
    """Features, a network and its tasks.

    Args:
        encoder: fitted features.
        model: the trained network; it is put into evaluation mode.
        objective: the tasks of the targets.
    """

    def __init__(self, encoder: Encoder, model: nn.Module, objective: Objective) -> None:
        self.encoder, self.model, self.objective = encoder, model.eval(), objective

    def activate(self, frame: pl.DataFrame, first_row: int = 0, broken: Broken | None = None) -> np.ndarray:
        """Raw rows to activated outputs, (rows, width) float32.

        Args:
            frame: raw rows; columns in any order, more columns are fine.
            first_row: number of the first row, for messages.
            broken: takes the places of rows with a file that cannot be decoded; their outputs mean nothing.

        Raises:
            MissingColumnError: if an input column is not there.
            DataError: if a cell is not of its column's type, or its file cannot be decoded and ``broken`` is None.
        """
        outputs = [np.empty((0, self.objective.width), np.float32)]
        with torch.inference_mode():
            for arrays in self._encoded(frame, first_row, broken):
                outputs.append(self.objective.activate(self.model(to_tensors(arrays))).numpy())
        return np.concatenate(outputs)

    def _encoded(self, frame: pl.DataFrame, first_row: int, broken: Broken | None) -> Iterator[dict[str, Any]]:
        """Raw rows as the arrays of one forward pass after the other."""
        cells = self.encoder.read(frame, first_row)
        size = rows_at_once(wide=bool(self.encoder.layout.wide))
        for start in range(0, len(cells), size):
            found: Broken | None = None if broken is None else {}
            yield self.encoder.encode(cells[start : start + size], found, first_row + start)
            if broken is not None:
                broken |= {start + place: reason for place, reason in (found or {}).items()}

    def broken(self, frame: pl.DataFrame, first_row: int = 0) -> Broken:
        """The places of rows with a file that cannot be decoded, and what is wrong; the network does not run."""
        found: Broken = {}
        for _ in self._encoded(frame, first_row, found):
            pass
        return found

    def answers(self, activated: np.ndarray) -> list[Answer]:
        """One answer for each target, from activated outputs (rows, width)."""
        return [
            task.answer(activated[:, part])
            for task, part in zip(self.objective.tasks, self.objective.slices, strict=True)
        ]

    def predict(self, frame: pl.DataFrame, first_row: int = 0, broken: Broken | None = None) -> pl.DataFrame:
        """Raw rows to columns: for each target the prediction, then its probabilities or interval.

        Args:
            frame, first_row: as for :meth:`activate`.
            broken: takes the places of rows with a file that cannot be decoded; all that is said of them is null.
        """
        answers = self.answers(self.activate(frame, first_row, broken))
        frames = [answer.frame(task.feature) for answer, task in zip(answers, self.objective.tasks, strict=True)]
        made = pl.concat(frames, how="horizontal") if frames else pl.DataFrame()
        if not broken:
            return made
        whole = pl.Series(np.isin(np.arange(len(made)), list(broken), invert=True))
        return made.select(pl.when(pl.lit(whole)).then(pl.all()))

    def stream(self, frames: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
        """Predictions for a table that comes in pieces."""
        row = 0
        for frame in frames:
            yield self.predict(frame, row)
            row += len(frame)
