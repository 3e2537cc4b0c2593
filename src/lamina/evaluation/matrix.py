"""Encoded rows as baselines take them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

__all__ = ["Matrix"]


@dataclasses.dataclass(frozen=True)
class Matrix:
    """The groups of slots of n rows (see :class:`lamina.features.Slot`).

    Attributes:
        number: (n, a) float32; a missing cell may be NaN.
        flag: (n, b) of 0 and 1.
        category: (n, c) codes.
        sizes: how many codes each of the c category slots has.
    """

    number: np.ndarray
    flag: np.ndarray
    category: np.ndarray
    sizes: tuple[int, ...]

    @classmethod
    def of(cls, arrays: Mapping[str, np.ndarray], sizes: Sequence[int], rows: int) -> Matrix:
        """Make it from arrays by group; a group that is not there gets no columns.

        Example:
            >>> Matrix.of({"number": np.zeros((3, 2), np.float32)}, sizes=[], rows=3).category.shape
            (3, 0)
        """
        empty = {"number": np.float32, "flag": np.uint8, "category": np.int32}
        groups = {group: arrays.get(group, np.zeros((rows, 0), dtype)) for group, dtype in empty.items()}
        return cls(**groups, sizes=tuple(sizes))

    def __len__(self) -> int:
        return len(self.number)

    def __getitem__(self, rows: slice | np.ndarray) -> Matrix:
        """Some of the rows."""
        return Matrix(self.number[rows], self.flag[rows], self.category[rows], self.sizes)
