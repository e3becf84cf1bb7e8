"""JSON schemas of rows, series and their answers: the friendly protocol's and TensorFlow Serving's."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from ambidex.runtime.repository import Model
from ambidex.runtime.rows import EARLIEST_US, LATEST_US
from ambidex.runtime.series import SeriesPacker
from ambidex.schema import Column, Task
from ambidex.server.oip_describe import signature
from ambidex.server.tensors import Ports

Json = dict[str, Any]

NULL: Json = {"type": "null"}
NUMBER: Json = {"type": "number", "minimum": -sys.float_info.max, "maximum": sys.float_info.max}
TEXT: Json = {"type": "string", "pattern": r"^[^\u0000]*$"}
FLAG: Json = {"enum": [True, False, 0, 1, None]}

# Days that exist, leap years included; then perhaps a time, and with it perhaps a zone.
_LEAP = "(?:0[48]|[2468][048]|[13579][26])"
_DAY = (
    r"(?:[1-9]\d{3}-(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)"
    rf"|(?:[1-9]\d{_LEAP}|{_LEAP.replace('0[48]|', '')}00)-02-29)"
)
_TIME = r"[T ](?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d{1,6})?)?(?:Z|[+-](?:0\d|1[0-3]):[0-5]\d)?"
STAMP: Json = {"type": "string", "pattern": f"^{_DAY}(?:{_TIME})?$"}
INSTANT: Json = {"type": "integer", "minimum": EARLIEST_US, "maximum": LATEST_US}
_TIME_TEXT = "ISO 8601, or microseconds since 1970"


def column(one: Column, *, is_optional: bool = True) -> Json:
    """A value of the column as the friendly protocol takes it."""
    null = [NULL] if is_optional else []
    if one.kind == "number":
        described: Json = {"anyOf": [NUMBER, *null]}
    elif one.kind == "flag":
        described = dict(FLAG)
    elif one.kind == "time":
        described = {"anyOf": [STAMP, INSTANT, *null], "description": _TIME_TEXT}
        if one.time_format:
            described = {"type": ["string", "integer", "null"], "description": f"{one.time_format}, or {_TIME_TEXT}"}
    else:
        described = {"anyOf": [TEXT, *null]}
    if one.example is not None:
        described["examples"] = [one.example]
    if one.levels:
        described["description"] = "Seen in training: " + ", ".join(one.levels[:20])
    return described


def closed(properties: Json, *, optional: Sequence[str] = ()) -> Json:
    """An object with these members and no others."""
    required = [name for name in properties if name not in optional]
    return {"type": "object", "required": required, "properties": properties, "additionalProperties": False}


def rows_of(value: Json, *, most: int | None = None, least: int = 0) -> Json:
    """A list of values."""
    bound = {"maxItems": most} if most is not None else {}
    return {"type": "array", "items": value} | ({"minItems": least} if least else {}) | bound


def request(model: Model, *, max_rows: int) -> Json:
    """What `POST /models/{model}/predict` takes."""
    packer = model.predictor.series
    if packer is None:
        row = closed({one.name: column(one) for one in model.predictor.columns})
        return closed({"rows": rows_of(row, most=max_rows)})
    return closed({"series": rows_of(_series(packer), most=max_rows)})


def _series(packer: SeriesPacker) -> Json:
    task = packer.task
    keys: Json = {key: {} for key in packer.keys}
    steps = {one.name: column(one, is_optional=one is not packer.time) for one in packer.history}
    parts: Json = {"history": rows_of(closed(steps | keys, optional=list(keys)), least=max(task.min_history, 1))}
    if packer.future:
        known = {one.name: column(one) for one in packer.future}
        clock = {packer.time.name: column(packer.time, is_optional=False)} if packer.time else {}
        row = closed(known | keys | clock, optional=[*keys, *clock])
        parts["future"] = rows_of(row, most=task.horizon, least=task.horizon)
    if packer.static:
        parts["static"] = closed({one.name: column(one) for one in packer.static})
    return closed(parts)


def answer(model: Model) -> Json:
    """What `POST /models/{model}/predict` answers."""
    task = model.schema.task
    if task.kind == "forecast":
        return closed({"forecasts": rows_of(_forecast(model, task))})
    row: Json = {}
    for target in task.targets:
        row[target.name] = {"enum": list(target.classes)} if target.classes else {"type": ["number", "null"]}
        row |= {f"{target.name}_q{level:g}": {"type": ["number", "null"]} for level in task.quantiles}
    tables = {
        target.name: closed({str(label): {"type": ["number", "null"]} for label in target.classes})
        for target in task.targets
        if target.classes
    }
    if tables:
        row["probabilities"] = next(iter(tables.values())) if len(task.targets) == 1 else closed(tables)
    return closed({"predictions": rows_of(closed(row))})


def _forecast(model: Model, task: Task) -> Json:
    packer = model.predictor.series
    assert packer is not None
    steps = rows_of({"type": ["number", "null"]}, most=task.horizon, least=task.horizon)
    names = [target.name for target in task.targets]
    names += [f"{name}_q{level:g}" for name in names for level in task.quantiles]
    times: Json = {"time": rows_of({"type": "string"}, most=task.horizon)}
    return closed({key: {} for key in packer.keys} | times | dict.fromkeys(names, steps), optional=list(packer.keys))


def tensorflow_predict(model: Model) -> Json:
    """What `POST /v1/models/{model}:predict` takes: `instances` by rows, or `inputs` by columns."""
    ports = Ports(model.predictor)
    is_series = {name: layout.span in ("history", "future") for name, (layout, _) in ports.columns.items()}
    values = {name: _travelling(one) for name, (_, one) in ports.columns.items()}
    instance: Json = {name: rows_of(one, least=1) if is_series[name] else one for name, one in values.items()}
    instance = {name: {"anyOf": [one, rows_of(one, least=1)]} for name, one in instance.items()}
    rows: list[Json] = [closed(instance)]
    columns: list[Json] = [closed({name: rows_of(one, least=1) for name, one in instance.items()})]
    if len(instance) == 1:
        (only,) = instance.values()
        rows.append(only)
        columns.append(rows_of(only, least=1))
    optional = {"signature_name": {"enum": ["", "serving_default"]}}
    by_rows = closed({"instances": rows_of({"anyOf": rows}, least=1)} | optional, optional=list(optional))
    return {"anyOf": [by_rows, closed({"inputs": {"anyOf": columns}} | optional, optional=list(optional))]}


def tensorflow_example(model: Model, shown: Json) -> Json:
    """A request to `:predict` that works, about the same row or series as `shown`, the friendly protocol's example."""
    if "rows" in shown:
        return {"instances": shown["rows"]}
    one: Json = shown["series"][0]
    instance: Json = {}
    for name, (layout, described) in Ports(model.predictor).columns.items():
        part = one[layout.span]
        is_list = isinstance(part, list)
        instance[name] = [row[described.name] for row in part] if is_list else part[described.name]
    return {"instances": [instance]}


