"""A network and its tasks as one graph: named arrays in, activated outputs out, any number of rows and of places."""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from lamina.data.batches import PLAIN
from lamina.errors import ExportError
from lamina.exporting.forms import OPSET, in_graph_form
from lamina.extras import need
from lamina.features.layout import Layout
from lamina.training.objective import Objective

__all__ = ["OUTPUT", "Graph", "Input", "example", "free_axes", "inputs_of", "onnx_of", "quiet", "reason"]

OUTPUT = "outputs"
LARGEST = 2**31 - 2**20  # bytes of weights that one ONNX file can hold
EXAMPLE = (3, 11)  # rows and places of what a graph is traced with; neither is written down in it


class Input(NamedTuple):
    """An array that a graph takes.

    Attributes:
        name: as in :class:`lamina.data.batches.Batch`.
        dtype: of numpy.
        shape: its sides; None for rows, and for places of a text, a sound, a series or a film.
    """

    name: str
    dtype: str
    shape: tuple[int | None, ...]

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return {"name": self.name, "dtype": self.dtype, "shape": list(self.shape)}


def inputs_of(layout: Layout) -> list[Input]:
    """The arrays of a table's columns, those without a slot left out.

    Example:
        >>> from lamina.features.base import Slot
        >>> inputs_of(Layout.of([Slot("said", "value", "tokens", size=9)]))[0]
        Input(name='tokens000', dtype='int64', shape=(None, None))
    """
    slots = {"number": layout.numbers, "flag": layout.flags, "category": layout.categories}
    dtypes = {"number": "float32", "flag": "float32", "category": "int64"}
    found = [Input(name, dtypes[name], (None, len(held))) for name, held in slots.items() if held]
    kinds = {"image": "uint8", "clip": "uint8", "tokens": "int64", "frames": "float32"}
    for name, slot in layout.wide_by_name.items():
        sides = (None,) if slot.group == "image" else (None, None)
        found += [Input(name, kinds[slot.group], (*sides, *slot.shape)), Input(f"{name}.length", "int64", (None,))]
    return found or [Input("number", "float32", (None, 0))]


class Graph(nn.Module):
    """A network and what its tasks make of its raw outputs.

    Args:
        model: the network, or a committee.
        objective: its tasks.
        names: of the arrays, in the order in which they come.

    Shape:
        arrays as :func:`inputs_of` lists them -> (B, width) float32, activated
    """

    def __init__(self, model: nn.Module, objective: Objective, names: Sequence[str]) -> None:
        super().__init__()
        self.model, self.objective, self.names = model.eval(), objective, list(names)

    def forward(self, *arrays: Tensor) -> Tensor:
        inputs = dict(zip(self.names, arrays, strict=True))
        rows = arrays[0].shape[0]
        for name in PLAIN:
            if name not in inputs:
                inputs[name] = torch.zeros(rows, 0, dtype=torch.int64 if name == "category" else torch.float32)
        return self.objective.activate(self.model(inputs))


def example(inputs: Sequence[Input], rows: int = EXAMPLE[0], places: int = EXAMPLE[1]) -> list[Tensor]:
    """Arrays of the right form, by which a network is traced: zeros, and rows of every length."""
    found = []
    for one in inputs:
        if one.name.endswith(".length"):
            found.append(torch.arange(rows).clamp(max=1 if one.name.startswith("image") else places))
            continue
        free = iter((rows, places))
        shape = [next(free) if side is None else side for side in one.shape]
        found.append(torch.from_numpy(np.zeros(shape, one.dtype)))
    return found


def onnx_of(model: nn.Module, objective: Objective, layout: Layout) -> bytes:
    """A network and its tasks as an ONNX file: one graph, float32, with free numbers of rows and places.

    Args:
        model: as :attr:`lamina.runs.predictor.Predictor.model`.
        objective: the tasks of the run.
        layout: of its input columns.

    Raises:
        ExportError: if the network is too large for one file, or has an operator that ONNX lacks.
        MissingExtraError: if the packages that write ONNX are not installed.
    """
    for package in ("onnx", "onnxscript"):
        need(package, extra="export", why="to write a graph as ONNX")
    size = sum(tensor.numel() * tensor.element_size() for tensor in model.state_dict().values())
    if size > LARGEST:
        raise ExportError("the network is too large for one ONNX file", got=f"{size:,} bytes", allowed=f"{LARGEST:,}")
    inputs = inputs_of(layout)
    graph = Graph(in_graph_form(model), objective, [one.name for one in inputs]).eval()
    with torch.no_grad(), quiet():
        try:
            program = torch.onnx.export(
                graph,
                tuple(example(inputs)),
                dynamo=True,
                opset_version=OPSET,
                input_names=graph.names,
                output_names=[OUTPUT],
                dynamic_shapes=(tuple(free_axes(one) for one in inputs),),
                verbose=False,
            )
        except torch.onnx.errors.OnnxExporterError as error:
            raise ExportError("the network cannot be written as ONNX", got=reason(error)) from error
    assert program is not None
    return _plain(program.model_proto)


def free_axes(one: Input) -> dict[int, Any]:
    """The axes of an array that have no fixed size."""
    return {axis: torch.export.Dim.DYNAMIC for axis, side in enumerate(one.shape) if side is None}


def reason(error: BaseException) -> str:
    """What lies at the bottom of the exporter's error, on one line."""
    while error.__cause__ is not None:
        error = error.__cause__
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"


def _plain(model: Any) -> bytes:
    """The file without what tracing leaves in it: lines of source with the paths of this machine."""
    for holder in (model.graph, *model.functions):
        for one in (holder, *holder.node, *getattr(holder, "value_info", ())):
            one.ClearField("doc_string")
            one.ClearField("metadata_props")
    for one in (*model.graph.input, *model.graph.output, *model.graph.initializer):
        one.ClearField("metadata_props")
    model.ClearField("metadata_props")
    model.producer_name, model.producer_version = "lamina", ""
    content: bytes = model.SerializeToString(deterministic=True)
    return content


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Leave out what PyTorch's exporters tell of themselves: their deprecations and progress are nobody's business."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "torch.export", "onnxscript", "onnx_ir")]
    levels: Mapping[logging.Logger, int] = {logger: logger.level for logger in loggers}
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in levels.items():
            logger.setLevel(level)
