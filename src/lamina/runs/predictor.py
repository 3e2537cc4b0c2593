"""Raw rows in, predictions out: the same code in scoring, prediction and serving."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from typing import Any

import numpy as np
import polars as pl
import torch
from torch import Tensor, nn

from lamina.data.batches import as_batch, rows_at_once, to_tensors
from lamina.decoding.written import Written
from lamina.errors import UsageError
from lamina.features.encoder import Encoder
from lamina.features.media import Broken, as_array
from lamina.features.piece import Piece
from lamina.tasks.alone import Texts
from lamina.tasks.compose import Compose
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

    def activate(self, frame: pl.DataFrame, first_row: int = 0, broken: Broken | None = None) -> Any:
        """Raw rows to outputs: activated ones, (rows, width) float32, or texts.

        Args:
            frame: raw rows; columns in any order, more columns are fine.
            first_row: number of the first row, for messages.
            broken: takes the places of rows with a file that cannot be decoded; their outputs mean nothing.

        Raises:
            MissingColumnError: if an input column is not there.
            DataError: if a cell is not of its column's type, or its file cannot be decoded and ``broken`` is None.
            UsageError: if the run predicts from nothing.
        """
        self.check_reads()
        outputs, row = [], first_row
        with torch.inference_mode():
            for arrays in self._encoded(frame, first_row, broken):
                inputs = to_tensors(arrays)
                outputs.append(self.objective.outputs(self.model, inputs, _numbers(inputs, row)))
                row += len(inputs["number"])
        return self.objective.joined(outputs)

    def check_reads(self) -> None:
        """Raises UsageError if the run predicts from nothing."""
        if not self.encoder.inputs and self.objective.tasks:
            name = self.objective.tasks[0].name
            what = f"the run reads no column: it can {name}, and says nothing of rows"
            raise UsageError(what, do=f"lamina {name} RUN")

    def said(self, frame: pl.DataFrame, first_row: int = 0) -> Any:
        """As :meth:`activate`, for rows whose targets are known, and may be asked how likely they are."""
        if self.objective.blends:
            return self.activate(frame, first_row)
        cells, said = self.encoder.read(frame, first_row, targets=True), []
        with torch.inference_mode():
            for start in range(0, len(cells), rows_at_once(wide=True)):
                piece = cells[start : start + rows_at_once(wide=True)]
                refused: Broken = {}  # those that do not fit are left out
                targets = self.encoder.encode_targets(piece, refused, first_row + start)
                arrays = self.encoder.encode(piece, None, first_row + start)
                arrays |= {f"target{place:03}": target for place, target in enumerate(targets)}
                arrays["row"] = np.arange(first_row + start, first_row + start + len(piece))
                said.append(self.objective.said(self.model, as_batch(arrays)))
        return self.objective.joined(said)

    def _encoded(self, frame: pl.DataFrame, first_row: int, broken: Broken | None) -> Iterator[dict[str, Any]]:
        """Raw rows as the arrays of one forward pass after the other."""
        cells = self.encoder.read(frame, first_row)
        size = rows_at_once(wide=bool(self.encoder.layout.wide) or not self.objective.blends)
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

    def predict(self, frame: pl.DataFrame, first_row: int = 0, broken: Broken | None = None) -> pl.DataFrame:
        """Raw rows to columns: for each target the prediction, then its probabilities or interval.

        Args:
            frame, first_row: as for :meth:`activate`.
            broken: takes the places of rows with a file that cannot be decoded; all that is said of them is null.
        """
        answers = self.objective.answers(self.activate(frame, first_row, broken))
        frames = [answer.frame(task.feature) for answer, task in zip(answers, self.objective.tasks, strict=True)]
        made = pl.concat(frames, how="horizontal") if frames else pl.DataFrame()
        if not broken:
            return made
        whole = pl.Series(np.isin(np.arange(len(made)), list(broken), invert=True))
        return made.select(pl.when(pl.lit(whole)).then(pl.all()))

    def write(self, frame: pl.DataFrame, **decoding: Any) -> list[list[Written]]:
        """The texts that the network writes for raw rows, and for each its alternatives.

        Args:
            frame: raw rows.
            decoding: settings of how texts are drawn, where they differ from the run's.

        Raises:
            UsageError: if the run predicts no text.
        """
        task = self.task_of_texts(**decoding)
        texts: list[list[Written]] = []
        with torch.inference_mode():
            for arrays in self._encoded(frame, 0, None):
                inputs = to_tensors(arrays)
                texts += task.texts(self.model, inputs, _numbers(inputs, len(texts)), **decoding)
        return texts

    def write_on(self, frame: pl.DataFrame, **decoding: Any) -> Generator[str, None, Written]:
        """The text for one raw row in pieces as they become certain; arguments and errors as for :meth:`write`."""
        task = self.task_of_texts(**decoding)
        return task.stream(self.model, to_tensors(next(self._encoded(frame, 0, None))), **decoding)

    def task_of(self, kind: type, missing: str) -> Any:
        """The only task, where it is of a kind.

        Args:
            kind: its class.
            missing: what to say where it is another one.

        Raises:
            UsageError: if it is another one.
        """
        task = self.objective.tasks[0] if self.objective.tasks else None
        if not isinstance(task, kind):
            named = ", ".join(task.feature.column for task in self.objective.tasks)
            raise UsageError(missing, got=f"the target {named}", do="lamina predict RUN DATA")
        return task

    def task_of_texts(self, **decoding: Any) -> Texts:
        """The task, where it gives texts; settings of decoding are checked. Errors as for :meth:`write`."""
        task: Texts = self.task_of(Texts, "the run predicts no text")
        task.decoding(**decoding)
        return task

    def compose(self, tune: Any = None, **composing: Any) -> Piece:
        """Compose a piece of music.

        Args:
            tune: one to go on from, or to vary: the name of a MIDI file, its bytes, or a list of steps.
            composing: settings of how it is done, where they differ from the run's.

        Raises:
            UsageError: if the run composes no music.
            DataError: if the tune cannot be read.
        """
        task = self.task_of(Compose, "the run composes no music")
        task.composing(**composing)
        if tune is None:
            return task.compose(self.model, **composing)
        cell = tune if isinstance(tune, bytes) else as_array(tune) if isinstance(tune, list) else str(tune)
        frames, tempo = task.feature.with_tempo(cell)
        return task.compose(self.model, frames, tempo, **composing)

    def stream(self, frames: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
        """Predictions for a table that comes in pieces."""
        row = 0
        for frame in frames:
            yield self.predict(frame, row)
            row += len(frame)


def _numbers(inputs: dict[str, Tensor], first: int) -> range:
    """The numbers of a batch's rows."""
    return range(first, first + len(inputs["number"]))
