"""TensorFlow Serving's REST API: predict by rows or columns, classify, regress, status, metadata."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from ambidex.errors import expected, one_of
from ambidex.runtime.answers import values
from ambidex.runtime.repository import Model, Served
from ambidex.runtime.rows import read_json, refusal, shown
from ambidex.schema import Column, Target, Tensor
from ambidex.server.json_codec import objects, plain_document
from ambidex.server.oip import error_shape, ports_of
from ambidex.server.oip_describe import signature
from ambidex.server.plane import LARGE_BODY
from ambidex.server.tensors import Wire

if TYPE_CHECKING:
    from ambidex.server.exchange import Exchange
    from ambidex.server.router import Route
    from ambidex.server.service import Service

encode = msgspec.json.Encoder().encode

Feeds = tuple[dict[str, Tensor], int]
Shape = Callable[[Model, dict[str, Tensor], int, int], Any]
"""Model, outputs, first row, rows: the answer's document."""

DTYPES = {
    "BOOL": "DT_BOOL",
    "BYTES": "DT_STRING",
    "FP32": "DT_FLOAT",
    "FP64": "DT_DOUBLE",
    **{f"{sign}INT{bits}": f"DT_{sign}INT{bits}" for sign in ("", "U") for bits in (8, 16, 32, 64)},
}
_MAX_DEPTH = 3
_DEFAULT_SIGNATURES = ("", "serving_default")


def predict(service: Service, exchange: Exchange, names: dict[str, str]) -> None:
    """`{"instances": […]}` answers `{"predictions": […]}`, `{"inputs": {…}}` answers `{"outputs": {…}}`."""
    model = service.model(names)

    def decode(document: dict[str, Any]) -> tuple[Feeds, Shape]:
        check_members(document, {"signature_name", "instances", "inputs"})
        if ("instances" in document) == ("inputs" in document):
            raise refusal("wrong_type", expected("one of instances and inputs", got="both or none"), "body")
        if "instances" in document:
            return _feeds(model, _columns_of_rows(model, document["instances"])), by_rows
        return _feeds(model, _columns(model, document["inputs"])), by_columns

    _answer(service, exchange, model, decode)


def classify(service: Service, exchange: Exchange, names: dict[str, str]) -> None:
    """`{"examples": [{…}]}` answers `{"results": [[["label", score], …]]}`."""
    model = service.model(names)
    _answer(service, exchange, model, partial(_decode_examples, model, is_classes=True))


def regress(service: Service, exchange: Exchange, names: dict[str, str]) -> None:
    """`{"examples": [{…}]}` answers `{"results": [value, …]}`."""
    model = service.model(names)
    _answer(service, exchange, model, partial(_decode_examples, model, is_classes=False))


def _answer(
    service: Service, exchange: Exchange, model: Model, decode: Callable[[dict[str, Any]], tuple[Feeds, Shape]]
) -> None:
    """Decodes, runs, answers; a large body in a thread."""
    exchange.model = model.name

    def fail(error: Exception) -> None:
        service.engine.fail(exchange, error)

    def read() -> tuple[Feeds, Shape]:
        document = plain_document(exchange.body)
        if not isinstance(document, dict):
            raise refusal("wrong_type", expected("an object", got=shown(document), where="body"), "body")
        decoded = decode(document)
        service.check_rows(decoded[0][0])
        return decoded

    def work() -> tuple[bytes, int]:
        (feeds, rows), shape = read()
        outputs = model.predictor.predict_packed(feeds)
        service.record(exchange, model, feeds, (outputs, 0, range(rows)))
        return encode(shape(model, outputs, 0, rows)), rows

    def finish_aside(result: tuple[bytes, int]) -> None:
        service.metrics.rows.add((model.name,), result[1])
        exchange.reply(result[0])

    if len(exchange.body) > LARGE_BODY:
        service.plane.aside(work, finish_aside, fail)
        return
    (feeds, rows), shape = read()

    def finish(outputs: dict[str, Tensor], start: int) -> None:
        service.record(exchange, model, feeds, (outputs, start, range(rows)))
        exchange.reply(encode(shape(model, outputs, start, rows)))

    service.plane.run(model, feeds, rows, finish, fail)


