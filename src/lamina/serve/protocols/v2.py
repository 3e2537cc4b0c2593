"""The Open Inference Protocol, version 2, over REST; tritonclient and KServe speak it.

Each column of the model is an input of shape [rows], each column of its answers an output. Numbers that are missing are
null or NaN, texts that are missing are empty. Raw bytes may follow the JSON, as in Triton's extension for binary
tensors.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lamina import __version__
from lamina.errors import nearest
from lamina.serve.cells import as_columns
from lamina.serve.models import Loaded, Models
from lamina.serve.protocols import tensors
from lamina.serve.refusal import Refusal
from lamina.serve.request import Request, Response, as_json
from lamina.serve.strict import dumps

__all__ = ["ROUTES", "config", "index", "infer", "live", "metadata", "model_ready", "server"]

HEADER = "inference-header-content-length"
RAW = "application/octet-stream"


async def server(models: Models, request: Request) -> Response:
    """What this is."""
    return Response({"name": "lamina", "version": __version__, "extensions": ["binary_tensor_data"]})


async def live(models: Models, request: Request) -> Response:
    """Whether the service is alive."""
    return Response({"live": True})


async def model_ready(models: Models, request: Request) -> Response:
    """Whether a model can be asked: it can, or there is none."""
    model = _found(models, request)
    return Response({"name": model.name, "ready": True})


async def metadata(models: Models, request: Request) -> Response:
    """The inputs and outputs of a model."""
    model = _found(models, request)
    versions = [str(one) for one in models.versions(model.name)]
    columns = {"inputs": model.columns, "outputs": model.answers}
    said = {
        part: [{"name": name, "datatype": tensors.datatype(one), "shape": [-1]} for name, one in each.items()]
        for part, each in columns.items()
    }
    return Response({"name": model.name, "versions": versions, "platform": "lamina", **said})


async def config(models: Models, request: Request) -> Response:
    """The same as Triton's clients ask for it."""
    model = _found(models, request)

    def said(columns: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
        kinds = {name: tensors.datatype(one).replace("BYTES", "STRING") for name, one in columns.items()}
        return [{"name": name, "data_type": f"TYPE_{kind}", "dims": [-1]} for name, kind in kinds.items()]

    columns = {"input": said(model.columns), "output": said(model.answers)}
    return Response({"name": model.name, "platform": "lamina", "max_batch_size": 0, **columns})


async def index(models: Models, request: Request) -> Response:
    """All that is served, as Triton's clients ask for it."""
    await request.body()
    return Response([{"name": one.name, "version": str(one.version), "state": "READY", "reason": ""} for one in models])


async def infer(models: Models, request: Request) -> Response:
    """Answer rows that come as tensors."""
    model = _found(models, request)
    request.model = model.name
    body, raw = await _parts(request)
    rows = model.cells.columns(_columns(model, body, raw), model.settings.rows)
    wanted = _wanted(model, body)
    columns = as_columns(await model.batcher.ask(rows, request.size))
    said = {"model_name": model.name, "model_version": str(model.version)}
    if "id" in body:
        said["id"] = str(body["id"])
    outputs, packed = [], []
    for name, is_raw in wanted.items():
        kind = tensors.datatype(model.answers[name])
        output: dict[str, Any] = {"name": name, "shape": [len(rows)], "datatype": kind}
        if is_raw:
            packed.append(tensors.pack(columns[name], kind))
            output["parameters"] = {"binary_data_size": len(packed[-1])}
        else:
            output["data"] = tensors.values(columns[name], kind)
        outputs.append(output)
    head = dumps({**said, "outputs": outputs})
    if not packed:
        return Response(head)
    return Response(head + b"".join(packed), kind=RAW, headers={HEADER: str(len(head))})


def _found(models: Models, request: Request) -> Loaded:
    return models.find(str(request.given["name"]), request.given["version"])


async def _parts(request: Request) -> tuple[dict[str, Any], memoryview]:
    """The JSON of a request, and the raw bytes that follow it."""
    length = request.header(HEADER)
    if not length:
        return await request.json(), memoryview(b"")
    body = await request.body()
    if not length.isdecimal() or len(length) > 18 or int(length) > len(body):
        raise Refusal(400, f"{HEADER} is wrong", got=length[:60], allowed=f"up to {len(body)}, the bytes of the body")
    return as_json(body[: int(length)]), memoryview(body)[int(length) :]


def _columns(model: Loaded, body: Mapping[str, Any], raw: memoryview) -> dict[str, list[Any]]:
    inputs = body.get("inputs")
    if not isinstance(inputs, list) or not all(isinstance(one, dict) for one in inputs):
        raise Refusal(400, "inputs must be a list of tensors", got=type(inputs).__name__,
                      do='send {"inputs": [{"name", "shape", "datatype", "data"}]}')  # fmt: skip
    columns: dict[str, list[Any]] = {}
    for tensor in inputs:
        name = tensor.get("name")
        if name not in model.cells.names or name in columns:
            twice = isinstance(name, str) and name in columns
            raise Refusal(400, "an input stands twice" if twice else "there is no such input", got=repr(name)[:60],
                          do=None if twice else nearest(str(name)[:60], model.cells.names))  # fmt: skip
        if not isinstance(tensor.get("parameters", {}), dict):
            raise Refusal(400, f"the parameters of input {name!r} must be an object")
        columns[name], used = tensors.read(tensor, raw, name in model.cells.files)
        raw = raw[used:]
    if len(raw):
        raise Refusal(400, "more bytes follow than the inputs say", got=f"{len(raw)} more")
    return columns


def _wanted(model: Loaded, body: Mapping[str, Any]) -> dict[str, bool]:
    """The outputs that are asked for, and whether each as raw bytes."""
    parameters = body.get("parameters", {})
    usual = isinstance(parameters, dict) and parameters.get("binary_data_output") is True
    outputs: Sequence[Any] | None = body.get("outputs")
    if outputs is None or outputs == []:
        return dict.fromkeys(model.answers, usual)
    if not isinstance(outputs, list) or not all(isinstance(one, dict) for one in outputs):
        raise Refusal(400, "outputs must be a list of objects", got=type(outputs).__name__)
    wanted: dict[str, bool] = {}
    for one in outputs:
        name, said = one.get("name"), one.get("parameters", {})
        if name not in list(model.answers):
            raise Refusal(400, "there is no such output", got=repr(name)[:60], allowed=", ".join(model.answers),
                          do=nearest(str(name)[:60], model.answers))  # fmt: skip
        if not isinstance(said, dict):
            raise Refusal(400, f"the parameters of output {name!r} must be an object")
        wanted[name] = bool(said.get("binary_data", usual))
    return wanted


ROUTES = {
    "GET /v2": server,
    "GET /v2/health/live": live,
    "GET /v2/models/NAME[/versions/VERSION]": metadata,
    "GET /v2/models/NAME[/versions/VERSION]/ready": model_ready,
    "GET /v2/models/NAME[/versions/VERSION]/config": config,
    "POST /v2/models/NAME[/versions/VERSION]/infer": infer,
    "POST /v2/repository/index": index,
}
