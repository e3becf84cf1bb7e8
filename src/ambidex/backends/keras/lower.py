"""The network of a graph as a functional Keras model of native layers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ambidex.backends.keras._import import keras
from ambidex.backends.keras.layers import LAYERS, _Dropout, _Style
from ambidex.backends.keras.names import layer_names
from ambidex.backends.keras.weights import from_canonical
from ambidex.graph import Graph, Value, infer_values, read_node
from ambidex.graph.op import Array

POLICIES = {"float32": "float32", "tf32": "float32", "bfloat16": "mixed_bfloat16"}


def lower(graph: Graph, weights: Mapping[str, Array]) -> Any:
    """A `keras.Model` with these weights.

    Its inputs are the prepared values under their names, the batch and a free time 'T' left free. One input or raw
    output is a tensor, several go by name.
    """
    return _assemble(graph, weights, "float32", keras.layers.Dropout)


def lower_for_training(graph: Graph, weights: Mapping[str, Array], precision: str) -> Any:
    """The same model with the same variables, as our own loop trains it.

    With `precision` 'bfloat16' its layers compute in bfloat16 and keep float32 weights. The policy belongs to these
    layers; other models of the process are not touched.
    """
    return _assemble(graph, weights, POLICIES[precision], _Dropout)


def _assemble(graph: Graph, weights: Mapping[str, Array], policy: str, dropout: Any) -> Any:
    values = infer_values(graph)
    names = layer_names([*graph.prepared, *(node.name for node in graph.network)])
    inputs = [_input(values[name], names[name]) for name in graph.prepared]
    known = dict(zip(graph.prepared, inputs, strict=True))
    for node in graph.network:
        _, attrs = read_node(node)
        style = _Style(name=names[node.name], dtype=policy, dropout=dropout)
        known[node.name] = LAYERS[node.op](style, [known[name] for name in node.inputs], attrs)
    outputs = {name: known[name] for name in graph.raw_outputs}
    model = keras.Model(
        inputs if len(inputs) > 1 else inputs[0],
        outputs if len(outputs) > 1 else outputs[graph.raw_outputs[0]],
        name="network",
    )
    from_canonical(model, graph, weights)
    return model


def _input(value: Value, name: str) -> Any:
    sizes = [size if isinstance(size, int) else None for size in value.shape[1:]]
    # JAX has no int64 unless asked for; codes fit 32 bits.
    return keras.Input(sizes, dtype="int32" if value.dtype == "int64" else value.dtype, name=name)
