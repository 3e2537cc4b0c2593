"""A graph that is run by onnxruntime."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from lamina.errors import BundleError
from lamina.extras import need

__all__ = ["Session"]


class Session:
    """An ONNX graph of one output, ready to run.

    Args:
        graph: the file's bytes.
        threads: that one run may take. One is the fastest for single rows, and lets several runs go on side by side.

    Attributes:
        names: the arrays that the graph takes.

    Raises:
        MissingExtraError: if onnxruntime is not installed.
        BundleError: if onnxruntime cannot read the graph.
    """

    def __init__(self, graph: bytes, threads: int = 1) -> None:
        ort = need("onnxruntime", extra="runtime", why="to run a graph")
        options = ort.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.log_severity_level = 4  # what goes wrong comes as an exception
        try:
            self._session = ort.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # its exceptions have no base of their own
            raise BundleError("onnxruntime cannot read the graph", got=str(error), do="export the run again") from error
        self.names = [one.name for one in self._session.get_inputs()]

    def run(self, arrays: Mapping[str, np.ndarray]) -> np.ndarray:
        """The activated outputs of some rows, (rows, width) float32; arrays that the graph does not take are left."""
        outputs: np.ndarray = self._session.run(None, {name: arrays[name] for name in self.names})[0]
        return outputs
