"""`/openapi.json`: OpenAPI 3.1 made from the schemas of what is served, and `/docs`, a page that shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import msgspec

from ambidex._version import __version__
from ambidex.runtime.repository import Model, Served
from ambidex.server import openapi_rows as rows
from ambidex.server import openapi_tensors as tensors
from ambidex.server.foreign.model import ForeignModel
from ambidex.server.friendly import example

if TYPE_CHECKING:
    from ambidex.server.exchange import Exchange
    from ambidex.server.router import Route
    from ambidex.server.service import Service

Json = dict[str, Any]

_OWN_ERROR: Json = {"$ref": "#/components/schemas/Error"}
_PLAIN_ERROR: Json = {"$ref": "#/components/schemas/PlainError"}
_SCHEMAS: Json = {
    "Error": rows.closed(
        {"error": rows.closed({name: {"type": "string"} for name in ("code", "message", "where")})},
    ),
    "PlainError": rows.closed({"error": {"type": "string"}}),
}
_HEADERS: Json = {
    "RequestId": {"description": "The client's own id, or one made here", "schema": {"type": "string"}},
    "RetryAfter": {"description": "Seconds to wait", "schema": {"type": "integer"}},
}
_MEANINGS = {
    "400": "The request is not what the protocol asks for",
    "401": "No known key",
    "403": "Not allowed: the server was started without --allow-control",
    "404": "No such model or version",
    "408": "The request did not come in time",
    "413": "Too large",
    "417": "The header Expect asks for what is not done here",
    "422": "A value or a column breaks the schema",
    "431": "The head is too large",
    "503": "Too busy, try again later",
}
_ANYWHERE = ("400", "408", "413", "417", "431", "503")
"""What any request may end in, whatever its path."""


def document(service: Service, exchange: Exchange, names: dict[str, str]) -> None:
    """The document, for the models served right now."""
    del names
    exchange.reply(msgspec.json.encode(build(service)))


def build(service: Service) -> Json:
    """The whole OpenAPI document."""
    paths: Json = {}
    for name in service.repository.names():
        paths |= _model_paths(service, service.repository.get(name), "")
        for model in service.repository.versions(name):
            paths |= _model_paths(service, model, f"/versions/{model.version}")
    paths |= _server_paths()
    description: Json = {
        "openapi": "3.1.0",
        "info": {"title": "ambidex", "version": __version__, "description": "Predictions of the models served here."},
        "paths": paths,
        "components": {"schemas": _SCHEMAS, "headers": _HEADERS},
    }
    if service.settings.api_keys:
        schemes = {"key": {"type": "apiKey", "in": "header", "name": "X-API-Key"}}
        description["components"]["securitySchemes"] = schemes
        description["security"] = [{"key": []}]
        _allow_no_key(paths)
    return description


def _allow_no_key(paths: Json) -> None:
    """Marks what answers without a key, and says of the rest what comes without one."""
    for path, verbs in paths.items():
        for operation in verbs.values():
            if path.startswith("/v2/health/"):
                operation["security"] = []
            else:
                shape = _PLAIN_ERROR if path.startswith(("/v1", "/v2")) else _OWN_ERROR
                operation["responses"]["401"] = _response(_MEANINGS["401"], shape)


def _model_paths(service: Service, model: Served, version: str) -> Json:
    """Every operation on a model, or on one version of it."""
    if isinstance(model, ForeignModel):
        return _foreign_paths(service, model, version)
    assert isinstance(model, Model)
    name = model.name
    own, oip, tf = _addresses(name, version)
    tail = f"{name}{version.replace('/versions/', '_v')}"
    wanted = rows.request(model, max_rows=service.limits.rows)
    predict = (f"Predictions of {name}", f"predict_{tail}", rows.answer(model))
    infer = (f"Open Inference Protocol for {name}", f"infer_{tail}", tensors.answer(model))
    found = _TENSORS | {"404": _PLAIN_ERROR}
    shown = example(model)
    return {
        f"{own}/predict": _post(predict, wanted, _OWN | {"404": _OWN_ERROR}, shown=shown),
        own: _get(f"Schema and card of {name}", f"describe_{tail}", {"type": "object"}, _READ | {"404": _OWN_ERROR}),
        f"{own}/drift": _get(f"Drift of {name}", f"drift_{tail}", rows.DRIFT, _READ | {"404": _OWN_ERROR}),
        f"{oip}/infer": _post(infer, tensors.request(model), found, shown=tensors.example(model, shown)),
        oip: _get(f"Tensors of {name}", f"metadata_{tail}", tensors.MODEL_METADATA, found),
        f"{oip}/ready": _get(f"Whether {name} is ready", f"ready_{tail}", tensors.MODEL_READY, found),
        f"{oip}/config": _get(f"Configuration of {name}", f"config_{tail}", tensors.MODEL_CONFIG, found),
        f"{oip}/stats": _get(f"Counts and times of {name}", f"stats_{tail}", tensors.STATISTICS, found),
        tf: _get(f"TensorFlow Serving: status of {name}", f"status_{tail}", tensors.STATUS, found),
        f"{tf}/metadata": _get(f"Signature of {name}", f"signature_{tail}", tensors.METADATA, found),
        **{f"{tf}:{method}": _tensorflow(model, method, tail, found) for method in _methods(model)},
    }


def _addresses(name: str, version: str) -> tuple[str, str, str]:
    """A model's paths in the three protocols; its name is encoded, so that nothing in it means something else."""
    tail = f"/models/{quote(name, safe='')}{version}"
    return tail, f"/v2{tail}", f"/v1{tail}"


