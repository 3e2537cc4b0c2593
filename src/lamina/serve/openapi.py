"""The service as OpenAPI says it: for tools that make clients or tests, from the schemas of the models."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from lamina import __version__
from lamina.serve.models import Loaded
from lamina.serve.settings import ServeSettings

__all__ = ["document"]

_ERROR = {
    "description": "What was wrong, what came, what is allowed, what to do.",
    "content": {
        "application/json": {
            "schema": {"type": "object", "properties": {"error": {"type": "string"}}, "required": ["error"]}
        }
    },
}
_REFUSALS = ("400", "401", "403", "404", "405", "413", "415", "421", "429", "503")
_TENSOR: dict[str, Any] = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "shape": {"type": "array", "items": {"type": "integer"}},
        "datatype": {"type": "string"},
        "data": {"type": "array", "items": {}},
        "parameters": {"type": "object"},
    },
    "required": ["name", "shape", "datatype"],
}


def document(models: Iterable[Loaded], settings: ServeSettings) -> dict[str, Any]:
    """An OpenAPI 3.1 document.

    Args:
        models: all that is served.
        settings: of the service.

    Example:
        >>> document([], ServeSettings())["openapi"]
        '3.1.0'
    """
    paths: dict[str, Any] = {
        "/v1/models": {"get": _said("All that is served.", {"type": "object"})},
        "/v2": {"get": _said("What this is.", {"type": "object"})},
        "/v2/health/live": {"get": _said("Whether the service is alive.", {"type": "object"})},
        "/v2/health/ready": {"get": _said("Whether the service wants questions.", {"type": "object"})},
    }
    for model in models:
        paths |= _paths(model)
    made: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {"title": "Lamina", "version": __version__},
        "paths": paths,
    }
    if settings.token is not None:
        made["components"] = {"securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}}
        made["security"] = [{"token": []}]
    return made


def _paths(model: Loaded) -> dict[str, Any]:
    row, answer = _plain(model.schema["input"]), _plain(model.schema["output"])
    rows = {"type": "array", "items": row, "minItems": 1, "maxItems": model.settings.rows}
    asked = _object(instances=rows)
    answered = _object(predictions={"type": "array", "items": answer})
    tensors = {"type": "array", "items": _TENSOR}
    plain, v2 = f"/v1/models/{model.name}/versions/{model.version}", f"/v2/models/{model.name}/versions/{model.version}"
    anything = {"type": "object"}
    return {
        f"{plain}:predict": {"post": _said("Answers to rows.", answered, asked)},
        plain: {"get": _said("Whether it can be asked.", anything)},
        f"{plain}/metadata": {"get": _said("Its schema, examples and scores.", anything)},
        v2: {"get": _said("Its inputs and outputs.", anything)},
        f"{v2}/ready": {"get": _said("Whether it can be asked.", anything)},
        f"{v2}/infer": {"post": _said("Answers to tensors.", _object(outputs=tensors), _object(inputs=tensors))},
    }


def _object(**parts: Any) -> dict[str, Any]:
    return {"type": "object", "properties": parts, "required": list(parts)}


def _plain(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A schema within another one does not say again which kind of schema it is."""
    return {name: value for name, value in schema.items() if name not in ("$schema", "$id")}


def _said(what: str, answer: Mapping[str, Any], body: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """One way to ask an address."""
    fine = {"description": "The answer.", "content": {"application/json": {"schema": answer}}}
    made: dict[str, Any] = {"summary": what, "responses": {"200": fine, **dict.fromkeys(_REFUSALS, _ERROR)}}
    if body is not None:
        made["requestBody"] = {"required": True, "content": {"application/json": {"schema": body}}}
    return made
