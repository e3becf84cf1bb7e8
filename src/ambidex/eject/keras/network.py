"""The network as a functional Keras model, written from the graph's nodes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ambidex.eject.keras.layers import LAYERS, WEIGHTS
from ambidex.eject.outline import Chain, Fan, Outline, Scope, Single, outline, part
from ambidex.eject.source import Array, Layer, Stored, parameters, source_of
from ambidex.eject.text import call, collection, comprehension, identifier, indented, literal
from ambidex.graph import Graph, Node, Value, network_values, read_node


def network_lines(graph: Graph, *, doc: str) -> list[str]:
    """The functions of the network, the last of which is `build_model`, two blank lines between them."""
    values = network_values(graph)
    plan = outline(graph)
    lines: list[str] = []
    for group, members in plan.blocks.items():
        lines += [*_block_function(group, members, values), "", ""]
    lines += ["def build_model():", f'    """{doc}"""']
    return lines + indented(_body(graph, plan, values), 4)


def state(graph: Graph, weights: Mapping[str, Array]) -> Stored:
    """What `load_weights` reads: `<layer>/<number>` for each entry of the layer's `get_weights()`."""
    plan = outline(graph)
    found: Stored = {}
    for node in graph.network:
        if node.op not in WEIGHTS:
            continue
        prefix = node.name + "."
        parts = {name[len(prefix) :]: array for name, array in weights.items() if name.startswith(prefix)}
        _, attrs = read_node(node)
        name = "_".join(plan.path(node.name))
        found |= {f"{name}/{place}": array for place, array in enumerate(WEIGHTS[node.op](attrs, parts))}
    return found


def function_name(group: str) -> str:
    """`block` of `blocks`."""
    return group.removesuffix("s") if not group.endswith("ss") else group


def _layers(nodes: Sequence[Node], values: Mapping[str, Value]) -> dict[str, Layer]:
    sources = {part(node): source_of(LAYERS, node, values) for node in nodes}
    return {name: source.layer for name, source in sources.items() if source.layer}


def _block_function(group: str, members: Sequence[Sequence[Node]], values: Mapping[str, Value]) -> list[str]:
    varying = parameters([_layers(nodes, values) for nodes in members])
    nodes = members[0]
    steps = [Single(node=node) for node in nodes]
    inner = {node.name for node in nodes}
    source = next(name for node in nodes for name in node.inputs if name not in inner)
    scope = Scope.of(steps, {source: "x"}, [nodes[-1].name])
    lines: list[str] = []
    for number, step in enumerate(steps):
        own = part(step.node)
        name = f'f"{{name}}_{identifier(own)}"'
        lines += _write(step, values, scope, number, (varying.given.get(own), name), at=4)
    head = f"def {function_name(group)}({', '.join(['x', *varying.names, 'name'])}):"
    return [head, *indented(_returning(lines, scope.names[nodes[-1].name]), 4)]


def _body(graph: Graph, plan: Outline, values: Mapping[str, Value]) -> list[str]:
    lines: list[str] = []
    names = {name: identifier(name) for name in graph.prepared}
    for name, variable in names.items():
        value = values[name]
        sizes = tuple(size if isinstance(size, int) else None for size in value.shape[1:])
        kind = ['dtype="int32"'] if value.dtype == "int64" else []
        lines += call(f"{variable} = keras.Input", [literal(sizes), *kind, f"name={literal(variable)}"], at=4)
    scope = Scope.of(plan.steps, names, [*graph.raw_outputs, *names])  # the last line names the inputs again
    for number, step in enumerate(plan.steps):
        if isinstance(step, Single):
            name = literal("_".join(plan.path(step.node.name)))
            lines += _write(step, values, scope, number, (None, name), at=4)
        elif isinstance(step, Chain):
            lines += _chain(plan, step, values, scope, number)
        else:
            lines += _fan(step, values, scope, number)
    inputs = ", ".join(names.values())
    inputs = f"[{inputs}]" if len(names) > 1 else inputs
    outputs = scope.names[graph.raw_outputs[0]]
    if len(graph.raw_outputs) > 1:
        outputs = "{" + ", ".join(f"{literal(name)}: {scope.names[name]}" for name in graph.raw_outputs) + "}"
    return [*lines, *call("return keras.Model", [inputs, outputs], at=4)]


