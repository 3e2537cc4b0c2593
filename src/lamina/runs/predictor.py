"""Raw rows in, predictions out: the same code in scoring, prediction and serving."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import polars as pl
import torch
from torch import nn

from lamina.data.batches import rows_at_once, to_tensors
from lamina.features.answer import Answer
from lamina.features.encoder import Encoder
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

    def activate(self, frame: pl.DataFrame, first_row: int = 0) -> np.ndarray:
        """Raw rows to activated outputs, (rows, width) float32.

        Args:
            frame: raw rows; columns in any order, more columns are fine.
            first_row: number of the first row, for messages.

        Raises:
            MissingColumnError: if an input column is not there.
            DataError: if a cell is not of its column's type.
        """
        cells = self.encoder.read(frame, first_row)
        outputs = [np.empty((0, self.objective.width), np.float32)]
        size = rows_at_once(wide=bool(self.encoder.layout.wide))
        with torch.inference_mode():
            for start in range(0, len(cells), size):
                arrays = self.encoder.encode(cells[start : start + size], first_row=first_row + start)
                outputs.append(self.objective.activate(self.model(to_tensors(arrays))).numpy())
        return np.concatenate(outputs)

    def answers(self, activated: np.ndarray) -> list[Answer]:
        """One answer for each target, from activated outputs (rows, width)."""
        return [
            task.answer(activated[:, part])
            for task, part in zip(self.objective.tasks, self.objective.slices, strict=True)
        ]

    def predict(self, frame: pl.DataFrame, first_row: int = 0) -> pl.DataFrame:
        """Raw rows to columns: for each target the prediction, then its probabilities or interval."""
        answers = self.answers(self.activate(frame, first_row))
        frames = [answer.frame(task.feature) for answer, task in zip(answers, self.objective.tasks, strict=True)]
        return pl.concat(frames, how="horizontal") if frames else pl.DataFrame()

    def stream(self, frames: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
        """Predictions for a table that comes in pieces."""
        row = 0
        for frame in frames:
            yield self.predict(frame, row)
            row += len(frame)
