"""Batches from a store: which rows, in which order, as tensors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from lamina.codecs.ragged import Ragged
from lamina.data.rows import Rows
from lamina.data.store import LARGE, Store

__all__ = ["Batch", "Batches", "as_batch", "gather", "in_order", "rows_at_once", "to_tensors"]

PLAIN = ("number", "flag", "category")
WINDOW = LARGE  # bytes gathered at once: a small table's whole epoch, a large one's next few hundred steps

FILLED = 2**28  # bytes of rows in a forward pass without gradients, where they are filled up to a very long one
ALIKE = 32  # steps whose rows are arranged by length among themselves
PIECES = 32  # in which a window is taken from a store larger than itself


class Batch(NamedTuple):
    """Rows for one step.

    Attributes:
        inputs: plain group -> (B, slots) float32, or int64 codes; and the array of each wide slot, short rows filled
            up with zeros, beside the length of each row, (B,) int64, under its name and ``.length``: tokens (B, T)
            int64, frames (B, T, channels) float32, image (B, height, width, channels) uint8 and clip with a T before
            them. A missing cell has length 0. Where a store has the vectors of a wide slot instead, (B, width) float32,
            these are under its name and ``.vector``.
        targets: one per target column: (B,), (B, labels), or for texts (B, T) int64 with zeros behind their ends, for
            music (B, T, keys) uint8 likewise.
        rows: (B,) their numbers in the source table.
        others: targets of the rows that these are mixed with, as ``targets``; none where nothing is mixed.
        share: how much of a mixed row is itself, 0 to 1.
    """

    inputs: dict[str, Tensor]
    targets: list[Tensor]
    rows: np.ndarray
    others: Sequence[Tensor] = ()
    share: float = 1.0

    def part(self, rows: slice | np.ndarray) -> Batch:
        """Some of its rows: a slice of them, or their places, (M,) int64."""
        inputs = {name: value[rows] for name, value in self.inputs.items()}
        targets, others = ([target[rows] for target in each] for each in (self.targets, self.others))
        return Batch(inputs, targets, self.rows[rows], others, self.share)

    def parts(self, count: int) -> Iterator[Batch]:
        """All its rows, at most so many at a time; of none one part without any."""
        for start in range(0, max(1, len(self.rows)), count):
            yield self.part(slice(start, start + count))


class Batches:
    """The batches of every epoch, as a function of (seed, step): nothing is remembered between steps.

    Batches of one epoch differ in size by at most one row, so none is too small to learn from.

    Args:
        rows: encoded rows, n of them.
        size: rows in a batch.
        seed: orders rows; each epoch has an order of its own.

    Attributes:
        steps: in an epoch.
        unit, pace: what is counted, and how much of it a step has.

    Example:
        >>> import tempfile; from pathlib import Path; from lamina.data.store import StoreWriter
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with StoreWriter(Path(folder) / "s") as writer:
        ...         writer.append({"number": np.zeros((5, 1), np.float32), "row": np.arange(5)})
        ...     batches = Batches(Rows.all(Store(Path(folder) / "s")), size=2, seed=0)
        ...     [len(batch.rows) for batch in batches.epoch(0)]
        [1, 2, 2]
    """

    unit = "rows"

    def __init__(self, rows: Rows, size: int, seed: int) -> None:
        self.rows = rows
        self.seed = seed
        count = len(rows.places)
        self.steps = max(1, -(-count // size))
        self.pace = count / self.steps
        self._edges = np.arange(self.steps + 1) * count // self.steps
        # Steps over series of equal lengths gain nothing from being arranged.
        ragged = [array.lengths for array in rows.store.arrays.values() if isinstance(array, Ragged)]
        total = np.sum(ragged, axis=0) if ragged else np.zeros(1)
        self._lengths = total if total.max(initial=0) > 1.2 * total.mean() else None
        row_bytes = max(1, rows.store.bytes // max(1, rows.store.rows))
        self._window = max(1, WINDOW // (row_bytes * max(1, min(size, count))))  # steps gathered at once

    def order(self, epoch: int) -> np.ndarray:
        """Places in the store in an epoch's order, (n,): a function of seed and epoch (Philox, counter-based)."""
        generator = np.random.Generator(np.random.Philox(key=np.array([self.seed, epoch], np.uint64)))
        order = self.rows.places.copy()
        generator.shuffle(order)
        return order if self._lengths is None else self._alike(order, generator)

    def _alike(self, order: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """Put rows of like length into one batch, so that little of it is filling; batches stay in a random order."""
        assert self._lengths is not None
        arranged = []
        for first in range(0, self.steps, ALIKE):
            last = min(first + ALIKE, self.steps)
            block = order[self._edges[first] : self._edges[last]]
            by_length = block[np.argsort(self._lengths[block], kind="stable")]
            batches = np.array_split(by_length, last - first)
            arranged += [batches[place] for place in generator.permutation(last - first)]
        return np.concatenate(arranged)

    def epoch(self, epoch: int, first: int = 0) -> Iterator[Batch]:
        """The batches of an epoch, from its step ``first`` on."""
        order = self.order(epoch)
        # Windows start at fixed steps, so a resumed epoch gathers the same ones.
        for start in range(first - first % self._window, self.steps, self._window):
            stop = min(start + self._window, self.steps)
            base = self._edges[start]
            taken = _take(self.rows.store, order[base : self._edges[stop]])
            ragged = {name: array for name, array in taken.items() if isinstance(array, Ragged)}
            window = as_batch({name: array for name, array in taken.items() if name not in ragged})
            for step in range(max(start, first), stop):
                rows = slice(int(self._edges[step] - base), int(self._edges[step + 1] - base))
                wide = {name: array[rows] for name, array in ragged.items()}  # as long as this batch needs
                yield _slice(window, rows, wide)


def rows_at_once(*, wide: bool) -> int:
    """Rows in a forward pass without gradients: fewer where a cell is a picture or a text."""
    return 256 if wide else 4096


def in_order(rows: Rows, size: int) -> Iterator[Batch]:
    """All rows once, in their order; fewer at a time where one is very long and the others are filled up to it."""
    start = 0
    while start < len(rows.places):
        places = rows.places[start : start + size]
        while len(places) > 1 and _filled_bytes(rows.store, places) > FILLED:
            places = places[: len(places) // 2]
        yield gather(rows.store, places)
        start += len(places)


def _filled_bytes(store: Store, places: np.ndarray) -> int:
    """Bytes of some rows of different lengths as a batch, all filled up to the longest."""
    total = 0
    for array in store.arrays.values():
        if isinstance(array, Ragged):
            ends = np.asarray(array.ends)
            longest = int((ends[places] - np.where(places > 0, ends[places - np.minimum(places, 1)], 0)).max())
            total += longest * len(places) * int(np.prod(array.values.shape[1:])) * max(8, array.values.itemsize)
    return total


def gather(store: Store, places: np.ndarray) -> Batch:
    """Some rows of a store as tensors: one gather an array."""
    return as_batch(_take(store, places))


def as_batch(taken: Mapping[str, Any]) -> Batch:
    """Arrays of some rows as tensors: inputs, ``target000`` and so on, and ``row``, their numbers."""
    return Batch(to_tensors(taken), _targets(taken), taken["row"])


def _targets(taken: Mapping[str, Any]) -> list[Tensor]:
    """Target arrays in their order, as a network learns from them."""
    found = [taken[name] for name in sorted(taken) if name.startswith("target")]
    return [torch.from_numpy(_padded(one) if isinstance(one, Ragged) else one) for one in found]


def _padded(target: Ragged) -> np.ndarray:
    """Rows side by side, zeros behind their ends: ids as int64, bytes as they are."""
    padded = target.padded()[0]
    return padded.astype(np.uint8 if padded.dtype == np.uint8 else np.int64)


def _take(store: Store, places: np.ndarray) -> dict[str, Any]:
    """The given rows of every array that a batch needs."""
    arrays = {name: array for name, array in store.arrays.items() if name != "fold"}
    if store.bytes <= WINDOW:
        return {name: _rows_of(array, places) for name, array in arrays.items()}
    # Rows at random places touch nearly every page of a large file: go through it in its own order, and let go of the
    # pages of each piece before the next, so that only the rows themselves are in memory.
    order = np.argsort(places, kind="stable")
    taken: dict[str, Any] = {
        name: np.empty((len(places), *array.shape[1:]), array.dtype)
        for name, array in arrays.items()
        if not isinstance(array, Ragged)
    }
    ragged: dict[str, list[Ragged]] = {name: [] for name in arrays if name not in taken}
    for piece in np.array_split(order, PIECES):
        for name in taken:
            taken[name][piece] = arrays[name][places[piece]]
        for name, parts in ragged.items():
            parts.append(arrays[name].take(places[piece]))
        store.forget()
    back = np.argsort(order, kind="stable")
    return taken | {name: _joined(parts).take(back) for name, parts in ragged.items()}


def _rows_of(array: Any, places: np.ndarray) -> Any:
    return array.take(places) if isinstance(array, Ragged) else np.take(np.asarray(array), places, axis=0)


def _joined(parts: Sequence[Ragged]) -> Ragged:
    starts = np.cumsum([0, *(len(part.values) for part in parts)])
    ends = [part.ends + start for part, start in zip(parts, starts[:-1], strict=True)]
    return Ragged(np.concatenate([part.values for part in parts]), np.concatenate(ends))


def _slice(window: Batch, rows: slice, wide: Mapping[str, Ragged]) -> Batch:
    inputs = {name: tensor[rows] for name, tensor in window.inputs.items()}
    targets = [tensor[rows] for tensor in window.targets] or _targets(wide)  # a text is predicted alone
    return Batch({**inputs, **to_tensors(wide)}, targets, window.rows[rows])


def to_tensors(arrays: Mapping[str, Any]) -> dict[str, Tensor]:
    """Encoded input arrays as a network takes them (see :class:`Batch`); other arrays are left out."""
    tensors: dict[str, Tensor] = {}
    for name, array in arrays.items():
        if name in PLAIN:
            dtype = np.int64 if name == "category" else np.float32
            tensors[name] = torch.from_numpy(array.astype(dtype, copy=False))
        elif name.endswith((".vector", ".length")):
            tensors[name] = torch.from_numpy(np.ascontiguousarray(array))
        elif isinstance(array, Ragged) and not name.startswith("target"):
            padded, lengths = array.padded()
            if name.startswith("image"):
                # One item a row, or none: a batch without any picture still has its place for them.
                blank = np.zeros((len(array), *array.values.shape[1:]), array.values.dtype)
                padded = padded[:, 0] if padded.shape[1] else blank
            values = torch.from_numpy(np.require(padded, requirements=["C", "W"]))
            tensors[name] = values.long() if name.startswith("tokens") else values
            tensors[f"{name}.length"] = torch.from_numpy(lengths)
    return tensors
