"""`/openapi.json`: OpenAPI 3.1 made from the schemas of what is served, and `/docs`, a page that shows it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from ambidex._version import __version__
from ambidex.runtime.repository import Model
from ambidex.schema import Column
from ambidex.server.friendly import example

if TYPE_CHECKING:
    from ambidex.server.exchange import Exchange
    from ambidex.server.router import Route
    from ambidex.server.service import Service

Json = dict[str, Any]

_KINDS: dict[str, Json] = {
    "number": {"type": ["number", "null"]},
    "text": {"type": ["string", "null"]},
    "flag": {"oneOf": [{"type": ["boolean", "null"]}, {"enum": [0, 1]}]},
    "time": {
        "type": ["string", "integer", "null"],
        "description": "ISO 8601, or microseconds since 1970",
    },
}
_ERROR: Json = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message", "where"],
            "properties": {name: {"type": "string"} for name in ("code", "message", "where")},
        }
    },
}
_PLAIN_ERROR: Json = {"type": "object", "required": ["error"], "properties": {"error": {"type": "string"}}}
_MEANINGS = {
    "400": "The request is not what the protocol asks for",
    "401": "No known key",
    "404": "No such model or version",
    "408": "The request did not come in time",
    "413": "Too large",
    "422": "A value or a column breaks the schema",
    "503": "Too busy, try again later",
}


def document(service: Service, exchange: Exchange, names: dict[str, str]) -> None:
    """The document, for the models served right now."""
    del names
    exchange.reply(msgspec.json.encode(build(service)))


def build(service: Service) -> Json:
    """The whole OpenAPI document."""
    paths: Json = {}
    for name in service.repository.names():
        model = service.repository.get(name)
        paths[f"/models/{name}/predict"] = {"post": _predict(model)}
        paths[f"/models/{name}"] = {"get": _get(f"Schema and card of {name}", "describe_" + name)}
        paths[f"/v2/models/{name}"] = {"get": _get(f"Tensors of {name}", "metadata_" + name, _PLAIN_ERROR)}
        paths[f"/v2/models/{name}/infer"] = {"post": _infer(model)}
    paths["/models"] = {"get": _get("What is served", "models")}
    paths["/v2/health/live"] = {"get": _get("Alive", "live", _PLAIN_ERROR)}
    paths["/v2/health/ready"] = {"get": _get("Every model is loaded and answering", "ready", _PLAIN_ERROR)}
    paths["/metrics"] = {"get": _get("Prometheus metrics", "metrics", kind="text/plain")}
    description: Json = {
        "openapi": "3.1.0",
        "info": {"title": "ambidex", "version": __version__, "description": "Predictions of the models served here."},
        "paths": paths,
        "components": {"schemas": {"Error": _ERROR}},
    }
    if service.settings.api_keys:
        schemes = {"key": {"type": "apiKey", "in": "header", "name": "X-API-Key"}}
        description["components"]["securitySchemes"] = schemes
        description["security"] = [{"key": []}]
    return description


def _predict(model: Model) -> Json:
    predictor = model.predictor
    task = model.schema.task
    if predictor.series is None:
        wanted = _wrapped("rows", _record(predictor.columns))
        row: Json = {target.name: _value_of(bool(target.classes)) for target in task.targets}
        answer = _wrapped("predictions", {"type": "object", "required": list(row), "properties": row}, is_open=True)
    else:
        packer = predictor.series
        keys: Json = {name: {} for name in packer.keys}
        least = {"minItems": max(task.min_history, 1)}
        parts: Json = {"history": {"type": "array", "items": _record(packer.history, extra=keys), **least}}
        if packer.future:
            size = {"minItems": task.horizon, "maxItems": task.horizon}
            time = {packer.time.name: _KINDS["time"]} if packer.time else {}
            parts["future"] = {"type": "array", "items": _record(packer.future, extra=keys | time), **size}
        if packer.static:
            parts["static"] = _record(packer.static)
        one = {"type": "object", "required": list(parts), "properties": parts, "additionalProperties": False}
        wanted = _wrapped("series", one)
        answer = _wrapped("forecasts", {"type": "object"}, is_open=True)
    summary = f"Predictions of {model.name}"
    return _post(summary, f"predict_{model.name}", (wanted, example(model)), answer)


def _value_of(is_class: bool) -> Json:
    return {"type": ["string", "integer"] if is_class else ["number", "null"]}


def _record(columns: Sequence[Column], *, extra: Json | None = None) -> Json:
    """An object with all these columns, and perhaps the extra ones."""
    properties = {column.name: _column(column) for column in columns}
    return {
        "type": "object",
        "required": list(properties),
        "properties": properties | (extra or {}),
        "additionalProperties": False,
    }


def _column(column: Column) -> Json:
    described = dict(_KINDS[column.kind])
    if column.example is not None:
        described["examples"] = [column.example]
    if column.levels:
        described["description"] = "Seen in training: " + ", ".join(column.levels[:20])
    return described


def _wrapped(name: str, item: Json, *, is_open: bool = False) -> Json:
    wrapped: Json = {"type": "object", "required": [name], "properties": {name: {"type": "array", "items": item}}}
    return wrapped if is_open else wrapped | {"additionalProperties": False}


def _infer(model: Model) -> Json:
    tensor: Json = {
        "type": "object",
        "required": ["name", "shape", "datatype"],
        "properties": {
            "name": {"type": "string"},
            "shape": {"type": "array", "items": {"type": "integer"}},
            "datatype": {"type": "string"},
            "data": {"type": "array"},
            "parameters": {"type": ["object", "null"]},
        },
    }
    wanted = {
        "type": "object",
        "required": ["inputs"],
        "properties": {"inputs": {"type": "array", "items": tensor}, "id": {"type": ["string", "null"]}},
    }
    answer = {"type": "object", "required": ["model_name", "outputs"]}
    summary = f"Open Inference Protocol for {model.name}"
    return _post(summary, f"infer_{model.name}", (wanted, None), answer, error=_PLAIN_ERROR)


def _post(summary: str, name: str, body: tuple[Json, Json | None], answer: Json, *, error: Json | None = None) -> Json:
    wanted, shown = body
    content: Json = {"schema": wanted} | ({"example": shown} if shown is not None else {})
    return {
        "summary": summary,
        "operationId": name,
        "requestBody": {"required": True, "content": {"application/json": content}},
        "responses": _responses(answer, error),
    }


def _get(summary: str, name: str, error: Json | None = None, *, kind: str = "application/json") -> Json:
    schema: Json = {"type": "object"} if kind == "application/json" else {"type": "string"}
    return {"summary": summary, "operationId": name, "responses": _responses(schema, error, kind=kind)}


def _responses(answer: Json, error: Json | None, *, kind: str = "application/json") -> Json:
    shape = error or {"$ref": "#/components/schemas/Error"}
    bad = {
        status: {"description": text, "content": {"application/json": {"schema": shape}}}
        for status, text in _MEANINGS.items()
    }
    return {"200": {"description": "The answer", "content": {kind: {"schema": answer}}}, **bad}


def docs(service: Service, exchange: Exchange, names: dict[str, str]) -> None:
    """A page that lists every operation with its schema and an example to copy."""
    del service, names
    from ambidex.server.page import reply_page

    reply_page(exchange, "docs.html")


ROUTES: tuple[Route, ...] = (
    ("GET", "/openapi.json", document),
    ("GET", "/docs", docs),
)
