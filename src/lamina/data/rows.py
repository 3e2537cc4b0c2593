"""Some rows of a store."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from lamina.codecs.ragged import Ragged
from lamina.data.store import Store

__all__ = ["Rows"]


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
        """One plain array of these rows."""
        found = np.asarray(self.store.arrays[name])[self.places]
        self.store.forget()
        return found

    def ragged(self, name: str) -> Ragged:
        """One array of these rows whose rows are of different lengths."""
        found: Ragged = self.store.arrays[name].take(self.places)
        self.store.forget()
        return found

    def thinned(self, most: int) -> Rows:
        """At most so many of them, evenly picked."""
        return Rows(self.store, self.places[:: max(1, -(-len(self.places) // most))])

    def target(self, place: int) -> Any:
        """One encoded target of these rows: an array, or ragged."""
        name = f"target{place:03}"
        return self.ragged(name) if isinstance(self.store.arrays[name], Ragged) else self.array(name)
