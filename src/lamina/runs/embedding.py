"""Rows as vectors from within a network: what a layer gives, for other programs to work with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import polars as pl
import torch
from torch import Tensor, nn

from lamina.backbones.base import mean_over
from lamina.codecs.ragged import Ragged
from lamina.data.batches import rows_at_once, to_tensors
from lamina.data.infer import infer
from lamina.data.located import locate
from lamina.data.split import hash_rows
from lamina.data.table import Table
from lamina.errors import DataError, UsageError, nearest, some
from lamina.features.encoder import Encoder
from lamina.models.base import Foreign, Model
from lamina.models.committee import Committee
from lamina.models.encoder_decoder import EncoderDecoder
from lamina.models.mixed import Mixed
from lamina.nn.ensemble import Views
from lamina.nn.start import start
from lamina.transfer.learning import fill
from lamina.transfer.origin import match, model_for, start_of, teach
from lamina.transfer.source import open_source

__all__ = ["Embedder", "Piece", "embedder_of_weights"]

LEARNED_FROM = 2000  # rows from which features learn what the weights do not bring, such as the mean of the pixels


class Piece(NamedTuple):
    """The vectors of some rows.

    Attributes:
        rows: (n,) their numbers in the table.
        vectors: (n, width) float32.
        inputs: (n,) uint64, equal for rows that are equal on every input.
        frame: the rows as they came.
    """

    rows: np.ndarray
    vectors: np.ndarray
    inputs: np.ndarray
    frame: pl.DataFrame

    def columns(self, target: str | None = None) -> pl.DataFrame:
        """As a table: ``row``, the target as it came if one is asked for, and ``vector``, an array column."""
        width = self.vectors.shape[1]
        kept = [] if target is None else [self.frame[target]]
        vectors = pl.Series("vector", self.vectors, dtype=pl.Array(pl.Float32, width))
        return pl.DataFrame([pl.Series("row", self.rows, dtype=pl.Int64), *kept, vectors])


class Embedder:
    """Raw rows in, vectors of a layer out.

    A layer that gives a vector for each place or member, or a map, is averaged to one vector a row. Rows of different
    lengths then go through it apart, so that a row's vector does not hang on the rows beside it. Of a committee only
    the network runs that the layer is of.

    Args:
        encoder: fitted features.
        model: the trained network; it is put into evaluation mode.
        layer: dotted name of a module, as in ``model.named_modules()``; what the head sees if None, and of a committee
            what the first network's head sees. Of a network that writes, what it writes from: the mean over the places.

    Raises:
        UsageError: if there is no such layer; it gives the nearest name.

    Example:
        >>> from lamina.features.boolean import Boolean; from lamina.models import MODELS
        >>> encoder = Encoder([Boolean("ill")], [])
        >>> rows = pl.DataFrame({"ill": [True, False, True]})
        >>> encoder = encoder.partial_fit(encoder.read(rows)).finish()
        >>> network = MODELS["mlp"](encoder.layout, 1, MODELS["mlp"].Settings(width=4))
        >>> Embedder(encoder, network).embed(rows).vectors.shape
        (3, 4)
    """

    def __init__(self, encoder: Encoder, model: nn.Module, layer: str | None = None) -> None:
        self.encoder = encoder
        self.network, self._module, self._before = _place_of(model.eval(), layer)
        self._writer = self.network if layer is None and isinstance(self.network, EncoderDecoder) else None
        self._layer = layer or "what the head sees"
        self._width: int | None = None

    def embed(self, frame: pl.DataFrame, first_row: int = 0) -> Piece:
        """Embed some rows.

        Args:
            frame: raw rows; columns in any order, more columns are fine.
            first_row: number of the first row.

        Raises:
            MissingColumnError: if an input column is not there.
            DataError: if a cell is not of its column's type.
            UsageError: if the layer does not run, or gives no vector a row.
        """
        cells = self.encoder.read(frame, first_row)
        found = []
        size = rows_at_once(wide=bool(self.encoder.layout.wide))
        for start_at in range(0, len(cells), size):
            arrays = self.encoder.encode(cells[start_at : start_at + size], first_row=first_row + start_at)
            found.append(self._vectors(arrays, min(size, len(cells) - start_at)))
        vectors = np.concatenate(found) if found else np.empty((0, self._width or 0), np.float32)
        return Piece(np.arange(first_row, first_row + len(frame)), vectors, hash_rows(cells), frame)

    def stream(self, frames: Iterable[pl.DataFrame]) -> Iterator[Piece]:
        """Embed a table that comes in pieces."""
        row = 0
        for frame in frames:
            yield self.embed(frame, row)
            row += len(frame)

    def _vectors(self, arrays: Mapping[str, Any], rows: int) -> np.ndarray:
        """The vectors of some encoded rows, (rows, width)."""
        given = self._given(arrays, rows)
        lengths = [array.lengths for array in arrays.values() if isinstance(array, Ragged)]
        alike = all((each == each[:1]).all() for each in lengths)
        if given.ndim == 2 or alike:
            return self._of_one_width(self._averaged(given))
        _, kind = np.unique(np.stack(lengths, 1), axis=0, return_inverse=True)
        kind = kind.ravel()
        vectors: np.ndarray | None = None
        for one in range(kind.max() + 1):
            places = np.flatnonzero(kind == one)
            some_rows = {
                name: array.take(places) if isinstance(array, Ragged) else array[places]
                for name, array in arrays.items()
            }
            part = self._of_one_width(self._averaged(self._given(some_rows, len(places))))
            vectors = np.empty((rows, part.shape[1]), np.float32) if vectors is None else vectors
            vectors[places] = part
        assert vectors is not None
        return vectors

    def _given(self, arrays: Mapping[str, Any], rows: int) -> Tensor:
        """What the layer gives for encoded rows, (rows, ...); the first time, where it runs several times."""
        if self._writer is not None:
            with torch.inference_mode():
                memory = self._writer.memory(to_tensors(arrays))
            assert memory is not None  # there are columns
            return mean_over(*memory)
        taken: list[Tensor] = []

        def take(value: Any) -> None:
            while isinstance(value, tuple | list):
                value = value[0]
            if isinstance(value, Tensor) and not taken:
                taken.append(value.float())

        if self._before:
            handle = self._module.register_forward_pre_hook(lambda module, given: take(given))
        else:
            handle = self._module.register_forward_hook(lambda module, given, made: take(made))
        try:
            with torch.inference_mode():
                self.network(to_tensors(arrays))
        finally:
            handle.remove()
        if taken and rows and len(taken[0]) > rows and any(isinstance(one, Views) for one in self.network.modules()):
            taken[0] = taken[0].unflatten(0, (rows, -1))  # members of a row lie side by side
        if not taken or taken[0].ndim < 2 or len(taken[0]) != rows:
            got = tuple(taken[0].shape) if taken else "nothing: it does not run by itself"
            raise UsageError(
                f"layer {self._layer} gives no vector a row", got=got, do="name another: lamina look RUN lists them"
            )
        return taken[0]

    def _averaged(self, given: Tensor) -> np.ndarray:
        """One vector a row: of a map (B, C, H, W) the mean over its cells, of places (B, T, width) that over them."""
        has_channels_first = given.ndim == 4 or isinstance(self._module, nn.Conv1d | nn.BatchNorm1d)
        if given.ndim > 2:
            given = given.flatten(2).mean(2) if has_channels_first else given.flatten(1, -2).mean(1)
        return np.ascontiguousarray(given.numpy())

    def _of_one_width(self, vectors: np.ndarray) -> np.ndarray:
        """Refuse a layer whose vectors are as long as the rows."""
        if self._width not in (None, vectors.shape[1]):
            got = f"{self._width} and {vectors.shape[1]} values"
            raise UsageError(f"layer {self._layer} gives vectors of different widths", got=got, do="name another")
        self._width = vectors.shape[1]
        return vectors


def _place_of(model: nn.Module, layer: str | None) -> tuple[nn.Module, nn.Module, bool]:
    """The network to run, the module to listen to, and whether to what goes into it."""
    if layer is None:
        network = model.networks[0] if isinstance(model, Committee) else model
        if isinstance(network, Model) and network.remembers:
            return network, network.get_submodule("norm"), False  # rows as points: its head sees answers only
        if isinstance(network, EncoderDecoder):
            return network, network, False
        if isinstance(network, Foreign):
            layers = [module for module in network.modules() if isinstance(module, nn.Linear)]
            return network, layers[-1] if layers else network.module, True
        if not hasattr(network, "head"):
            raise UsageError(
                f"network {type(network).__name__} has no one head", do="name a layer: lamina look RUN lists them"
            )
        return network, network.get_submodule("head"), True
    modules = dict(model.named_modules())
    modules.pop("")
    if layer not in modules:
        near = nearest(layer, modules)
        raise UsageError("no such layer", got=layer, allowed=some(modules, 8), do=near or "lamina look RUN lists them")
    if isinstance(model, Committee) and layer.count("."):
        return model.networks[int(layer.split(".")[1])], modules[layer], False
    return model, modules[layer], False


def embedder_of_weights(
    source: str, table: Table, layer: str | None = None, files: str | None = None, target: str | None = None
) -> Embedder:
    """Vectors from pre-trained weights alone, without a run.

    Features learn from the table's first rows whatever the weights do not bring.

    Args:
        source: as ``--weights`` takes it: a file, a transformers model, or a run, of pre-training too.
        table: the rows; columns that the weights are not for are left out.
        layer: see :class:`Embedder`.
        files: the folder or zip file that names in the table are relative to.
        target: a column that is no input.

    Raises:
        UsageError: if there is no column for the weights, or they cannot be opened.
        DataError: if they cannot be used.
    """
    origins = open_source(source)
    schema = infer(table, exclude=() if target is None else (target,))
    features = [column.feature for column in schema.values()]
    matched = match(origins, features)
    encoder = teach(Encoder([one for one in features if one.column in matched], []), matched, {})
    locate(table, encoder.inputs, files)
    if not table.head(1).height:
        raise DataError("the table has no rows", got=table.source)
    encoder.partial_fit(encoder.read(table.head(LEARNED_FROM))).finish()
    settings = model_for(matched, encoder.layout, "auto", None)
    model = start(Mixed(encoder.layout, 1, settings), 0)
    assert isinstance(model, Mixed)
    fill(model, start_of(matched, encoder.layout, settings))
    return Embedder(encoder, model, layer)
