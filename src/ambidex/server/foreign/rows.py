"""Rows and columns of JSON for foreign models: the friendly protocol and TensorFlow Serving's `predict`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ambidex.errors import expected, one_of
from ambidex.runtime.rows import member, refusal, shown
from ambidex.runtime.worker_protocol import Interface, Port
from ambidex.server.foreign.tensors import Place, nested_values
from ambidex.server.json_codec import objects
from ambidex.server.tensors import MAX_DIMENSIONS, Wire


def wires_of_rows(interface: Interface, rows: Sequence[Mapping[str, Any]], place: Place) -> list[Wire]:
    """One wire per input from objects that all have it. Raises `DataError` with the place."""
    names = [port.name for port in interface.inputs]
    for position, row in enumerate(rows):
        for name in names:
            if name not in row:
                where = place(name, position)
                raise refusal("missing_column", expected(f"an input {name!r}", got="none", where=where), where)
        for name in row:
            if name not in names:
                where = place(name, position)
                message = expected(one_of(names, name), got=f"input {shown(name)}", where=where)
                raise refusal("unknown_column", message, where)
    return [wire_of_nested(name, [row[name] for row in rows], place) for name in names]


def in_rows(where: str) -> Place:
    """Places in a list of objects: `rows[3].age`."""
    return lambda name, row: member(f"{where}[{row}]", name)


def in_list(where: str) -> Place:
    """Places in a list of values of the only input: `instances[3]`."""
    return lambda name, row: f"{where}[{row}]"


def in_columns(where: str) -> Place:
    """Places in an object of lists: `inputs.age[3]`."""
    return lambda name, row: f"{member(where, name)}[{row}]"


def wire_of_nested(name: str, nested: Any, place: Place) -> Wire:
    """Nested lists, equally long at every depth, as a flat tensor whose type the port decides. Raises `DataError`."""
    shape: list[int] = []
    flat = [nested]
    while flat and isinstance(flat[0], list):
        lengths = [len(part) if isinstance(part, list) else -1 for part in flat]
        if len(set(lengths)) > 1 or len(shape) > MAX_DIMENSIONS:
            odd = next((position for position, length in enumerate(lengths) if length != lengths[0]), 0)
            where = place(name, odd * shape[0] // len(flat))
            raise refusal("wrong_shape", expected("lists of equal length", got="others", where=where), where)
        shape.append(lengths[0])
        flat = [value for part in flat for value in part]
    return Wire(name=name, datatype="", shape=tuple(shape), data=flat)


def wires_of_instances(interface: Interface, instances: object) -> tuple[list[Wire], int, Place]:
    """TensorFlow Serving's `instances`, how many they are, and their places: objects, or values of the only input."""
    if not isinstance(instances, list) or not instances:
        got = "an empty list" if instances == [] else shown(instances)
        raise refusal("wrong_type", expected("a list of instances", got=got, where="instances"), "instances")
    only = interface.inputs[0].name if len(interface.inputs) == 1 else None
    if only is not None and not any(isinstance(one, Mapping) and "b64" not in one for one in instances):
        place = in_list("instances")
        return [wire_of_nested(only, instances, place)], len(instances), place
    place = in_rows("instances")
    return wires_of_rows(interface, objects(instances, "instances"), place), len(instances), place


def wires_of_columns(interface: Interface, inputs: object) -> tuple[list[Wire], Place]:
    """TensorFlow Serving's `inputs` and their places: an object of tensors, or the only tensor."""
    only = interface.inputs[0].name if len(interface.inputs) == 1 else None
    if only is not None and not isinstance(inputs, Mapping):
        place = in_list("inputs")
        return [wire_of_nested(only, inputs, place)], place
    if not isinstance(inputs, Mapping):
        raise refusal("wrong_type", expected("an object of inputs", got=shown(inputs), where="inputs"), "inputs")
    place = in_columns("inputs")
    return [wire_of_nested(str(name), part, place) for name, part in inputs.items()], place


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


def example_row(interface: Interface) -> dict[str, Any] | None:
    """A row of the right form, of zeros and empty texts; None where the form of an input is not known."""
    if any(port.shape is None and port.sample is None for port in interface.inputs):
        return None
    return {port.name: _example(port) for port in interface.inputs}


def _example(port: Port) -> Any:
    value: Any = {"BYTES": "", "BOOL": False}.get(port.datatype, 0)
    sizes = (port.shape or port.sample or ())[1:]
    for size in reversed(() if sizes == (1,) else sizes):
        value = [value] * (min(size, 1000) if size >= 0 else 1)
    return value