def check_members(document: Mapping[str, Any], known: set[str]) -> None:
    for name in document:
        if name not in known:
            raise refusal("unknown_member", expected(one_of(known, name), got=shown(name), where="body"), "body")
    wish = document.get("signature_name", "")
    if wish not in _DEFAULT_SIGNATURES:
        raise refusal("unknown_signature", expected("signature 'serving_default'", got=shown(wish)), "signature_name")


def _decode_examples(model: Model, document: dict[str, Any], *, is_classes: bool) -> tuple[Feeds, Shape]:
    check_members(document, {"signature_name", "examples", "context"})
    targets = model.schema.task.targets
    if len(targets) != 1 or bool(targets[0].classes) is not is_classes or model.predictor.series is not None:
        what = "a model that answers one class" if is_classes else "a model that answers one number"
        raise refusal("wrong_method", expected(what, got=f"{model.name!r}, use :predict"), "")
    if "examples" not in document:
        raise refusal("missing_member", expected("the member 'examples'", got="none", where="body"), "body")
    context = document.get("context", {})
    if not isinstance(context, Mapping):
        raise refusal("wrong_type", expected("an object", got=shown(context), where="context"), "context")
    examples = [{**context, **example} for example in objects(document["examples"], "examples")]
    return _feeds(model, _columns_of_rows(model, examples, "examples")), results_of_classes if is_classes else results


def _columns_of_rows(model: Model, instances: object, where: str = "instances") -> dict[str, list[Any]]:
    """The values of each input over the instances; a bare value is the only input's."""
    if not isinstance(instances, list) or not instances:
        got = "an empty list" if instances == [] else shown(instances)
        raise refusal("wrong_type", expected(f"a list of {where}", got=got, where=where), where)
    names = list(ports_of(model).columns)
    if len(names) == 1 and not any(isinstance(instance, Mapping) for instance in instances):
        return {names[0]: instances}
    rows = objects(instances, where)
    first = rows[0].keys()
    for position, row in enumerate(rows):
        if row.keys() != first:
            place = f"{where}[{position}]"
            raise refusal("wrong_type", expected("the inputs of the first", got="others", where=place), place)
    return {name: [row[name] for row in rows] for name in first}


def _columns(model: Model, inputs: object) -> dict[str, list[Any]]:
    names = list(ports_of(model).columns)
    if len(names) == 1 and isinstance(inputs, list):
        return {names[0]: inputs}
    if not isinstance(inputs, Mapping):
        raise refusal("wrong_type", expected("an object of inputs", got=shown(inputs), where="inputs"), "inputs")
    for name, part in inputs.items():
        if not isinstance(part, list):
            raise refusal("wrong_type", expected("a list", got=shown(part), where=shown(name)), "inputs")
    return dict(inputs)


def _feeds(model: Model, columns: Mapping[str, list[Any]]) -> Feeds:
    wires = []
    for name, nested in columns.items():
        shape, flat = _flatten(name, nested)
        wires.append(Wire(name=name, datatype="", shape=shape, data=flat))
    return ports_of(model).feeds(wires, convert=_typed)


def _flatten(name: str, nested: list[Any]) -> tuple[tuple[int, ...], list[Any]]:
    """Shape and values of nested lists, which must be as long as each other at every depth."""
    shape = [len(nested)]
    flat = nested
    while flat and isinstance(flat[0], list):
        lengths = {len(part) if isinstance(part, list) else -1 for part in flat}
        if len(lengths) > 1 or len(shape) >= _MAX_DEPTH:
            raise refusal("wrong_shape", expected("lists of equal length", got="others", where=shown(name)), name)
        shape.append(lengths.pop())
        flat = [value for part in flat for value in part]
    return tuple(shape), flat


def _typed(column: Column, wire: Wire) -> Any:
    where = f"input {wire.name!r}"
    assert isinstance(wire.data, list)
    typed = [read_json(column, _plain(value, where), where) for value in wire.data]
    if column.kind == "text":
        return typed
    return array("q" if column.kind == "time" else "d", typed)


