"""JSON schemas of what a foreign model takes and gives: by its inputs once they are known, else in general."""

from __future__ import annotations

from typing import Any

from ambidex.runtime.worker_protocol import Port
from ambidex.server.foreign.model import ForeignModel
from ambidex.server.foreign.rows import example_row
from ambidex.server.openapi_rows import closed, rows_of
from ambidex.server.raw import INTEGER_RANGES

Json = dict[str, Any]

BEYOND_FP32 = 2.0**128 - 2.0**103
"""The smallest number that rounds to infinity in FP32."""
_SCALARS: dict[str, Json] = {
    "BOOL": {"type": "boolean"},
    "BYTES": {"anyOf": [{"type": "string"}, closed({"b64": {"type": "string", "contentEncoding": "base64"}})]},
    "FP32": {"type": ["number", "null"], "exclusiveMinimum": -BEYOND_FP32, "exclusiveMaximum": BEYOND_FP32},
    "FP64": {"type": ["number", "null"]},
    **{name: {"type": "integer", "minimum": low, "maximum": high} for name, (low, high) in INTEGER_RANGES.items()},
}
_OPEN: Json = {"anyOf": [*_SCALARS["BYTES"]["anyOf"], _SCALARS["FP64"]]}
_LIST: Json = {"type": "array"}
_SHAPE: Json = rows_of({"type": "integer"})
READY: Json = closed(
    {"name": {"type": "string"}, "ready": {"type": "boolean"}, "state": {"type": "string"}},
)


def rows_request(model: ForeignModel, *, max_rows: int) -> Json:
    """What the friendly protocol takes."""
    return closed({"rows": rows_of(_row(model), most=max_rows)})


def rows_answer() -> Json:
    """What it answers."""
    return {"type": "object", "required": ["predictions"], "properties": {"predictions": _LIST}}


def rows_example(model: ForeignModel) -> Json | None:
    """A request that has the right form."""
    row = None if model.interface is None else example_row(model.interface)
    return None if row is None else {"rows": [row]}


def _row(model: ForeignModel) -> Json:
    if model.interface is None:
        return {"type": "object"}
    return closed({port.name: _value(port) for port in model.interface.inputs})


def _value(port: Port) -> Json:
    """One row's part of an input."""
    if port.shape is None:
        return {"description": f"{port.datatype}, of a shape that the file does not say"}
    scalar = value = _OPEN if port.takes == "any" else _SCALARS[port.datatype]
    sizes = port.shape[1:]
    for size in reversed(sizes):
        value = rows_of(value, least=size, most=size) if size >= 0 else rows_of(value)
    return {"anyOf": [scalar, value]} if sizes == (1,) else value


def tensors_request(model: ForeignModel) -> Json:
    """What the Open Inference Protocol takes as JSON."""
    tensor: Json = {
        "type": "object",
        "required": ["name", "shape", "datatype"],
        "properties": {
            "name": {"type": "string"} if model.interface is None else {"enum": _names(model)},
            "shape": _SHAPE,
            "datatype": {"type": "string"},
            "data": _LIST,
        },
    }
    return {"type": "object", "required": ["inputs"], "properties": {"inputs": rows_of(tensor)}}


def _names(model: ForeignModel) -> list[str]:
    return [port.name for port in model.loaded.inputs]


def tensors_answer() -> Json:
    """What it answers."""
    return {"type": "object", "required": ["model_name", "model_version", "outputs"]}


def columns_request() -> Json:
    """TensorFlow Serving's `predict`."""
    parts = {"instances": _LIST, "inputs": {}, "signature_name": {"enum": ["", "serving_default"]}}
    return closed(parts, optional=list(parts))


def columns_answer() -> Json:
    """What it answers."""
    return {"type": "object", "anyOf": [{"required": ["predictions"]}, {"required": ["outputs"]}]}