def _travelling(one: Column) -> Json:
    """A value as TensorFlow Serving's clients write it: texts may be base64."""
    described = column(one)
    if one.kind == "text":
        described["anyOf"] = [*described["anyOf"], closed({"b64": {"type": "string"}})]
    return described


def tensorflow_examples(model: Model) -> Json:
    """What `:classify` and `:regress` take: examples, whose shared columns may stand in `context`."""
    values = {name: _travelling(one) for name, (_, one) in Ports(model.predictor).columns.items()}
    values = {name: {"anyOf": [one, rows_of(one, least=1, most=1)]} for name, one in values.items()}
    part = closed(values, optional=list(values))
    shared = closed({name: {} for name in values}, optional=list(values))  # an example's own value comes first
    optional: Json = {"context": shared, "signature_name": {"enum": ["", "serving_default"]}}
    return closed({"examples": rows_of(part, least=1)} | optional, optional=list(optional))


def tensorflow_answer(model: Model, method: str) -> Json:
    """What the three methods answer."""
    if method == "classify":
        pair: Json = {"type": "array", "minItems": 2, "maxItems": 2}
        return closed({"results": rows_of(rows_of(pair))})
    if method == "regress":
        return closed({"results": rows_of({"type": ["number", "null"]})})
    names = [port["name"] for port in signature(model)["outputs"]]
    by_columns: Json = {"type": "array"} if len(names) == 1 else closed({name: {"type": "array"} for name in names})
    by_rows: Json = {} if len(names) == 1 else closed({name: {} for name in names})
    return {"anyOf": [closed({"predictions": rows_of(by_rows)}), closed({"outputs": by_columns})]}


_PARTS: Json = rows_of(
    closed(
        {
            "name": {"type": "string"},
            "psi": {"type": ["number", "null"]},
            "state": {"enum": ["waiting", "stable", "moving", "shifted"]},
            "bins": rows_of({"type": "string"}),
            "reference": rows_of({"type": "number"}),
            "live": rows_of({"type": "number"}),
        }
    )
)
_HEAD: Json = {"model": {"type": "string"}, "version": {"type": "integer"}, "has_reference": {"type": "boolean"}}
_WINDOW: Json = {
    **{name: {"type": "integer"} for name in ("rows", "needed", "reference_rows")},
    "since": {"type": "number"},
    "inputs": _PARTS,
    "outputs": _PARTS,
}
DRIFT: Json = {"anyOf": [closed(_HEAD | {"message": {"type": "string"}}), closed(_HEAD | _WINDOW)]}
"""The answer of `GET /models/{model}/drift`."""
