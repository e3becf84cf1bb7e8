"""The ONNX edition of a whole graph: raw columns in, decoded answers out, in one file without a framework."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from ambidex.backends.source import Precision
from ambidex.errors import ArtifactError, expected
from ambidex.export.onnx.column import pack
from ambidex.export.onnx.compact import compact
from ambidex.export.onnx.context import Call, Context, Step, cast
from ambidex.export.onnx.proto import write_model
from ambidex.export.onnx.table import EMIT
from ambidex.graph.graph import Graph, Node, Parameter, Value
from ambidex.graph.infer import network_values, read_node
from ambidex.graph.op import Array
from ambidex.graph.ports import open_ports, output_names
from ambidex.schema import Layout


class Bound(NamedTuple):
    """A value of our graph and the ONNX tensor that holds it."""

    tensor: str
    value: Value


Scope = dict[str, Bound]


def export_onnx(
    graph: Graph,
    weights: Mapping[str, Array],
    *,
    metadata: Mapping[str, str],
    layouts: Sequence[Layout] | None = None,
    float32_inputs: bool = False,
    precision: Precision = "float32",
) -> bytes:
    """The bytes of one ONNX file: opset 17, weights inline, batch and time free.

    Inputs are the graph's own, packed by kind; with `layouts` (`schema.packed_layout`) there is one per column under
    its name, `future_<name>` for the future of a covariate. Numbers are float64, or float32 with `float32_inputs`.
    `precision` is what large weights are stored in.
    Outputs have the public names in the graph's order; one that an input already has gets the suffix `_predicted`.
    Equal arguments give equal bytes. Raises `ArtifactError` where weights do not fit the graph, `UsageError` where
    columns have no names of their own, `BackendError` without the onnx package.
    """
    ports = open_ports(graph, layouts, float32_inputs=float32_inputs)
    inputs = [port for group in ports.values() for port in group]
    names = output_names(graph, [port.name for port in inputs])
    context = Context([*(port.name for port in inputs), *names.values()])
    raw: Scope = {
        value.name: Bound(pack(context, value, ports[value.name], is_packed=layouts is None), value)
        for value in graph.inputs
    }
    decoded = _emit_sections(context, graph, raw, weights)
    outputs = _name_outputs(context, [(names[public], decoded[name]) for public, name in graph.outputs.items()])
    _prune(context, [output.name for output in outputs])
    compact(context, precision)
    return write_model(context.steps, context.initializers, inputs, outputs, metadata)


def export_network(graph: Graph, weights: Mapping[str, Array], *, metadata: Mapping[str, str]) -> bytes:
    """The network alone as one ONNX file, from prepared tensors to raw outputs, both under their own names.

    For runtimes that lack what preparation needs: strings, float64, times.
    """
    values = network_values(graph)
    inputs = [values[name] for name in graph.prepared]
    context = Context([*graph.prepared, *graph.raw_outputs])
    made = _emit(context, graph.network, {value.name: Bound(value.name, value) for value in inputs}, weights)
    outputs = _name_outputs(context, [(name, made[name]) for name in graph.raw_outputs])
    _prune(context, graph.raw_outputs)
    return write_model(context.steps, context.initializers, inputs, outputs, metadata)


def _emit_sections(context: Context, graph: Graph, raw: Scope, weights: Mapping[str, Array]) -> Scope:
    """All values that `outputs` may name: the network runs in float32, and its results are decoded in float64."""
    prepared = _emit(context, graph.prepare, raw, {})
    entries = {name: _convert(context, name, prepared[name], "float64", "float32") for name in graph.prepared}
    network = _emit(context, graph.network, entries, weights)
    wide = {name: _convert(context, name, network[name], "float32", "float64") for name in graph.raw_outputs}
    return _emit(context, graph.decode, {**prepared, **wide}, {})


def _convert(context: Context, name: str, bound: Bound, old: str, new: Any) -> Bound:
    """The value in the type of the section it enters; codes stay as they are."""
    if bound.value.dtype != old:
        return bound
    context.scope = name
    return Bound(cast(context, bound.tensor, new), Value(name=name, dtype=new, shape=bound.value.shape))


def _emit(context: Context, nodes: Iterable[Node], known: Scope, weights: Mapping[str, Array]) -> Scope:
    scope = dict(known)
    for node in nodes:
        context.scope = node.name
        before = len(context.steps)
        call = _call(node, scope, weights)
        tensor = EMIT[node.op](context, call)
        if len(context.steps) > before:  # otherwise the value is another one's, which keeps its name
            tensor = context.rename_last(tensor, node.name)
        scope[node.name] = Bound(tensor, call.result)
    return scope


def _call(node: Node, scope: Scope, weights: Mapping[str, Array]) -> Call:
    op, attrs = read_node(node)
    bound = [scope[name] for name in node.inputs]
    values = tuple(entry.value for entry in bound)
    dtype, shape = op.infer(values, attrs)
    return Call(
        name=node.name,
        inputs=tuple(entry.tensor for entry in bound),
        values=values,
        result=Value(name=node.name, dtype=dtype, shape=shape),
        attrs=attrs,
        weights={part.name: _weight(node, part, weights) for part in op.weights(values, attrs)},
    )


def _weight(node: Node, part: Parameter, weights: Mapping[str, Array]) -> Array:
    name = f"{node.name}.{part.name}"
    weight = weights.get(name)
    if weight is None or weight.shape != part.shape or weight.dtype != "float32":
        got = "none" if weight is None else f"{weight.dtype} {weight.shape}"
        raise ArtifactError(expected(f"a float32 weight {name!r} of shape {part.shape}", got=got))
    return weight


def _name_outputs(context: Context, outputs: Sequence[tuple[str, Bound]]) -> list[Value]:
    """Gives tensors their public names, with an Identity where one is an input or has two of them."""
    made = {name for step in context.steps for name in step.outputs}
    renamed: dict[str, str] = {}
    copies: list[Step] = []
    for name, bound in outputs:
        if bound.tensor in made and bound.tensor not in renamed:
            renamed[bound.tensor] = name
        else:
            copies.append(Step("Identity", [bound.tensor], [name], {}))
    context.steps += copies
    for step in context.steps:
        step.inputs = [renamed.get(name, name) for name in step.inputs]
        step.outputs = [renamed.get(name, name) for name in step.outputs]
    return [Value(name=name, dtype=bound.value.dtype, shape=bound.value.shape) for name, bound in outputs]


def _prune(context: Context, outputs: Iterable[str]) -> None:
    """Drops what no output depends on: values of training, twins in another layout, their constants."""
    needed = set(outputs)
    kept: list[Step] = []
    for step in reversed(context.steps):
        if needed.isdisjoint(step.outputs):
            continue
        if step.op in {"LSTM", "GRU"}:  # their outputs are optional, and an unnamed one is not computed
            step.outputs = [name if name in needed else "" for name in step.outputs]
        needed.update(step.inputs)
        kept.append(step)
    context.steps = kept[::-1]
    context.initializers = {name: array for name, array in context.initializers.items() if name in needed}
