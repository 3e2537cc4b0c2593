"""A run for other tools: its graph as ONNX, its weights as safetensors, its network as a program of PyTorch's."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import torch
from safetensors.torch import load, save

from lamina import __version__
from lamina.errors import ExportError
from lamina.exporting.compare import Outputs, difference, one_and_many, refuse_different, tensors_of
from lamina.exporting.forms import in_graph_form
from lamina.exporting.graph import Graph, example, free_axes, inputs_of, onnx_of, quiet, reason
from lamina.exporting.leaving import Exported, Leaving
from lamina.exporting.rows import altered
from lamina.files import atomic, write_bytes
from lamina.runtime.session import Session

__all__ = ["write_onnx", "write_safetensors", "write_torch"]


def write_onnx(leaving: Leaving, path: Path) -> Exported:
    """Write network and tasks as one ONNX graph: encoded columns in, activated outputs out.

    Raises:
        ExportError: if the graph differs from the run, or the network has no form as a graph.
        MissingExtraError: if the packages that write graphs are not installed.
    """
    predictor = leaving.predictor
    content = onnx_of(predictor.model, predictor.objective, predictor.encoder.layout)
    session = Session(content)
    rows, greatest = _compared(leaving, lambda frame: session.run(tensors_of(predictor, frame)))
    write_bytes(path, content)
    return Exported(path, "onnx", len(content), {}, rows, leaving.are_real, greatest)


def write_torch(leaving: Leaving, path: Path) -> Exported:
    """Write network and tasks as a program of ``torch.export``, which ``torch.export.load`` opens.

    The example rows that PyTorch would put in as a pickle are left out, so nothing in the file can run code.

    Raises:
        ExportError: if the program differs from the run, or the network has no such form.
    """
    predictor = leaving.predictor
    inputs = inputs_of(predictor.encoder.layout)
    names = [one.name for one in inputs]
    graph = Graph(in_graph_form(predictor.model, onnx=False), predictor.objective, names).eval()
    with torch.no_grad(), quiet():
        try:
            program = torch.export.export(
                graph, tuple(example(inputs)), dynamic_shapes=(tuple(free_axes(one) for one in inputs),)
            )
        except (RuntimeError, ValueError, TypeError, NotImplementedError) as error:
            raise ExportError("the network has no form as a program of torch.export", got=reason(error),
                              do="say --format onnx") from error  # fmt: skip
        program.example_inputs = None
        module = program.module()

        def outputs(frame: pl.DataFrame) -> np.ndarray:
            arrays = tensors_of(predictor, frame)
            with torch.no_grad():
                return np.asarray(module(*(torch.from_numpy(arrays[name]) for name in names)))

        rows, greatest = _compared(leaving, outputs)
        with atomic(path) as temporary:
            made = temporary.with_suffix(".pt2")  # the only ending that torch.export takes
            try:
                torch.export.save(program, made)
                made.replace(temporary)
            finally:
                made.unlink(missing_ok=True)
    return Exported(path, "torch", path.stat().st_size, {}, rows, leaving.are_real, greatest)


def write_safetensors(leaving: Leaving, path: Path) -> Exported:
    """Write the weights by the names that the network's layers have; the plan of the run says which network it is.

    Raises:
        ExportError: if what was written is not what the network has.
    """
    weights = {name: tensor.contiguous() for name, tensor in leaving.predictor.model.state_dict().items()}
    tasks = [task.name for task in leaving.predictor.objective.tasks]
    about = {"format": "pt", "lamina": __version__, "name": leaving.name, "tasks": json.dumps(tasks)}
    if leaving.licence is not None:
        about["licence"] = leaving.licence
    content = save(weights, about)
    if any(not torch.equal(tensor, weights[name]) for name, tensor in load(content).items()):
        raise ExportError("the weights did not come back as they were", do="try again")
    write_bytes(path, content)
    return Exported(path, "safetensors", len(content), {}, 0, leaving.are_real, None)


def _compared(leaving: Leaving, outputs: Outputs) -> tuple[int, float]:
    """On how many rows a file was compared with the run, and the greatest difference."""
    rows = altered(leaving.rows, leaving.predictor.encoder)
    greatest, row = difference(one_and_many(rows), leaving.predictor.activate, outputs)
    refuse_different(greatest, row, len(rows))
    return len(rows), greatest
