"""What an exported model takes and gives by name: inputs packed as in the graph or one per column, and outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ambidex.errors import UsageError, expected
from ambidex.graph.graph import Dim, Graph, Value
from ambidex.graph.op import Array
from ambidex.schema import Layout

FUTURE_PREFIX = "future_"
"""Before the name of a column that is known in the future: its history has the plain name."""

TAKEN_SUFFIX = "_predicted"
"""After the name of an output that an input has: the forecast of a column beside its history."""

Ports = dict[str, tuple[Value, ...]]
"""The model's inputs for each of the graph's inputs."""


def open_ports(graph: Graph, layouts: Sequence[Layout] | None, *, float32_inputs: bool) -> Ports:
    """The model's inputs: one per input of the graph, or one per column of its layout.

    A column loses the last axis: rows and static columns are (B,), histories (B, T), the future (B, H).
    """
    if layouts is None:
        ports: Ports = {value.name: (_retype(value, float32_inputs),) for value in graph.inputs}
    else:
        by_name = {layout.name: layout for layout in layouts}
        ports = {value.name: _columns(value, by_name, float32_inputs) for value in graph.inputs}
    _check_names([port.name for group in ports.values() for port in group])
    return ports


def _retype(value: Value, float32_inputs: bool) -> Value:
    is_narrow = float32_inputs and value.dtype == "float64"
    return Value(name=value.name, dtype="float32" if is_narrow else value.dtype, shape=value.shape)


def _columns(value: Value, layouts: Mapping[str, Layout], float32_inputs: bool) -> tuple[Value, ...]:
    layout = layouts.get(value.name)
    if layout is None or len(layout.columns) != value.shape[-1]:
        got = "none" if layout is None else f"one of {len(layout.columns)} columns"
        raise UsageError(expected(f"a layout of {value.shape[-1]} columns for input {value.name!r}", got=got))
    shape: tuple[Dim, ...] = value.shape[:-1]
    return tuple(
        _retype(Value(name=input_name(layout, column.name), dtype=value.dtype, shape=shape), float32_inputs)
        for column in layout.columns
    )


def input_name(layout: Layout, column: str) -> str:
    """What the input of a column is called."""
    return FUTURE_PREFIX + column if layout.span == "future" else column


def _check_names(names: Sequence[str]) -> None:
    repeated = sorted({name for name in names if names.count(name) > 1 or not name})
    if repeated:
        raise UsageError(
            expected(
                "a name of its own for each column's input",
                got=repr(repeated[0]),
                fix="Rename the column, or keep the columns packed.",
            )
        )


def output_names(graph: Graph, taken: Sequence[str]) -> dict[str, str]:
    """What each public output is called, in the graph's order; ONNX has no name twice, and targets agree."""
    used = set(taken)
    names: dict[str, str] = {}
    for public in graph.outputs:
        name = public
        while name in used or (name != public and name in graph.outputs):
            name += TAKEN_SUFFIX
        used.add(name)
        names[public] = name
    return names


def by_column(batch: Mapping[str, Array], layouts: Sequence[Layout]) -> dict[str, Array]:
    """Packed arrays as one array per column under its name: (B,), or (B, T)."""
    return {
        input_name(layout, column.name): batch[layout.name][..., position]
        for layout in layouts
        for position, column in enumerate(layout.columns)
    }
