"""JSON schemas of the Open Inference Protocol: tensors in and out, metadata, configuration, statistics, repository."""

from __future__ import annotations

from typing import Any

from ambidex.runtime.repository import Model
from ambidex.server.oip_describe import packed_ports, signature
from ambidex.server.openapi_rows import closed, rows_of
from ambidex.server.raw import FORMATS
from ambidex.server.tensors import MAX_DIMENSIONS, Ports

Json = dict[str, Any]

_NUMERIC = list(FORMATS)
_SHAPE: Json = rows_of({"type": "integer", "minimum": 1}, least=1, most=MAX_DIMENSIONS)
_FREE_SHAPE: Json = rows_of({"type": "integer", "minimum": -1}) | {"description": "Empty where it is not known"}
_PARAMETERS: Json = {"type": ["object", "null"]}
_LENGTHS: Json = {"type": "object", "required": ["count", "ns"]}


def request(model: Model) -> Json:
    """What `POST /v2/models/{model}/infer` takes as JSON. That data fit their shape is beyond what a schema can say."""
    columns = Ports(model.predictor).columns
    kinds = {
        name: {"text": ["BYTES"], "time": ["INT64", "BYTES"]}.get(one.kind, _NUMERIC)
        for name, (_, one) in columns.items()
    }
    packed = {
        port["name"]: _NUMERIC if port["datatype"] == "FP64" else [port["datatype"]] for port in packed_ports(model)
    }
    forms = [_inputs(form) for form in (kinds, packed) if form]
    outputs = rows_of(_open({"name": {"enum": list(model.predictor.outputs)}, "parameters": _PARAMETERS}, "name"))
    return _open(
        {
            "inputs": {"anyOf": forms},
            "id": {"type": ["string", "null"]},
            "outputs": {"anyOf": [outputs, {"type": "null"}]},
            "parameters": _PARAMETERS,
        },
        "inputs",
    )


def _inputs(kinds: dict[str, list[str]]) -> Json:
    """A list of all these inputs, each with the datatypes it may have."""
    return rows_of({"anyOf": [_input(*one) for one in kinds.items()]}, least=len(kinds), most=len(kinds))


def _input(name: str, kinds: list[str]) -> Json:
    value: Json = {"type": ["number", "boolean", "string", "array"]}
    parts: Json = {
        "name": {"const": name},
        "shape": _SHAPE,
        "datatype": {"enum": kinds},
        "data": rows_of(value, least=1),
        "parameters": _PARAMETERS,
    }
    return _open(parts, "name", "shape", "datatype", "data")


def example(model: Model, shown: Json) -> Json:
    """A request that works, about the same row or series as `shown`, the friendly protocol's example."""
    one: Json = shown["rows"][0] if "rows" in shown else shown["series"][0]
    inputs = []
    for name, (layout, column) in Ports(model.predictor).columns.items():
        part = one if layout.span == "row" else one[layout.span]
        values = [row[column.name] for row in part] if isinstance(part, list) else [part[column.name]]
        is_text = column.kind in ("text", "time")
        data = [("" if is_text else 0) if value is None else value for value in values]
        data = data if is_text else [float(value) for value in data]
        shape = [1, len(data)] if isinstance(part, list) else [1]
        inputs.append({"name": name, "shape": shape, "datatype": "BYTES" if is_text else "FP64", "data": data})
    return {"inputs": inputs}


def answer(model: Model) -> Json:
    """What it answers."""
    known = {port["name"]: port["datatype"] for port in signature(model)["outputs"]}
    outputs = [
        closed({"name": {"const": name}, "datatype": {"const": datatype}, "shape": _SHAPE, "data": {"type": "array"}})
        for name, datatype in known.items()
    ]
    parts = {
        "model_name": {"const": model.name},
        "model_version": {"const": str(model.version)},
        "id": {"type": "string"},
        "outputs": rows_of({"anyOf": outputs}, least=1),
    }
    return closed(parts, optional=["id"])


def _open(properties: Json, *required: str) -> Json:
    """An object with at least these members; others are extensions of the protocol and left alone."""
    return {"type": "object", "required": list(required), "properties": properties}


def _text_of(*names: str) -> Json:
    return {name: {"type": "string"} for name in names}


_PORT = closed(_text_of("name", "datatype") | {"shape": _FREE_SHAPE})
_PORT_CONFIG = closed(_text_of("name", "data_type") | {"dims": rows_of({"type": "integer"})})

SERVER_METADATA = closed(_text_of("name", "version") | {"extensions": rows_of({"type": "string"})})
MODEL_READY = closed(_text_of("name") | {"ready": {"type": "boolean"}})
MODEL_METADATA = closed(
    _text_of("name", "platform")
    | {"versions": rows_of({"type": "string"}), "inputs": rows_of(_PORT), "outputs": rows_of(_PORT)}
    | {"packed_inputs": rows_of(_PORT)},
    optional=["packed_inputs"],
)
MODEL_CONFIG = _open(
    _text_of("name", "platform", "backend")
    | {"max_batch_size": {"type": "integer"}, "input": rows_of(_PORT_CONFIG), "output": rows_of(_PORT_CONFIG)},
    *("name", "platform", "backend", "max_batch_size", "input", "output"),
)
STATISTICS = closed(
    {
        "model_stats": rows_of(
            _open(
                _text_of("name", "version")
                | {
                    "inference_count": {"type": "integer"},
                    "execution_count": {"type": "integer"},
                    "inference_stats": {"type": "object", "additionalProperties": _LENGTHS},
                },
                *("name", "version", "inference_count", "execution_count", "inference_stats"),
            )
        )
    }
)
INDEX_REQUEST = _open({"ready": {"type": "boolean"}})
INDEX = rows_of(closed(_text_of("name", "version", "state", "reason")))
CONTROL_REQUEST = _open({"parameters": {"anyOf": [closed({"unload_dependents": {}}, optional=["unload_dependents"])]}})
STATUS = closed({"model_version_status": rows_of(_open(_text_of("version", "state"), "version", "state"), least=1)})
METADATA = closed({"model_spec": {"type": "object"}, "metadata": {"type": "object"}})
