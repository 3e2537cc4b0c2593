"""MLflow's form: one address, ``/invocations``, for the first model of the service.

{"dataframe_split": {"columns": ["age"], "data": [[39]]}}
{"dataframe_records": [{"age": 39}]}    {"instances": [{"age": 39}]}    {"inputs": {"age": [39]}}
text/csv, with a line of names                                      ->  {"predictions": [{...}]}
"""

from __future__ import annotations

import csv
import io
from typing import Any

from lamina import __version__
from lamina.errors import nearest
from lamina.serve.models import Loaded, Models
from lamina.serve.refusal import Refusal
from lamina.serve.request import Request, Response

__all__ = ["ROUTES", "invoke", "ping", "version"]

FORMS = ("dataframe_split", "dataframe_records", "instances", "inputs")


async def invoke(models: Models, request: Request) -> Response:
    """Answer rows in one of MLflow's forms."""
    model = models.first()
    request.model = model.name
    if request.content_type == "text/csv":
        rows = _of_csv(model, await request.body())
    else:
        rows = _of_json(model, await request.json())
    return Response({"predictions": await model.batcher.ask(rows, request.size)})


def _of_json(model: Loaded, body: dict[str, Any]) -> list[dict[str, Any]]:
    forms = [name for name in body if name != "params"]
    if len(forms) != 1 or forms[0] not in FORMS:
        raise Refusal(400, "the body must have one form of rows", got=", ".join(forms[:5])[:100] or "none",
                      allowed=", ".join(FORMS), do=nearest(forms[0][:60], FORMS) if forms else None)  # fmt: skip
    given, most = body[forms[0]], model.settings.rows
    if forms[0] == "dataframe_split":
        return model.cells.rows(_of_split(given), most)
    if forms[0] == "inputs" and isinstance(given, dict):
        return model.cells.columns(given, most)
    return model.cells.rows(given, most)


def _of_split(given: Any) -> list[dict[str, Any]]:
    names = given.get("columns") if isinstance(given, dict) else None
    data = given.get("data") if isinstance(given, dict) else None
    if not isinstance(names, list) or not isinstance(data, list) or not all(isinstance(name, str) for name in names):
        raise Refusal(400, "dataframe_split is not understood", allowed='{"columns": ["a"], "data": [[1]]}')
    if len(set(names)) != len(names):
        raise Refusal(400, "a column stands twice in dataframe_split", got=max(names, key=names.count)[:60])
    for place, row in enumerate(data):
        if not isinstance(row, list) or len(row) != len(names):
            got = f"{len(row)} cells" if isinstance(row, list) else type(row).__name__
            raise Refusal(400, f"row {place} of dataframe_split must be a list of {len(names)} cells", got=got)
    return [dict(zip(names, row, strict=True)) for row in data]


def _of_csv(model: Loaded, body: bytes) -> list[dict[str, Any]]:
    try:
        lines = list(csv.reader(io.StringIO(body.decode("utf-8-sig"), newline=""), strict=True))
    except (csv.Error, UnicodeError) as error:
        raise Refusal(400, "the body is not valid CSV in UTF-8", got=str(error)) from None
    names, *data = [line for line in lines if line] or [[]]
    cells = [[cell or None for cell in line] for line in data]
    return model.cells.rows(_of_split({"columns": names, "data": cells}), model.settings.rows)


async def ping(models: Models, request: Request) -> Response:
    """Whether the service is alive."""
    return Response(b"\n")


async def version(models: Models, request: Request) -> Response:
    """The version of Lamina."""
    return Response(__version__.encode(), kind="text/plain; charset=utf-8")


ROUTES = {
    "POST /invocations": invoke,
    "GET /ping": ping,
    "GET /health": ping,
    "GET /version": version,
}