def _plain(value: object, where: str) -> object:
    """Texts may come as `{"b64": …}`."""
    if not isinstance(value, dict) or list(value) != ["b64"]:
        return value
    from base64 import b64decode

    try:
        return b64decode(value["b64"], validate=True).decode()
    except (ValueError, TypeError):
        raise refusal("wrong_type", expected("base64 of UTF-8 text", got="others", where=where), where) from None


def by_columns(model: Model, outputs: dict[str, Tensor], start: int, rows: int) -> dict[str, Any]:
    """Each output as nested lists; a single output goes without its name."""
    columns = {name: _nested(outputs[name], start, rows) for name in model.predictor.outputs}
    return {"outputs": columns if len(columns) > 1 else next(iter(columns.values()))}


def by_rows(model: Model, outputs: dict[str, Tensor], start: int, rows: int) -> dict[str, Any]:
    """One object of outputs per instance; a single output goes without its name."""
    columns = {name: _nested(outputs[name], start, rows) for name in model.predictor.outputs}
    if len(columns) == 1:
        return {"predictions": next(iter(columns.values()))}
    answers = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    return {"predictions": answers}


def results(model: Model, outputs: dict[str, Tensor], start: int, rows: int) -> dict[str, Any]:
    """The numbers of a regression."""
    return {"results": _nested(outputs[model.schema.task.targets[0].name], start, rows)}


def results_of_classes(model: Model, outputs: dict[str, Tensor], start: int, rows: int) -> dict[str, Any]:
    """Pairs of label and score, in the order of the classes."""
    target: Target = model.schema.task.targets[0]
    scores = _nested(outputs[f"{target.name}_probabilities"], start, rows)
    labels = [str(label) for label in target.classes]
    return {"results": [[[label, score] for label, score in zip(labels, row, strict=True)] for row in scores]}


def _nested(tensor: Tensor, start: int, rows: int) -> list[Any]:
    """Rows of a tensor as lists within lists."""
    width = 1
    for size in tensor.shape[1:]:
        width *= size
    nested: list[Any] = list(values(tensor, start * width, (start + rows) * width))
    for size in reversed(tensor.shape[1:]):
        nested = [nested[at : at + size] for at in range(0, len(nested), size)]
    return nested


def status(service: Service, exchange: Exchange, names: dict[str, str]) -> None:
    """Versions and their state."""
    model = service.model(names)
    versions: Sequence[Served] = [model] if "version" in names else service.repository.versions(model.name)
    good = {"error_code": "OK", "error_message": ""}
    states = [{"version": str(one.version), "state": "AVAILABLE", "status": good} for one in reversed(versions)]
    exchange.reply(encode({"model_version_status": states}))


def metadata(service: Service, exchange: Exchange, names: dict[str, str]) -> None:
    """The signature, as `saved_model_cli` would show it."""
    model = service.model(names)
    exchange.reply(encode(metadata_of(model.name, model.version, signature(model))))


def metadata_of(name: str, version: int, ports: Mapping[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """The document for a model with these `inputs` and `outputs`, each a name, a datatype and a shape."""
    parts = {kind: {port["name"]: _tensor_info(port) for port in listed} for kind, listed in ports.items()}
    default = {**parts, "method_name": "tensorflow/serving/predict"}
    return {
        "model_spec": {"name": name, "signature_name": "", "version": str(version)},
        "metadata": {"signature_def": {"signature_def": {"serving_default": default}}},
    }


def _tensor_info(port: dict[str, Any]) -> dict[str, Any]:
    dims = [{"size": str(size), "name": ""} for size in port["shape"]]
    shape = {"dim": dims, "unknown_rank": False}
    return {"dtype": DTYPES[port["datatype"]], "tensor_shape": shape, "name": port["name"]}


__all__ = ["ROUTES", "error_shape"]

ROUTES: tuple[Route, ...] = tuple(
    (method, f"/v1/models/{{model}}{version}{tail}", handler)
    for version in ("", "/versions/{version}")
    for method, tail, handler in (
        ("POST", ":predict", predict),
        ("POST", ":classify", classify),
        ("POST", ":regress", regress),
        ("GET", "/metadata", metadata),
        ("GET", "", status),
    )
)