def _foreign_paths(service: Service, model: ForeignModel, version: str) -> Json:
    """The same for a foreign model, as far as it is known what that takes: exactly only once it is loaded."""
    from ambidex.server.foreign import schemas

    name = model.name
    own, oip, tf = _addresses(name, version)
    tail = f"{name}{version.replace('/versions/', '_v')}"
    wanted = schemas.rows_request(model, max_rows=service.limits.rows)
    predict = (f"Predictions of {name}", f"predict_{tail}", schemas.rows_answer())
    infer = (f"Open Inference Protocol for {name}", f"infer_{tail}", schemas.tensors_answer())
    columns = (f"TensorFlow Serving: predict with {name}", f"tensorflow_predict_{tail}", schemas.columns_answer())
    found = _TENSORS | {"404": _PLAIN_ERROR}
    ready = _get(f"Whether {name} is loaded; asking begins it", f"ready_{tail}", schemas.READY, found)
    ready["get"]["responses"]["503"] = _response("Not yet", {"anyOf": [schemas.READY, _PLAIN_ERROR]})
    return {
        f"{own}/predict": _post(predict, wanted, _OWN | {"404": _OWN_ERROR}, shown=schemas.rows_example(model)),
        own: _get(f"Inputs and outputs of {name}", f"describe_{tail}", {"type": "object"}, _OWN | {"404": _OWN_ERROR}),
        f"{oip}/infer": _post(infer, schemas.tensors_request(model), found),
        oip: _get(f"Tensors of {name}", f"metadata_{tail}", tensors.MODEL_METADATA, found),
        f"{oip}/ready": ready,
        f"{oip}/config": _get(f"Configuration of {name}", f"config_{tail}", tensors.MODEL_CONFIG, found),
        f"{oip}/stats": _get(f"Counts and times of {name}", f"stats_{tail}", tensors.STATISTICS, found),
        tf: _get(f"TensorFlow Serving: status of {name}", f"status_{tail}", tensors.STATUS, found),
        f"{tf}/metadata": _get(f"Signature of {name}", f"signature_{tail}", tensors.METADATA, found),
        f"{tf}:predict": _post(columns, schemas.columns_request(), found),
    }


def _methods(model: Model) -> list[str]:
    """The methods of TensorFlow Serving that fit the model's task."""
    targets = model.schema.task.targets
    if len(targets) != 1 or model.predictor.series is not None:
        return ["predict"]
    return ["predict", "classify" if targets[0].classes else "regress"]


def _tensorflow(model: Model, method: str, tail: str, errors: Json) -> Json:
    what = (f"TensorFlow Serving: {method} with {model.name}", f"tensorflow_{method}_{tail}")
    answer = (*what, rows.tensorflow_answer(model, method))
    if method == "predict":
        shown = rows.tensorflow_example(model, example(model))
        return _post(answer, rows.tensorflow_predict(model), errors, shown=shown)
    return _post(answer, rows.tensorflow_examples(model), errors, shown={"examples": example(model)["rows"]})


