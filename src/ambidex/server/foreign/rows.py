"""Rows and columns of JSON for foreign models: the friendly protocol and TensorFlow Serving's `predict`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ambidex.errors import expected
from ambidex.runtime.rows import refusal, shown
from ambidex.runtime.worker_protocol import Interface, Port
from ambidex.server.foreign.tensors import nested_values
from ambidex.server.json_codec import objects
from ambidex.server.tensors import MAX_DIMENSIONS, Wire


def wires_of_rows(interface: Interface, rows: Sequence[Mapping[str, Any]], where: str) -> list[Wire]:
    """One wire per input from objects that all have it. Raises `DataError` with the place."""
    names = [port.name for port in interface.inputs]
    for position, row in enumerate(rows):
        for name in {*names} ^ {*row}:
            place = f"{where}[{position}]"
            what, code = (
                (f"an input {name!r}", "missing_column") if name in names else (_known(names), "unknown_column")
            )
            got = "none" if name in names else f"input {shown(name)}"
            raise refusal(code, expected(what, got=got, where=place), place)
    return [wire_of_nested(name, [row[name] for row in rows]) for name in names]


def _known(names: Sequence[str]) -> str:
    return "one of " + ", ".join(names)


def wire_of_nested(name: str, nested: Any) -> Wire:
    """Nested lists, equally long at every depth, as a flat tensor whose type the port decides. Raises `DataError`."""
    shape: list[int] = []
    flat = [nested]
    while flat and isinstance(flat[0], list):
        lengths = {len(part) if isinstance(part, list) else -1 for part in flat}
        if len(lengths) > 1 or len(shape) > MAX_DIMENSIONS:
            raise refusal("wrong_shape", expected("lists of equal length", got="others", where=shown(name)), name)
        shape.append(lengths.pop())
        flat = [value for part in flat for value in part]
    return Wire(name=name, datatype="", shape=tuple(shape), data=flat)


def wires_of_instances(interface: Interface, instances: object) -> tuple[list[Wire], int]:
    """TensorFlow Serving's `instances`: objects, or bare values of the only input."""
    if not isinstance(instances, list) or not instances:
        got = "an empty list" if instances == [] else shown(instances)
        raise refusal("wrong_type", expected("a list of instances", got=got, where="instances"), "instances")
    only = interface.inputs[0].name if len(interface.inputs) == 1 else None
    if only is not None and not any(isinstance(one, Mapping) and "b64" not in one for one in instances):
        return [wire_of_nested(only, instances)], len(instances)
    return wires_of_rows(interface, objects(instances, "instances"), "instances"), len(instances)


def wires_of_columns(interface: Interface, inputs: object) -> list[Wire]:
    """TensorFlow Serving's `inputs`: an object of tensors, or the only tensor."""
    only = interface.inputs[0].name if len(interface.inputs) == 1 else None
    if only is not None and not isinstance(inputs, Mapping):
        return [wire_of_nested(only, inputs)]
    if not isinstance(inputs, Mapping):
        raise refusal("wrong_type", expected("an object of inputs", got=shown(inputs), where="inputs"), "inputs")
    return [wire_of_nested(str(name), part) for name, part in inputs.items()]


def answers_by_row(outputs: Sequence[Wire], rows: int) -> list[dict[str, Any]]:
    """One object of outputs per row. Raises `DataError`."""
    columns = {}
    for wire in outputs:
        if not wire.shape or wire.shape[0] != rows:
            got = f"{wire.name!r} of shape {list(wire.shape)}"
            fix = "Ask for tensors: POST /v2/models/NAME/infer."
            raise refusal("wrong_method", expected(f"outputs with {rows} rows", got=got, fix=fix), "")
        columns[wire.name] = nested_values(wire)
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def name_labels(interface: Interface, answers: Sequence[dict[str, Any]]) -> None:
    """Makes a labelled output's lists objects by label, in place."""
    for port in interface.outputs:
        for answer in answers if port.labels else ():
            values = answer[port.name]
            if isinstance(values, list) and len(values) == len(port.labels):
                answer[port.name] = dict(zip(port.labels, values, strict=True))


def example_row(interface: Interface) -> dict[str, Any]:
    """A row of the right form, of zeros and empty texts."""
    return {port.name: _example(port) for port in interface.inputs}


def _example(port: Port) -> Any:
    value: Any = {"BYTES": "", "BOOL": False}.get(port.datatype, 0)
    sizes = (port.shape or (-1,))[1:]
    for size in reversed(() if sizes == (1,) else sizes):
        value = [value] * (min(size, 1000) if size >= 0 else 1)
    return value
