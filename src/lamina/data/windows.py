"""Batches from long texts: windows of so many tokens, for networks that say which token comes next.

Texts stand one behind the other, :data:`~lamina.features.tokens.START` before each, and the last is followed by the
first: a ring without a beginning. A window is a stretch of it, and what is wanted at each place is the token after it;
START is what ends a text.

    ring     ^ t o   b e ^ o r   n o t          ^ is START
    window       o   b e ^ o                    reads  o _ b e ^ o
                                                wants  _ b e ^ o r
                                          segments  0 0 0 0 1 1
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from lamina.codecs.ragged import Ragged
from lamina.data.batches import Batch
from lamina.data.rows import Rows
from lamina.features.tokens import START

__all__ = ["MOST", "Windows", "few", "in_windows"]

MOST = 2**21  # tokens in an epoch, at most: of a longer text an epoch is a share


class Windows:
    """The batches of every epoch, as a function of (seed, step): nothing is remembered between steps.

    In a pass over the texts every token is wanted once, but for the last windows that make no batch. Each pass cuts
    the windows at other places, and takes them in another order.

    Args:
        rows: encoded rows, whose first target is a text.
        size: windows in a batch.
        context: tokens of a window; fewer where the texts have not as many.
        seed: of the order, and of where windows are cut.
        apart: whether each window ends where its text does, for networks that cannot tell texts apart.
        before: tokens that each window brings of those before it, for networks that remember.

    Attributes:
        steps: in an epoch.
        unit, pace: what is counted, and how much of it a step has.

    Example:
        >>> import tempfile; from pathlib import Path; from lamina.data.store import Store, StoreWriter
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with StoreWriter(Path(folder) / "s") as writer:
        ...         writer.append({"target000": Ragged.of([np.arange(4, 9), np.arange(9, 12)])})
        ...     windows = Windows(Rows.all(Store(Path(folder) / "s")), size=2, context=5, seed=0)
        ...     (batch,) = windows.epoch(0)
        >>> batch.inputs["tokens"].shape, bool((batch.targets[0][:, :-1] == batch.inputs["tokens"][:, 1:]).all())
        (torch.Size([2, 5]), True)
    """

    unit = "tokens"

    def __init__(self, rows: Rows, size: int, context: int, seed: int, *, apart: bool = False, before: int = 0) -> None:
        assert not (apart and before)
        self.rows, self.seed, self.apart, self.before = rows, seed, apart, before
        self._texts: Ragged = rows.store.arrays["target000"]
        ends = np.asarray(self._texts.ends)
        lengths = np.diff(ends, prepend=0)[rows.places]
        self._first = ends[rows.places] - lengths  # where each text begins among the values
        self._lengths = lengths + 1  # with START
        self._starts = np.cumsum(self._lengths) - self._lengths  # where each begins in the ring, (n,)
        self.total = int(self._lengths.sum())
        self.context = min(context, self.total)
        self._count = len(self._cut(0)[0])  # windows in a pass
        self._size = min(size, self._count)
        self._whole = self._count // self._size  # steps in a pass
        self.pace = float(self._size * self.context)
        self.steps = min(self._whole, max(1, MOST // (self._size * self.context)))
        self._pass: tuple[int, np.ndarray, np.ndarray] = (-1, self._starts, self._starts)

    def epoch(self, epoch: int, first: int = 0) -> Iterator[Batch]:
        """The batches of an epoch, from its step ``first`` on."""
        for step in range(epoch * self.steps + first, (epoch + 1) * self.steps):
            yield self._batch(*divmod(step, self._whole))
            self.rows.store.forget()  # each window maps some sixteen pages

    def _batch(self, number: int, place: int) -> Batch:
        """The batch at a place of a pass."""
        windows = slice(place * self._size, (place + 1) * self._size)
        begins, ends = (edges[windows] for edges in self._order(number))
        before, lengths = self.before, ends - begins
        count = before + int(lengths.max())
        ring, is_start = self._read(begins[:, None] - before + np.arange(count + 1))  # (B, count + 1)
        reads, wants = ring[:, before:-1].copy(), ring[:, before + 1 :].copy()
        behind = np.arange(count - before) >= lengths[:, None]
        reads[behind] = wants[behind] = 0
        inputs = {"tokens": reads}
        if not self.apart and is_start[:, before + 1 : -1].any():
            inputs["segments"] = is_start[:, before + 1 : -1].cumsum(1)
            inputs["segments"] = np.pad(inputs["segments"], ((0, 0), (1, 0)))  # 0 is the text that a window begins in
        if before:
            # Of what came before the window, that counts which belongs to the text that it begins in.
            last = (np.arange(1, before + 2) * is_start[:, : before + 1]).max(1)  # 1 for the first place
            inputs["before"] = ring[:, :before].copy()
            inputs["before.length"] = np.minimum(before, before + 1 - last)
            if is_start[:, 1:before].any():
                inputs["before.segments"] = is_start[:, :before].cumsum(1)
        return Batch({name: torch.from_numpy(array) for name, array in inputs.items()}, [torch.from_numpy(wants)],
                     np.arange(windows.start, windows.start + len(begins)))  # fmt: skip

    def _order(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Where the windows of a pass begin and end, in its order: a function of seed and pass (Philox)."""
        if self._pass[0] != number:
            generator = np.random.Generator(np.random.Philox(key=np.array([self.seed, number], np.uint64)))
            begins, ends = self._cut(int(generator.integers(self.context if self.apart else self.total)))
            order = generator.permutation(len(begins))[: self._count]
            self._pass = number, begins[order], ends[order]
        return self._pass[1], self._pass[2]

    def _cut(self, shift: int) -> tuple[np.ndarray, np.ndarray]:
        """Where windows begin and end in the ring: one behind the other from a place on, or each text by itself, its
        first window shorter by the shift."""
        if not self.apart:
            begins = shift + self.context * np.arange(self.total // self.context)
            return begins, begins + self.context
        counts = -(-(self._lengths + shift) // self.context)
        text = np.repeat(np.arange(len(counts)), counts)
        number = np.arange(len(text)) - np.repeat(np.cumsum(counts) - counts, counts)
        edges = self._starts[text] - shift + self.context * number
        return np.maximum(self._starts[text], edges), np.minimum(
            (self._starts + self._lengths)[text], edges + self.context
        )

    def _read(self, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Tokens of the ring, int64, and which of them begin a text."""
        places = places % self.total
        texts = np.searchsorted(self._starts, places, side="right") - 1
        inside = places - self._starts[texts]
        is_start = inside == 0
        found = np.asarray(self._texts.values)[np.where(is_start, 0, self._first[texts] + inside - 1)].astype(np.int64)
        found[is_start] = START
        return found, is_start


def few(rows: Rows, most: int) -> Rows:
    """Evenly picked rows whose texts have at most so many tokens; one at least."""
    texts: Ragged = rows.store.arrays["target000"]
    lengths = np.diff(np.asarray(texts.ends), prepend=0)[rows.places]
    return Rows(rows.store, rows.places[:: max(1, -(-int(lengths.sum()) // most))])


def in_windows(texts: Ragged, context: int, step: int, tokens: int) -> Iterator[Batch]:
    """Texts in windows that each lie in one of them, so that every token, and the end, is wanted exactly once.

    A window begins ``step`` tokens behind the one before it, and wants those that it did not: so all but the first of
    a text have at least ``context - step`` tokens before them, as far as there are. The others are no targets, 0.

    Args:
        texts: n rows of ids.
        context: tokens of a window, at most.
        step: up to ``context``.
        tokens: in a batch, at most, but one window at least.

    Yields:
        Batches whose ``rows`` are the texts' places.

    Example:
        >>> (batch,) = in_windows(Ragged.of([np.arange(4, 9)]), context=4, step=2, tokens=100)
        >>> batch.inputs["tokens"].tolist(), batch.targets[0].tolist()
        ([[3, 4, 5, 6], [5, 6, 7, 8]], [[4, 5, 6, 7], [0, 0, 8, 3]])
    """
    lengths = texts.lengths + 1  # with the end
    counts = 1 + np.maximum(0, -(-(lengths - context) // step))  # windows of each text
    text = np.repeat(np.arange(len(texts)), counts)
    number = np.arange(len(text)) - np.repeat(np.cumsum(counts) - counts, counts)
    count = max(1, tokens // context)
    for first in range(0, len(text), count):
        rows, begins = text[first : first + count], step * number[first : first + count]
        longest = int(min(context, (lengths[rows] - begins).max()))
        places = begins[:, None] + np.arange(longest + 1)  # in START, the text, START
        there = places <= lengths[rows][:, None]
        is_start = (places == 0) | (places == lengths[rows][:, None])
        source = (texts.ends - texts.lengths)[rows][:, None] + places - 1
        found = np.full(places.shape, START, np.int64)
        inner = there & ~is_start
        found[inner] = np.asarray(texts.values)[source[inner]]
        found[~there] = 0
        reads, wants = found[:, :-1].copy(), found[:, 1:].copy()
        reads[wants == 0] = 0
        wants[(number[first : first + count] > 0)[:, None] & (np.arange(longest) < context - step)] = 0
        yield Batch({"tokens": torch.from_numpy(reads)}, [torch.from_numpy(wants)], rows)
