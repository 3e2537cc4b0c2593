"""The plain form, which is TensorFlow Serving's too: rows as JSON, or columns.

POST /v1/models/NAME:predict    {"instances": [{"age": 39}]}    ->  {"predictions": [{"income": "<=50K", ...}]}
                                {"inputs": {"age": [39]}}       ->  {"outputs": {"income": ["<=50K"], ...}}
GET  /v1/models                 all that is served
GET  /v1/models/NAME            its versions, and their state
GET  /v1/models/NAME/metadata   its schema, examples and scores
"""

from __future__ import annotations

from typing import Any

from lamina.errors import nearest
from lamina.serve.cells import as_columns
from lamina.serve.models import Models
from lamina.serve.refusal import Refusal
from lamina.serve.request import Request, Response

__all__ = ["ROUTES", "metadata", "models", "predict", "status"]

KNOWN = ("instances", "inputs", "signature_name", "parameters")


async def predict(models: Models, request: Request) -> Response:
    """Answer rows or columns."""
    model = models.find(str(request.given["name"]), request.given["version"])
    request.model = model.name
    body = await request.json()
    if len(body) != ("instances" in body) + ("inputs" in body) or len(body) != 1:
        _check(body)
    most = model.settings.rows
    if "instances" in body:
        rows = model.cells.rows(body["instances"], most)
        return Response({"predictions": await model.batcher.ask(rows, request.size)})
    given = body["inputs"]
    # A list is the only column, as in TensorFlow Serving.
    rows = model.cells.columns(given, most) if isinstance(given, dict) else model.cells.rows(given, most)
    return Response({"outputs": as_columns(await model.batcher.ask(rows, request.size))})


def _check(body: dict[str, Any]) -> None:
    unknown = [name for name in body if name not in KNOWN]
    if unknown or ("instances" in body) == ("inputs" in body):
        raise Refusal(
            400, "the body names no rows" if not unknown else "the body has an unknown part",
            got=", ".join(str(name)[:60] for name in list(body)[:5]) or "nothing",
            allowed='{"instances": [{...}]}, or {"inputs": {"column": [...]}}',
            do=nearest(unknown[0][:60], KNOWN) if unknown else None,
        )  # fmt: skip
    name = body.get("signature_name", "serving_default")
    if name != "serving_default":
        raise Refusal(400, "there is one way to ask a model", got=str(name)[:60], allowed="serving_default")


async def models(models: Models, request: Request) -> Response:
    """All that is served."""
    return Response({"models": [{"name": one.name, "version": str(one.version)} for one in models]})


async def status(models: Models, request: Request) -> Response:
    """The versions of a model; each that there is can be asked."""
    name, version = str(request.given["name"]), request.given["version"]
    found = [models.find(name, version)] if version else list(models.versions(name).values())
    fine = {"error_code": "OK", "error_message": ""}
    states = [{"version": str(one.version), "state": "AVAILABLE", "status": fine} for one in found]
    return Response({"model_version_status": states})


async def metadata(models: Models, request: Request) -> Response:
    """The schema of a model, a few rows to try it on, and its scores."""
    model = models.find(str(request.given["name"]), request.given["version"])
    spec = {"name": model.name, "version": str(model.version)}
    return Response({"model_spec": spec, "metadata": model.describe()})


ROUTES = {
    "POST /v1/models/NAME[/versions/VERSION]:predict": predict,
    "GET /v1/models": models,
    "GET /v1/models/NAME[/versions/VERSION]": status,
    "GET /v1/models/NAME[/versions/VERSION]/metadata": metadata,
}
