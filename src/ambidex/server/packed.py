"""Tensors in the artifact's own layout: the columns of one kind side by side, such as `numbers [batch, n]`.

Next to one tensor per column, this is what many rows travel fastest in: nothing is woven together.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from math import isnan
from typing import Any

from ambidex.errors import expected
from ambidex.runtime.rows import refusal
from ambidex.schema import Layout, Tensor
from ambidex.server.tensors import Ports, Wire, last_steps, refuse_infinity, wire_integers, wire_numbers, wire_texts

DATATYPES = {"float64": "FP64", "string": "BYTES", "int64": "INT64"}
"""What a packed input of each element type is described as."""


def feeds_of(ports: Ports, inputs: Sequence[Wire]) -> tuple[dict[str, Tensor], int]:
    """The packed tensors and the number of rows or series, from columns or from tensors that are packed already.

    Raises `DataError` that names the input.
    """
    names = sorted(wire.name for wire in inputs)
    if names == sorted(layout.name for layout in packed_inputs(ports)):
        return _read(ports, {wire.name: wire for wire in inputs})
    return ports.feeds(inputs)


def packed_inputs(ports: Ports) -> Sequence[Layout]:
    """The packed inputs that the model takes instead of columns; none where columns have their very names."""
    layouts = ports.predictor.layouts
    return () if {layout.name for layout in layouts} == set(ports.columns) else layouts


def shape_of(layout: Layout, horizon: int) -> list[int]:
    """The shape of a packed input; -1 is a free size."""
    steps = {"history": [-1], "future": [horizon]}.get(layout.span, [])
    return [-1, *steps, len(layout.columns)]


def _read(ports: Ports, given: Mapping[str, Wire]) -> tuple[dict[str, Tensor], int]:
    layouts = ports.predictor.layouts
    narrow = {layout.name: (layout, _one_column(layout, given[layout.name], ports.task.horizon)) for layout in layouts}
    batch, steps = ports.sizes(narrow)
    most = ports.task.max_history
    feeds = {layout.name: _tensor(layout, given[layout.name], most, steps) for layout in layouts}
    ports.check_times(feeds)
    return feeds, batch


def _one_column(layout: Layout, wire: Wire, horizon: int) -> Wire:
    """The input as if it held one column, after a look at how many it holds."""
    wanted = shape_of(layout, horizon)
    if len(wire.shape) != len(wanted) or wire.shape[-1] != wanted[-1]:
        what = f"shape {['batch', *(['time'] if len(wanted) > 2 else []), wanted[-1]]}".replace("'", "")
        message = expected(what, got=str(list(wire.shape)), where=f"input {wire.name!r}")
        raise refusal("wrong_shape", message, wire.name)
    return Wire(name=wire.name, datatype=wire.datatype, shape=wire.shape[:-1], data=wire.data)


def _tensor(layout: Layout, wire: Wire, most: int | None, steps: int) -> Tensor:
    values, shape = _values(layout, wire), wire.shape
    if layout.span == "history" and most is not None and steps > most:
        width = len(layout.columns)
        values, shape = last_steps(values, steps * width, most * width), (shape[0], most, width)
    return Tensor(dtype=layout.dtype, shape=shape, data=values)  # type: ignore[arg-type]


def _values(layout: Layout, wire: Wire) -> Any:
    place = f"input {wire.name!r}"
    wanted = DATATYPES[layout.dtype]
    if (wire.datatype == "BYTES") != (wanted == "BYTES") or (wanted == "INT64" and wire.datatype != wanted):
        what = "a datatype of numbers" if wanted == "FP64" else f"datatype {wanted}"
        raise refusal("wrong_type", expected(what, got=wire.datatype, where=place), wire.name)
    if layout.dtype == "string":
        return [text.strip() for text in wire_texts(wire)]
    if layout.dtype == "int64":
        return wire_integers(wire)
    numbers = wire_numbers(wire)
    refuse_infinity(numbers, wire.name)
    for position, column in enumerate(layout.columns):
        if column.kind == "flag":
            _check_flags(numbers[position :: len(layout.columns)], f"{place}, column {column.name!r}", wire.name)
    return numbers


def _check_flags(numbers: array[float], place: str, name: str) -> None:
    if not {value for value in numbers if not isnan(value)} <= {0.0, 1.0}:
        raise refusal("wrong_type", expected("0 and 1", got="other numbers", where=place), name)
