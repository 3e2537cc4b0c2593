"""FastAPI with onnxruntime, as its own pages show it: a graph, a bundle of Lamina's, or nothing behind it.

python fastapi_server.py GRAPH_OR_BUNDLE PORT
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import onnxruntime
import uvicorn
from fastapi import FastAPI

DTYPES = {"number": np.float32, "flag": np.float32, "category": np.int64}

app = FastAPI()


def graph(path: str) -> None:
    """Arrays in, the graph's numbers out."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    names = [one.name for one in session.get_inputs()]

    @app.post("/graph")
    async def predict(body: dict[str, list[float]]) -> dict[str, Any]:
        (outputs,) = session.run(None, {name: np.array([body[name]], DTYPES[name]) for name in names})
        return {"predictions": outputs.tolist()}


def bundle(path: str) -> None:
    """Rows in, the bundle's answers out."""
    from lamina import runtime

    opened = runtime.load(path)

    @app.post("/bundle")
    async def predict(body: dict[str, Any]) -> dict[str, Any]:
        return {"predictions": opened.predict(body["instances"])}


@app.post("/nothing")
async def nothing(body: dict[str, Any]) -> dict[str, Any]:
    """The same, whatever comes."""
    return {"predictions": [{"income": "<=50K"}]}


if __name__ == "__main__":
    (graph if sys.argv[1].endswith(".onnx") else bundle)(sys.argv[1])
    uvicorn.run(app, port=int(sys.argv[2]), log_level="warning", access_log=False, http="httptools", loop="uvloop")
