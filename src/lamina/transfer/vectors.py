"""Vectors of a network that stays as it is: computed once for all rows, so that the head alone is trained on them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn

from lamina.data.batches import in_order, rows_at_once
from lamina.data.rows import Rows
from lamina.data.store import INDEX, Store, StoreWriter
from lamina.features.base import WIDE
from lamina.models.mixed import Mixed

__all__ = ["VectorStore", "put_back", "set_apart", "write_vectors"]


class VectorStore(Store):
    """A store with vectors in the place of some wide arrays: ``image000.vector`` and ``image000.length``.

    Args:
        store: the encoded rows.
        folder: as :func:`write_vectors` left it.
    """

    def __init__(self, store: Store, folder: Path) -> None:
        super().__init__(folder)
        vectors = self.arrays
        kept = {name: array for name, array in store.arrays.items() if f"{name}.vector" not in vectors}
        self.arrays = kept | vectors
        self.rows = store.rows
        self.bytes = sum(array.nbytes for array in self.arrays.values())

    @property
    def groups(self) -> frozenset[str]:
        """Groups of the wide slots that are there as they are: a vector is a plain thing."""
        wide = [name for name in self.arrays if "." not in name]
        return frozenset(group for group in WIDE if any(name.startswith(group) for name in wide))


def write_vectors(model: Mixed, names: Sequence[str], store: Store, folder: Path) -> None:
    """Run the backbones of some slots over all rows, once; what is there already, whole, is left.

    Args:
        model: with its starting weights.
        names: of the slots.
        store: the encoded rows.
        folder: takes the vectors, (rows, width) float32, and the lengths, (rows,) int64.
    """
    if (folder / INDEX).is_file():
        return
    model.eval()
    with StoreWriter(folder) as writer, torch.inference_mode():
        for batch in in_order(Rows.all(store), rows_at_once(wide=True)):
            arrays = {}
            for name in names:
                lengths = batch.inputs[f"{name}.length"]
                arrays[f"{name}.vector"] = model.backbones[name](batch.inputs[name], lengths).float().numpy()
                arrays[f"{name}.length"] = lengths.numpy()
            writer.append(arrays)


def set_apart(model: Mixed, names: Sequence[str]) -> dict[str, nn.Module]:
    """Take backbones out of a model whose rows come with vectors, so that nothing follows or saves their weights."""
    return {name: model.backbones.pop(name) for name in names}


def put_back(model: Mixed, backbones: dict[str, nn.Module]) -> None:
    """Undo :func:`set_apart`."""
    model.backbones.update(backbones)
