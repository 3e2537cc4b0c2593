"""A trained run as one file, opened for predictions."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from lamina.codecs import ANSWERS, CODECS
from lamina.codecs.columns import encoded
from lamina.codecs.media import FileCodec
from lamina.codecs.ragged import Ragged
from lamina.errors import BundleError, LaminaError
from lamina.files import parse_json
from lamina.runtime.archive import read_archive
from lamina.runtime.rows import as_given, columns_of, contents
from lamina.runtime.session import Session

__all__ = ["Bundle", "load"]

PLAIN, WIDE = 4096, 256  # rows at once, of plain columns alone and where a cell is a picture, a text or a sound
FILLED = 2**27  # bytes of rows that are filled up to the longest among them
DTYPES = {"number": np.float32, "flag": np.float32, "category": np.int64}


def load(path: str | os.PathLike[str], threads: int = 1, *, files: bool = True) -> Bundle:
    """Open a bundle; each of its members is compared with the manifest first.

    Args:
        path: the file, as ``lamina export`` wrote it.
        threads: that a prediction may take; 1 is the fastest for single rows, more pay for many at once.
        files: whether cells may be names of files; a service, which strangers speak to, says no.

    Raises:
        BundleError: if the file is no bundle, or not as it was written.
        LaterVersionError: if it was written by a later version.
        MissingExtraError: if onnxruntime, or what reads a column's files, is not installed.
    """
    return Bundle(read_archive(Path(path)), threads, files=files)


class Bundle:
    """A run that predicts without PyTorch.

    Args:
        members: as :func:`lamina.runtime.archive.read_archive` gives them.
        threads: that a prediction may take.
        files: whether cells may be names of files.

    Attributes:
        name: of the run.
        licence: what the file may be used for, or None where nobody said.
        inputs: the columns that are read.
        targets: the columns that are predicted.
        schema: ``input`` and ``output``, the JSON Schema of a row and of an answer.
        examples: ``rows`` and ``answers``, a few rows and what the run says of them.
        scores: as the run's ``scores.json``.

    Raises:
        BundleError: if a member is not as it should be.
    """

    def __init__(self, members: Mapping[str, bytes], threads: int = 1, *, files: bool = True) -> None:
        try:
            document = parse_json(members["bundle.json"])
            self.schema, self.examples, self.scores = (
                parse_json(members[name]) for name in ("schema.json", "examples.json", "scores.json")
            )
            self.name: str = document["name"]
            self.licence: str | None = document["licence"]
            self._codecs = [CODECS[one["kind"]].from_json(one) for one in document["inputs"]]
            self._answers = [ANSWERS[one["kind"]].from_json(one) for one in document["answers"]]
            graph = members[document["graph"]["file"]]
            needed = [one["name"] for one in document["graph"]["inputs"]]
        except LaminaError:
            raise
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            fault = f"{type(error).__name__}: {error}"
            raise BundleError("the bundle lacks what it must hold", got=fault, do="export the run again") from error
        self.inputs: list[str] = [codec.column for codec in self._codecs]
        self._files = files
        self._media = [codec.column for codec in self._codecs if isinstance(codec, FileCodec)]
        self.targets: list[str] = [answer.target for answer in self._answers]
        ends = np.cumsum([0, *(answer.width for answer in self._answers)]).tolist()
        self._parts = [slice(start, end) for start, end in itertools.pairwise(ends)]
        self._session = Session(graph, threads)
        if not set(self._session.names) <= set(needed):
            raise BundleError("graph and columns do not fit", got=", ".join(self._session.names))
        self._wide = any("." in name for name in needed)

    def predict(self, rows: Any) -> Any:
        """Predict rows.

        Args:
            rows: a list of mappings from column to cell, a mapping from column to cells, or a polars or pandas frame.
                A missing cell is None; other columns are left out. A picture, sound or film is the name of a file, its
                bytes, an array, or a data URL.

        Returns:
            What came, in the same form and order: the prediction under the target's name, and its probabilities
            ``<target>_probability_<class>``, or its interval ``<target>_low`` and ``<target>_high``.

        Raises:
            MissingColumnError: if a column is not there, or a row lacks it.
            DataError: if a cell is not of its column's type.
        """
        columns, count = self._columns(rows)
        outputs = self._outputs(columns, count)
        answers: dict[str, list[Any]] = {}
        for answer, part in zip(self._answers, self._parts, strict=True):
            answers |= answer.columns(outputs[:, part])
        return as_given(rows, answers, count)

    def outputs(self, rows: Any) -> np.ndarray:
        """What the graph says of rows, activated: (rows, width) float32; as for :meth:`predict`."""
        return self._outputs(*self._columns(rows))

    def arrays(self, rows: Any) -> dict[str, Any]:
        """Rows as arrays, one after the other of each group; what the graph is given. Errors as for :meth:`predict`."""
        columns, count = self._columns(rows)
        return self._arrays(columns, 0, count)

    def _columns(self, rows: Any) -> tuple[dict[str, list[Any]], int]:
        """The cells of the columns that are read, and how many rows there are."""
        columns, count = columns_of(rows, self.inputs)
        for name in self._media:
            columns[name] = contents(name, columns[name], names=self._files)
        return columns, count

    def _outputs(self, columns: Mapping[str, list[Any]], count: int) -> np.ndarray:
        size = WIDE if self._wide else PLAIN
        if 0 < count <= size and not self._wide:
            return self._session.run(self._arrays(columns, 0, count))
        made = []
        for start in range(0, max(count, 1), size):
            stop = min(start + size, count)
            piece = {name: cells[start:stop] for name, cells in columns.items()}
            made += [self._session.run(part) for part in _parts(self._arrays(piece, start, stop - start), stop - start)]
        return np.concatenate(made)

    def _arrays(self, columns: Mapping[str, list[Any]], first: int, count: int) -> dict[str, Any]:
        """Cells as the graph takes them, but for rows of different lengths, which are ragged."""
        arrays = encoded(self._codecs, columns, first) if self._codecs else {"number": np.empty((count, 0))}
        return {
            name: array.astype(DTYPES[name], copy=False) if name in DTYPES else array for name, array in arrays.items()
        }


def _parts(arrays: Mapping[str, Any], count: int) -> Iterator[dict[str, np.ndarray]]:
    """Rows as a graph takes them, fewer at a time where one is very long and the others are filled up to it."""
    ragged = {name: array for name, array in arrays.items() if isinstance(array, Ragged)}
    start = 0
    while start < count or (start == 0 and count == 0):
        stop = count
        while stop - start > 1 and _filled(ragged, start, stop) > FILLED:
            stop = start + (stop - start) // 2
        yield _padded({name: array[start:stop] for name, array in arrays.items()})
        start = max(stop, start + 1)


def _filled(ragged: Mapping[str, Ragged], start: int, stop: int) -> int:
    """Bytes of rows side by side, all filled up to the longest."""
    total = 0
    for array in ragged.values():
        item = int(np.prod(array.values.shape[1:])) * max(4, array.values.itemsize)
        total += (stop - start) * int(array.lengths[start:stop].max(initial=0)) * item
    return total


def _padded(arrays: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Rows of different lengths side by side, zeros after their ends; at least one place, even if no row has any."""
    made: dict[str, np.ndarray] = {}
    for name, array in arrays.items():
        if not isinstance(array, Ragged):
            made[name] = array
            continue
        values, lengths = array.padded()
        if not values.shape[1]:
            values = np.zeros((len(array), 1, *array.values.shape[1:]), array.values.dtype)
        if name.startswith("image"):
            values = values[:, 0]
        made[name] = values.astype(np.int64) if name.startswith("tokens") else np.ascontiguousarray(values)
        made[f"{name}.length"] = lengths.astype(np.int64, copy=False)
    return made