def _server_paths() -> Json:
    """What is asked of the server as a whole."""
    states = {"type": "object", "required": ["ready"]}
    index = ("Every file with its state", "repository_index", tensors.INDEX)
    paths = {
        "/models": _get("What is served", "models", {"type": "object", "required": ["models", "failures"]}, _READ),
        "/metrics": _get("Prometheus metrics", "metrics", {"type": "string"}, _READ, kind=_PROMETHEUS),
        "/openapi.json": _get("This document", "openapi", {"type": "object", "required": ["openapi"]}, _READ),
        "/v2": _get("Name, version, extensions", "server", tensors.SERVER_METADATA, _TENSORS),
        "/v2/health/live": _get("Alive", "live", rows.closed({"live": {"const": True}}), _TENSORS),
        "/v2/health/ready": _get("Every model is loaded and answering", "ready", states, _TENSORS),
        "/v2/models/stats": _get("Counts and times of every model", "stats", tensors.STATISTICS, _TENSORS),
        "/v2/repository/index": _post(index, tensors.INDEX_REQUEST, _TENSORS, is_required=False),
    }
    not_ready = _response("Not yet, or no longer", {"anyOf": [states, _PLAIN_ERROR]})
    paths["/v2/health/ready"]["get"]["responses"]["503"] = not_ready
    control = tensors.CONTROL_REQUEST
    errors = _TENSORS | {"403": _PLAIN_ERROR, "404": _PLAIN_ERROR}
    for verb in ("load", "unload"):
        operation = _post(
            (f"{verb.capitalize()} a model", verb, {"type": "object"}), control, errors, is_required=False
        )
        name = {"name": "model", "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        paths[f"/v2/repository/models/{{model}}/{verb}"] = {"post": operation["post"] | {"parameters": [name]}}
    return paths


_PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"
_READ: Json = dict.fromkeys(_ANYWHERE, _OWN_ERROR)
_OWN: Json = _READ | {"422": _OWN_ERROR}
_TENSORS: Json = dict.fromkeys(_ANYWHERE, _PLAIN_ERROR)
"""The shape of each error, by status."""


def _post(
    what: tuple[str, str, Json], wanted: Json, errors: Json, *, shown: Json | None = None, is_required: bool = True
) -> Json:
    """A POST of JSON: summary, identifier and answer; the body's schema; errors; perhaps an example."""
    summary, identifier, answer = what
    content: Json = {"schema": wanted} | ({"example": shown} if shown is not None else {})
    body = {"required": is_required, "content": {"application/json": content}}
    return {"post": _operation(summary, identifier) | {"requestBody": body, "responses": _responses(answer, errors)}}


def _get(summary: str, identifier: str, answer: Json, errors: Json, *, kind: str = "application/json") -> Json:
    return {"get": _operation(summary, identifier) | {"responses": _responses(answer, errors, kind=kind)}}


def _operation(summary: str, identifier: str) -> Json:
    return {"summary": summary, "operationId": identifier}


def _responses(answer: Json, errors: Json, *, kind: str = "application/json") -> Json:
    bad = {status: _response(_MEANINGS[status], shape) for status, shape in sorted(errors.items())}
    bad["503"]["headers"] |= {"Retry-After": {"$ref": "#/components/headers/RetryAfter"}}
    return {"200": _response("The answer", answer, kind=kind), **bad}


def _response(text: str, schema: Json, *, kind: str = "application/json") -> Json:
    headers = {"X-Request-Id": {"$ref": "#/components/headers/RequestId"}}
    return {"description": text, "headers": headers, "content": {kind: {"schema": schema}}}


def docs(service: Service, exchange: Exchange, names: dict[str, str]) -> None:
    """A page that lists every operation with its schema and an example to copy."""
    del service, names
    from ambidex.server.page import reply_page

    reply_page(exchange, "docs.html")


ROUTES: tuple[Route, ...] = (
    ("GET", "/openapi.json", document),
    ("GET", "/docs", docs),
)
