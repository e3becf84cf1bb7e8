"""The NumPy edition: float64 from end to end, the reference every other edition is judged against."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from ambidex.graph.graph import Graph, Node
from ambidex.graph.infer import read_node
from ambidex.graph.op import Array


def run_nodes(nodes: Iterable[Node], values: Mapping[str, Array], weights: Mapping[str, Array]) -> dict[str, Array]:
    """Runs nodes in order; `values` are their inputs by name, `weights` go by canonical name. Returns all values."""
    known = dict(values)
    for node in nodes:
        op, attrs = read_node(node)
        prefix = node.name + "."
        own = {name[len(prefix) :]: weight for name, weight in weights.items() if name.startswith(prefix)}
        known[node.name] = op.run([known[name] for name in node.inputs], attrs, own)
    return known


def prepare(graph: Graph, inputs: Mapping[str, Array]) -> dict[str, Array]:
    """Every value of the preparation, the prepared ones among them, in float64 up to the final casts."""
    return run_nodes(graph.prepare, inputs, {})


def encode(graph: Graph, targets: Mapping[str, Array], prepared: Mapping[str, Array] | None = None) -> dict[str, Array]:
    """The encoded targets by name: what the loss is computed on."""
    values = run_nodes(graph.encode, {**(prepared or {}), **targets}, {})
    return {name: values[name] for name in graph.encoded}


def run_network(graph: Graph, prepared: Mapping[str, Array], weights: Mapping[str, Array]) -> dict[str, Array]:
    """The raw outputs, computed in float64 from the prepared float32 values and float32 weights."""
    exact = {name: _widen(prepared[name]) for name in graph.prepared}
    values = run_nodes(graph.network, exact, {name: _widen(weight) for name, weight in weights.items()})
    return {name: _widen(values[name]) for name in graph.raw_outputs}


def decode(graph: Graph, raw: Mapping[str, Array], prepared: Mapping[str, Array]) -> dict[str, Array]:
    """The public outputs from raw outputs (of any engine) and the values of the preparation."""
    wide = {name: _widen(raw[name]) for name in graph.raw_outputs}
    values = run_nodes(graph.decode, {**prepared, **wide}, {})
    return {public: values[name] for public, name in graph.outputs.items()}


def predict(graph: Graph, inputs: Mapping[str, Array], weights: Mapping[str, Array]) -> dict[str, Array]:
    """Raw packed columns to decoded answers."""
    prepared = prepare(graph, inputs)
    return decode(graph, run_network(graph, prepared, weights), prepared)


def _widen(array: Array) -> Array:
    return array.astype(np.float64) if array.dtype == np.float32 else array
