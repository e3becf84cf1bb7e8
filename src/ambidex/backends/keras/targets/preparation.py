"""The table beside a model without texts: which columns it takes, and the steps that make tensors of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
import numpy as np

from ambidex.backends.keras.targets.encoder import MISSING_TIME, OPS, Encoder
from ambidex.backends.keras.targets.signature import traced_names
from ambidex.backends.source import Source
from ambidex.errors import BackendError, CertificateError, expected
from ambidex.graph import Graph, Node, network_values, prepare, read_node

ROUNDING = 1e-6
"""A little more than float32 rounds by."""


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


def check_encoder(source: Source, table: bytes) -> None:
    """Encodes the source's rows as an application would; a `CertificateError` where the reference differs.

    Numbers may differ by a rounding to float32, codes not at all.
    """
    encoder = Encoder(msgspec.json.decode(table))
    values = prepare(source.graph, source.rows)
    for position in range(len(next(iter(source.rows.values())))):
        tensors = encoder.encode(raw_row(source, position)).tensors
        for entry in encoder.table["tensors"]:
            wanted = values[entry["value"]]
            rows = len(wanted) // len(values[source.graph.inputs[0].name])  # columns may be folded into the batch
            part = wanted[position * rows : (position + 1) * rows]
            if not np.allclose(np.array(tensors[entry["tensor"]]), part, rtol=ROUNDING, atol=ROUNDING, equal_nan=True):
                got = f"another {entry['tensor']!r} for row {position}"
                raise CertificateError(expected("the encoder to prepare what the reference prepares", got=got))


def raw_row(source: Source, position: int) -> dict[str, Any]:
    """One of the source's rows as an application has it: values by column, None where they are missing."""
    found: dict[str, Any] = {}
    for layout in source.layouts:
        names, values = [column.name for column in layout.columns], source.rows[layout.name][position].tolist()
        if layout.span == "row":
            found |= _cells(names, values)
        elif layout.span == "static":
            found.setdefault("static", {}).update(_cells(names, values))
        else:
            steps = found.setdefault(layout.span, [{} for _ in values])
            for step, row in zip(steps, values, strict=True):
                step.update(_cells(names, row))
    return found


def _cells(names: list[str], values: list[Any]) -> dict[str, Any]:
    return {name: None if _is_missing(value) else value for name, value in zip(names, values, strict=True)}


def _is_missing(value: Any) -> bool:
    return value in ("", MISSING_TIME) or value != value


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
