"""A graph as a TensorFlow module: raw columns to answers, or prepared tensors to raw outputs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ambidex.backends.keras._import import plain_tf as tf
from ambidex.backends.keras.plain.call import Call, Tables, Tensor
from ambidex.backends.keras.plain.table import PLAIN
from ambidex.errors import ArtifactError, BackendError, expected
from ambidex.graph import Graph, Node, Value, infer_values, network_values, parameters, read_node
from ambidex.graph.op import Array

Tensors = dict[str, Tensor]


class Program(tf.Module):
    """The functions of a graph, to be traced and saved; its weights are variables under their canonical names.

    `is_unrolled` writes recurrent layers out step by step, so time must not be free then. Raises `BackendError` where
    an op has no entry in the table, `ArtifactError` where weights do not fit the graph.
    """

    def __init__(self, graph: Graph, weights: Mapping[str, Array], *, is_unrolled: bool = False) -> None:
        super().__init__(name="ambidex")
        check_ops([*graph.prepare, *graph.network, *graph.decode])
        self._graph = graph
        self._is_unrolled = is_unrolled
        self._values, self._network_values = infer_values(graph), network_values(graph)
        self._tables = Tables()
        self.weights = {
            part.name: tf.Variable(_weight(weights, part.name, part.shape), trainable=False, name=f"weight_{number}")
            for number, part in enumerate(parameters(graph))
        }
        self.tables: dict[str, Any] = {}

    def answers(self, inputs: Mapping[str, Tensor]) -> Tensors:
        """Public outputs of packed raw inputs: the network runs in float32, what is around it in float64."""
        prepared = self._run(self._graph.prepare, inputs, self._values)
        raw = self.raw_outputs({name: prepared[name] for name in self._graph.prepared})
        wide = {name: tf.cast(tensor, tf.float64) for name, tensor in raw.items()}
        decoded = self._run(self._graph.decode, {**prepared, **wide}, self._values)
        return {public: decoded[name] for public, name in self._graph.outputs.items()}

    def raw_outputs(self, prepared: Mapping[str, Tensor]) -> Tensors:
        """Raw outputs, float32, of the prepared tensors by name."""
        entries = {name: _narrow(prepared[name]) for name in self._graph.prepared}
        values = self._run(self._graph.network, entries, self._network_values)
        return {name: values[name] for name in self._graph.raw_outputs}

    def keep_tables(self) -> None:
        """Makes the lookup tables that tracing has met part of what is saved."""
        self.tables = dict(self._tables.made)

    def _run(self, nodes: Iterable[Node], known: Mapping[str, Tensor], values: Mapping[str, Value]) -> Tensors:
        tensors = dict(known)
        for node in nodes:
            with tf.name_scope(_plain(node.name)):
                result = PLAIN[node.op]([tensors[name] for name in node.inputs], self._call(node, values))
            result.set_shape(free_shape(values[node.name]))
            tensors[node.name] = result
        return tensors

    def _call(self, node: Node, values: Mapping[str, Value]) -> Call:
        op, attrs = read_node(node)
        inputs = tuple(values[name] for name in node.inputs)
        return Call(
            name=node.name,
            values=inputs,
            attrs=attrs,
            weights={part.name: self.weights[f"{node.name}.{part.name}"] for part in op.weights(inputs, attrs)},
            tables=self._tables,
            is_unrolled=self._is_unrolled,
        )


def check_ops(nodes: Iterable[Node]) -> None:
    """A `BackendError` that names the first op without an entry in the table."""
    for node in nodes:
        if node.op not in PLAIN:
            got, where = f"op {node.op!r}, which has none", f"node {node.name!r}"
            raise BackendError(expected("ops with an edition in plain TensorFlow", got=got, where=where))


def free_shape(value: Value) -> list[int | None]:
    """The shape as TensorFlow knows it: None where a size is a symbol."""
    return [size if isinstance(size, int) else None for size in value.shape]


def spec(value: Value, *, name: str | None = None) -> Any:
    """What a traced function is told of an input."""
    return tf.TensorSpec(free_shape(value), value.dtype, name=name)


def _narrow(tensor: Tensor) -> Tensor:
    """What enters the network: float32 numbers; codes stay as they are."""
    return tf.cast(tensor, tf.float32) if tensor.dtype == tf.float64 else tensor


def _plain(name: str) -> str:
    return "".join(c if c.isascii() and c.isalnum() else "_" for c in name).lstrip("_") or "node"


def _weight(weights: Mapping[str, Array], name: str, shape: tuple[int, ...]) -> Array:
    weight = weights.get(name)
    if weight is None or weight.shape != shape or weight.dtype != "float32":
        got = "none" if weight is None else f"{weight.dtype} {weight.shape}"
        raise ArtifactError(expected(f"a float32 weight {name!r} of shape {shape}", got=got))
    return weight
