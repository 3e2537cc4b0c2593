"""Targets that stand in a text of the same row: labels of its words, a part of it."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import polars as pl

from lamina.codecs.ragged import Ragged
from lamina.features.base import Feature, Slot
from lamina.features.media import Broken
from lamina.features.text import Text

__all__ = ["Placed"]


class Placed(Feature):
    """Abstract: cells that say something of places in another column. ``settings.of`` names that column.

    A subclass writes ``encode_in`` in the place of ``encode``.
    """

    @abstractmethod
    def encode_in(
        self, values: pl.Series, texts: pl.Series, text: Text, refused: Broken | None = None, first_row: int = 0
    ) -> Ragged:
        """Turn n cells, as ``read`` returned them, into a row of whole numbers each.

        Args:
            values: the cells.
            texts: the cells of the column that they are about, as its feature's ``read`` returned them.
            text: the feature of that column.
            refused: takes the places of rows that cannot be learned from, and why; they are then set aside.
            first_row: number of the first row, for messages.

        Raises:
            DataError: if a cell does not fit its text and ``refused`` is None.
        """

    @property
    def slots(self) -> list[Slot]:
        return []

    def encode(self, values: pl.Series) -> dict[str, Any]:
        """Nothing: as an input, such cells say nothing; as a target, see :meth:`encode_in`."""
        return {}
