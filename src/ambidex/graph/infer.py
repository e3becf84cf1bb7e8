"""Shapes, types and weights of a whole graph, derived from its nodes before anything is allocated."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from ambidex.errors import ArtifactError, expected, one_of
from ambidex.graph.graph import Graph, Node, Parameter, Value
from ambidex.graph.op import Op
from ambidex.graph.table import OPS


def read_node(node: Node) -> tuple[Op, Any]:
    """The node's op and its attributes as a checked record; an `ArtifactError` where either is unknown."""
    op = OPS.get(node.op)
    if op is None:
        raise ArtifactError(expected(one_of(OPS, node.op), got=f"op {node.op!r}", where=f"node {node.name!r}"))
    try:
        return op, msgspec.convert(node.attrs, op.attrs)
    except msgspec.ValidationError as error:
        raise ArtifactError(f"{error} in the attributes of node {node.name!r} ({node.op}).") from None


def complete(node: Node) -> Node:
    """The node with every attribute written down, defaults too, as plain JSON types."""
    _, attrs = read_node(node)
    return msgspec.structs.replace(node, attrs=msgspec.json.decode(msgspec.json.encode(attrs)))


def infer_node(node: Node, known: Mapping[str, Value]) -> Value:
    """The value a node makes of values already known."""
    op, attrs = read_node(node)
    missing = [name for name in node.inputs if name not in known]
    if missing:
        raise ArtifactError(f"Expected inputs that exist, got {missing[0]!r} at node {node.name!r}.")
    values = [known[name] for name in node.inputs]
    try:
        dtype, shape = op.infer(values, attrs)
        op.weights(values, attrs)  # must be countable too
    except (ValueError, IndexError, TypeError) as error:
        raise ArtifactError(f"{error} At node {node.name!r} ({node.op}).") from None
    return Value(name=node.name, dtype=dtype, shape=shape)


def infer_values(graph: Graph) -> dict[str, Value]:
    """Every value of the graph by name. In `decode` a raw output is float64, whatever the network made.

    Raises `ArtifactError` where a node, a cut or an output names what does not exist.
    """
    values = _extend({value.name: value for value in graph.inputs}, graph.prepare)
    network = _network(graph, values)
    _require("raw outputs that the network makes", graph.raw_outputs, network)
    raw = {name: Value(name=name, dtype="float64", shape=network[name].shape) for name in graph.raw_outputs}
    decoded = _extend({**values, **raw}, graph.decode)
    _require("outputs that exist", graph.outputs.values(), decoded)
    return {**decoded, **network, **raw}


def network_values(graph: Graph) -> dict[str, Value]:
    """The values between the cuts, raw outputs in the network's own float32."""
    return _network(graph, _extend({value.name: value for value in graph.inputs}, graph.prepare))


def _network(graph: Graph, values: Mapping[str, Value]) -> dict[str, Value]:
    _require("prepared values that exist", graph.prepared, values)
    return _extend({name: values[name] for name in graph.prepared}, graph.network)


def _require(what: str, names: Iterable[str], known: Mapping[str, Value]) -> None:
    for name in names:
        if name not in known:
            raise ArtifactError(expected(what, got=repr(name)))


def _extend(known: dict[str, Value], nodes: Iterable[Node]) -> dict[str, Value]:
    values = dict(known)
    for node in nodes:
        if node.name in values:
            raise ArtifactError(f"Expected names used once, got {node.name!r} twice.")
        values[node.name] = infer_node(node, values)
    return values


def parameters(graph: Graph) -> tuple[Parameter, ...]:
    """Every weight under its canonical name `<node>.<part>`, in the order of the nodes."""
    values = network_values(graph)
    found: list[Parameter] = []
    for node in graph.network:
        op, attrs = read_node(node)
        parts = op.weights([values[name] for name in node.inputs], attrs)
        found += [msgspec.structs.replace(part, name=f"{node.name}.{part.name}") for part in parts]
    return tuple(found)
