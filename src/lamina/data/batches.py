"""Batches from a store: which rows, in which order, as tensors."""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from lamina.data.store import Store

__all__ = ["Batch", "Batches", "Rows", "gather", "in_order", "to_tensor"]

GROUPS = ["number", "flag", "category"]
WINDOW = 64 * 2**20  # bytes gathered at once: a small table's whole epoch, a large one's next few hundred steps

PIECES = 32  # in which a window is taken from a store larger than itself


class Batch(NamedTuple):
    """Rows for one step.

    Attributes:
        inputs: group -> (B, slots) float32, or int64 codes.
        targets: one per target column: (B,) or (B, labels).
        rows: (B,) their numbers in the source table.
    """

    inputs: dict[str, Tensor]
    targets: list[Tensor]
    rows: np.ndarray


class Rows(NamedTuple):
    """Some rows of a store.

    Attributes:
        store: where they lie.
        places: (n,) where in it.
    """

    store: Store
    places: np.ndarray

    @classmethod
    def all(cls, store: Store) -> Rows:
        """Every row of a store."""
        return cls(store, np.arange(store.rows, dtype=np.uint32))

    def array(self, name: str) -> np.ndarray:
        """One array of these rows."""
        return np.asarray(self.store.arrays[name])[self.places]


class Batches:
    """The batches of every epoch, as a function of (seed, step): nothing is remembered between steps.

    Batches of one epoch differ in size by at most one row, so none is too small to learn from.

    Args:
        rows: encoded rows, n of them.
        size: rows in a batch.
        seed: orders rows; each epoch has an order of its own.

    Example:
        >>> import tempfile; from pathlib import Path; from lamina.data.store import StoreWriter
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with StoreWriter(Path(folder) / "s") as writer:
        ...         writer.append({"number": np.zeros((5, 1), np.float32), "row": np.arange(5)})
        ...     batches = Batches(Rows.all(Store(Path(folder) / "s")), size=2, seed=0)
        ...     [len(batch.rows) for batch in batches.epoch(0)]
        [1, 2, 2]
    """

    def __init__(self, rows: Rows, size: int, seed: int) -> None:
        self.rows = rows
        self.seed = seed
        count = len(rows.places)
        self.steps = max(1, -(-count // size))  # in an epoch
        self._edges = np.arange(self.steps + 1) * count // self.steps
        row_bytes = max(1, rows.store.bytes // max(1, rows.store.rows))
        self._window = max(1, WINDOW // (row_bytes * max(1, min(size, count))))  # steps gathered at once

    def order(self, epoch: int) -> np.ndarray:
        """Places in the store in an epoch's order, (n,): a function of seed and epoch (Philox, counter-based)."""
        generator = np.random.Generator(np.random.Philox(key=np.array([self.seed, epoch], np.uint64)))
        order = self.rows.places.copy()
        generator.shuffle(order)
        return order

    def epoch(self, epoch: int, first: int = 0) -> Iterator[Batch]:
        """The batches of an epoch, from its step ``first`` on."""
        order = self.order(epoch)
        # Windows start at fixed steps, so a resumed epoch gathers the same ones.
        for start in range(first - first % self._window, self.steps, self._window):
            stop = min(start + self._window, self.steps)
            base = self._edges[start]
            window = gather(self.rows.store, order[base : self._edges[stop]])
            for step in range(max(start, first), stop):
                yield _slice(window, int(self._edges[step] - base), int(self._edges[step + 1] - base))


def in_order(rows: Rows, size: int) -> Iterator[Batch]:
    """All rows once, in their order."""
    for start in range(0, len(rows.places), size):
        yield gather(rows.store, rows.places[start : start + size])


def gather(store: Store, places: np.ndarray) -> Batch:
    """Some rows of a store as tensors: one gather an array."""
    taken = _take(store, places)
    inputs = {name: to_tensor(name, taken[name]) for name in GROUPS if name in taken}
    targets = [torch.from_numpy(taken[name]) for name in sorted(taken) if name.startswith("target")]
    return Batch(inputs, targets, taken["row"])


def _take(store: Store, places: np.ndarray) -> dict[str, np.ndarray]:
    """The given rows of every array that a batch needs."""
    arrays = {name: np.asarray(array) for name, array in store.arrays.items() if name != "fold"}
    if store.bytes <= WINDOW:
        return {name: np.take(array, places, axis=0) for name, array in arrays.items()}
    # Rows at random places touch nearly every page of a large file: go through it in its own order, and let go of the
    # pages of each piece before the next, so that only the rows themselves are in memory.
    taken = {name: np.empty((len(places), *array.shape[1:]), array.dtype) for name, array in arrays.items()}
    for piece in np.array_split(np.argsort(places, kind="stable"), PIECES):
        for name, array in arrays.items():
            taken[name][piece] = array[places[piece]]
        _forget(store)
    return taken


def to_tensor(group: str, array: np.ndarray) -> Tensor:
    """An encoded array as the network wants it: float32, and int64 for codes."""
    return torch.from_numpy(array.astype(np.int64 if group == "category" else np.float32, copy=False))


def _slice(window: Batch, start: int, stop: int) -> Batch:
    return Batch(
        {name: tensor[start:stop] for name, tensor in window.inputs.items()},
        [tensor[start:stop] for tensor in window.targets],
        window.rows[start:stop],
    )


def _forget(store: Store) -> None:
    """Let go of the mapped pages: they stay in the file cache, and no longer count as this process's memory."""
    for array in store.arrays.values():
        mapped = getattr(array, "_mmap", None)
        if mapped is not None and hasattr(mmap, "MADV_DONTNEED"):
            mapped.madvise(mmap.MADV_DONTNEED)