def _write(
    step: Single,
    values: Mapping[str, Value],
    scope: Scope,
    number: int,
    naming: tuple[Mapping[str, str] | None, str],
    *,
    at: int,
) -> list[str]:
    """The lines of one node; `naming` is what is given for its layer's arguments, and the source of its name."""
    source = source_of(LAYERS, step.node, values)
    inputs = scope.taken(step)
    out = scope.made(number, step)
    given, name = naming
    layer = "" if source.layer is None else source.layer.write(given, name)
    *before, expression = source.write(inputs, out, layer)
    if expression == out:
        return before
    return [*before, *_assigned(out, expression, at=at)]


def _assigned(out: str, expression: str, *, at: int) -> list[str]:
    """`out = layers.Kind(…)(x)`, broken inside the last brackets where it is too long."""
    if len(line := f"{out} = {expression}") + at <= 88:
        return [line]
    head, _, last = expression.rpartition("(")
    return [f"{out} = {head}(", f"    {last[:-1]}", ")"]


def _chain(plan: Outline, step: Chain, values: Mapping[str, Value], scope: Scope, number: int) -> list[str]:
    (source,) = scope.taken(step)
    out = scope.made(number, step)
    varying = parameters([_layers(nodes, values) for nodes in plan.blocks[step.group]])
    name = function_name(step.group)
    rows = varying.rows[step.first : step.first + len(step.members)]
    if len(rows) > 1 and source == out and len(varying.names) < 2:
        counter = f"i in range({step.first}, {step.first + len(rows)})" if step.first else f"i in range({len(rows)})"
        sizes = [row[0] for row in rows] if varying.names else []
        loop = f"for i, {varying.names[0]} in enumerate({literal(sizes)}):" if sizes else f"for {counter}:"
        arguments = [source, *varying.names, f'name=f"{step.group}_{{i}}"']
        if step.first == 0 and len(loop) + 4 <= 88:
            return [loop, f"    {out} = {name}({', '.join(arguments)})"]
    lines = []
    for place, row in enumerate(rows, start=step.first):
        arguments = [source, *map(literal, row), f'name="{step.group}_{place}"']
        lines += call(f"{out} = {name}", arguments, at=4)
        source = out
    return lines


def _fan(step: Fan, values: Mapping[str, Value], scope: Scope, number: int) -> list[str]:
    (source,) = scope.taken(step)
    out = scope.made(number, step)
    kept = "vectors" if out == "x" else out
    layers = [layer for node in step.members if (layer := source_of(LAYERS, node, values).layer)]
    varying = parameters([{"": layer} for layer in layers])
    made = layers[0].write(varying.given.get(""), f'f"{step.group}_{{i}}"')
    names = ", ".join(varying.names)
    names = f"({names})" if len(varying.names) > 1 else names
    rows = [row[0] if len(row) == 1 else row for row in varying.rows]
    sizes = collection("sizes", rows, at=4) if varying.names else []
    loop = f"for i, {names} in enumerate(sizes)" if varying.names else f"for i in range({len(layers)})"
    return [
        *sizes,
        *comprehension(f"{kept} = [", f"{made}({source}[:, i : i + 1])", loop, "]", at=4),
        f"{out} = layers.Concatenate()({kept})",
    ]


def _returning(lines: list[str], out: str) -> list[str]:
    """The lines with the last assignment turned into a return."""
    head, equals, expression = lines[-1].partition(" = ")
    if equals and head == out:
        return [*lines[:-1], f"return {expression}"]
    return [*lines, f"return {out}"]
