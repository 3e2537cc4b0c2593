"""What happened in training: JSON lines, and TensorBoard event files."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.event_file_writer import EventFileWriter

from lamina.files import write_text

__all__ = ["History", "read_history"]

NAME = "history.jsonl"


def read_history(folder: Path) -> list[dict[str, Any]]:
    """The rows of a run's history. A last line that a sudden end cut short is left out."""
    path = folder / NAME
    text = path.read_text() if path.exists() else ""
    return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]


class History:
    """One row an evaluation, appended to ``history.jsonl`` and, if wanted, to a TensorBoard event file.

    Args:
        folder: the run.
        rows: rows so far; a resumed run passes those up to its checkpoint, and later ones go away.
        tensorboard: whether event files are written.
    """

    def __init__(self, folder: Path, rows: list[dict[str, Any]], tensorboard: bool) -> None:
        self.rows = list(rows)
        self.path = folder / NAME
        write_text(self.path, "".join(_line(row) for row in rows))
        self._events = EventFileWriter(str(folder / "tensorboard")) if tensorboard else None

    def add(self, row: dict[str, Any]) -> None:
        """Append a row; what is no number in it is written as null."""
        self.rows.append(row)
        with self.path.open("a") as file:
            file.write(_line(row))
        if self._events is not None:
            values = [
                Summary.Value(tag=key, simple_value=value) for key, value in row.items() if isinstance(value, float)
            ]
            self._events.add_event(Event(wall_time=row["time"], step=row["step"], summary=Summary(value=values)))

    def close(self) -> None:
        """Write everything out."""
        if self._events is not None:
            self._events.close()


def _line(row: dict[str, Any]) -> str:
    finite = {
        key: None if isinstance(value, float) and not math.isfinite(value) else value for key, value in row.items()
    }
    return json.dumps(finite) + "\n"
