"""LitServe with onnxruntime, as its own pages show it, with batches.

python litserve_server.py GRAPH PORT
"""

from __future__ import annotations

import sys
from typing import Any

import litserve
import numpy as np
import onnxruntime

DTYPES = {"number": np.float32, "flag": np.float32, "category": np.int64}


class Graph(litserve.LitAPI):
    """Arrays in, the graph's numbers out."""

    def setup(self, device: str) -> None:
        """Open the graph."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(sys.argv[1], options, providers=["CPUExecutionProvider"])
        self.names = [one.name for one in self.session.get_inputs()]

    def decode_request(self, request: dict[str, Any]) -> dict[str, Any]:
        """A question as arrays."""
        return {name: np.array(request[name], DTYPES[name]) for name in self.names}

    def batch(self, inputs: list[dict[str, Any]]) -> dict[str, Any]:
        """Questions together."""
        return {name: np.stack([one[name] for one in inputs]) for name in self.names}

    def predict(self, x: dict[str, Any]) -> np.ndarray:
        """The graph's numbers."""
        return self.session.run(None, x)[0]

    def unbatch(self, output: np.ndarray) -> list[np.ndarray]:
        """Each question's own."""
        return list(output)

    def encode_response(self, output: np.ndarray) -> dict[str, Any]:
        """An answer."""
        return {"predictions": output.tolist()}


if __name__ == "__main__":
    server = litserve.LitServer(Graph(max_batch_size=16, batch_timeout=0.001), accelerator="cpu", workers_per_device=1)
    server.run(port=int(sys.argv[2]), log_level="warning", generate_client_file=False)
