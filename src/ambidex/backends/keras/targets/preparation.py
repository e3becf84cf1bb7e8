"""The table beside a model without texts: which columns it takes, and the steps that make tensors of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from ambidex.backends.keras.targets.encoder import OPS
from ambidex.backends.keras.targets.signature import traced_names
from ambidex.backends.source import Source
from ambidex.errors import BackendError, expected
from ambidex.graph import Graph, Node, network_values, read_node


def preparation_table(source: Source, graph: Graph) -> bytes:
    """JSON for `encoder.Encoder`: inputs by column, steps with all their constants, the network's tensors by name.

    `graph` is the source's with the length of its histories settled. Raises `BackendError` for a step that the
    encoder does not know.
    """
    values = network_values(graph)
    traced = traced_names(graph.prepared)
    histories = [value.shape[1] for value, layout in _laid_out(source, graph) if layout.span == "history"]
    table = {
        "format": 1,
        "inputs": [
            {
                "name": value.name,
                "span": layout.span,
                "dtype": value.dtype,
                "columns": [column.name for column in layout.columns],
            }
            for value, layout in _laid_out(source, graph)
        ],
        "steps": histories[0] if histories else None,
        "prepare": _steps(graph.prepare),
        "tensors": [
            {"value": name, "tensor": traced[name], "dtype": values[name].dtype, "shape": values[name].shape}
            for name in graph.prepared
        ],
        "raw_outputs": [{"value": name, "tensor": name} for name in graph.raw_outputs],
        "decode": _steps(graph.decode),
        "outputs": graph.outputs,
        "metadata": dict(source.metadata),
    }
    return msgspec.json.encode(table)


def _laid_out(source: Source, graph: Graph) -> list[Any]:
    layouts = {layout.name: layout for layout in source.layouts}
    return [(value, layouts[value.name]) for value in graph.inputs]


def _steps(nodes: Iterable[Node]) -> list[dict[str, Any]]:
    found = []
    for node in nodes:
        if node.op not in OPS:
            got, where = f"op {node.op!r}, which it lacks", f"node {node.name!r}"
            raise BackendError(expected("steps that the encoder beside the model knows", got=got, where=where))
        _, attrs = read_node(node)
        found.append({"name": node.name, "op": node.op, "inputs": node.inputs, "attrs": msgspec.to_builtins(attrs)})
    return found
