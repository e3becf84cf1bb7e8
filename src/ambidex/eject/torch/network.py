"""The network as an `nn.Module`, written from the graph's nodes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ambidex.eject.outline import Chain, Fan, Outline, Scope, Single, Step, outline, part
from ambidex.eject.source import Array, Layer, Source, Stored, parameters, source_of
from ambidex.eject.text import call, collection, comprehension, identifier, indented, literal
from ambidex.eject.torch.layers import LAYERS, WEIGHTS
from ambidex.graph import Graph, Node, Value, network_values, read_node

ONE_BIAS = '''
def one_bias(lstm):
    """An LSTM needs one bias: PyTorch's second one stays zero."""
    for name, parameter in lstm.named_parameters():
        if name.startswith("bias_hh"):
            parameter.requires_grad_(False)
    return lstm
'''


def network_lines(graph: Graph, *, doc: str) -> list[str]:
    """The classes of the network, the last of which is `Network`, two blank lines between them."""
    values = network_values(graph)
    plan = outline(graph)
    lines: list[str] = []
    if any(node.op == "lstm" for node in graph.network):
        lines += [*ONE_BIAS.strip("\n").split("\n"), "", ""]
    for group, members in plan.blocks.items():
        lines += [*_block_class(group, members, values), "", ""]
    lines += ["class Network(nn.Module):", f'    """{doc}"""', "", "    def __init__(self):"]
    lines += indented(["super().__init__()", *_attributes(plan, values)], 8)
    arguments = ", ".join(identifier(name) for name in graph.prepared)
    lines += ["", f"    def forward(self, {arguments}):"]
    names = {name: identifier(name) for name in graph.prepared}
    return lines + indented(_forward(plan, values, names, graph.raw_outputs), 8)


def state(graph: Graph, weights: Mapping[str, Array]) -> Stored:
    """The `state_dict` of the module that `network_lines` writes, from canonical weights."""
    plan = outline(graph)
    found: Stored = {}
    for node in graph.network:
        if node.op not in WEIGHTS:
            continue
        prefix = node.name + "."
        parts = {name[len(prefix) :]: array for name, array in weights.items() if name.startswith(prefix)}
        path = ".".join(plan.path(node.name))
        _, attrs = read_node(node)
        found |= {f"{path}.{name}": array for name, array in WEIGHTS[node.op](attrs, parts).items()}
    return found


def class_name(group: str) -> str:
    """`Block` of `blocks`."""
    word = group.removesuffix("s") if not group.endswith("ss") else group
    return "".join(piece.capitalize() for piece in word.split("_"))


def _layers(nodes: Sequence[Node], values: Mapping[str, Value]) -> dict[str, Layer]:
    """The layers of a block's nodes by their names within it."""
    sources = {part(node): source_of(LAYERS, node, values) for node in nodes}
    return {name: source.layer for name, source in sources.items() if source.layer}


def _block_class(group: str, members: Sequence[Sequence[Node]], values: Mapping[str, Value]) -> list[str]:
    varying = parameters([_layers(nodes, values) for nodes in members])
    own = _layers(members[0], values)
    made = [f"self.{identifier(name)} = {layer.write(varying.given.get(name))}" for name, layer in own.items()]
    nodes = members[0]
    source = _outside(nodes)
    steps = [Single(node=node) for node in nodes]
    scope = Scope.of(steps, {source: "x"}, [nodes[-1].name])
    run: list[str] = []
    for number, step in enumerate(steps):
        layer = f"self.{identifier(part(step.node))}"
        run += _write(source_of(LAYERS, step.node, values), scope, number, step, layer)
    return [
        f"class {class_name(group)}(nn.Module):",
        f"    def __init__({', '.join(['self', *varying.names])}):",
        *indented(["super().__init__()", *made], 8),
        "",
        "    def forward(self, x):",
        *indented(_returning(run, scope.names[nodes[-1].name]), 8),
    ]


def _outside(nodes: Sequence[Node]) -> str:
    inner = {node.name for node in nodes}
    return next(name for node in nodes for name in node.inputs if name not in inner)


def _attributes(plan: Outline, values: Mapping[str, Value]) -> list[str]:
    """The lines of `__init__`, in the order in which the forward run meets the layers."""
    lines: list[str] = []
    done: set[str] = set()
    for step in plan.steps:
        group = _group(plan, step)
        if group in done:
            continue
        done.add(group)
        if isinstance(step, Chain):
            lines += _block_list(plan, step, values)
        elif group in plan.lists:
            lines += _layer_list(group, [_layer(node, values) for node in plan.lists[group]])
        elif isinstance(step, Single) and (layer := source_of(LAYERS, step.node, values).layer):
            lines += _wrapped(f"self.{group} = ", layer.write())
    return lines


def _wrapped(head: str, text: str) -> list[str]:
    """A statement that ends in a call; its indent of 8 is added later."""
    if len(head + text) + 8 <= 88 or "(" not in text:
        return [head + text]
    name, _, rest = text.partition("(")
    return call(head + name, [rest[:-1]], at=8)


def _group(plan: Outline, step: Step) -> str:
    return step.group if not isinstance(step, Single) else plan.path(step.node.name)[0]


def _layer(node: Node, values: Mapping[str, Value]) -> Layer:
    layer = source_of(LAYERS, node, values).layer
    assert layer is not None, "lists hold layers"
    return layer


def _block_list(plan: Outline, step: Chain, values: Mapping[str, Value]) -> list[str]:
    members = plan.blocks[step.group]
    varying = parameters([_layers(nodes, values) for nodes in members])
    name = class_name(step.group)
    kind = "nn.Sequential" if len(step.members) == len(members) else "nn.ModuleList"
    if not varying.names:
        star = "*" if kind == "nn.Sequential" else ""
        inner = f"{name}() for _ in range({len(members)})"
        return [f"self.{step.group} = {kind}({f'{star}({inner})' if star else inner})"]
    made = [f"{name}({', '.join(map(literal, row))})" for row in varying.rows]
    if kind == "nn.Sequential":
        return call(f"self.{step.group} = {kind}", made, at=8)
    rows = [row[0] if len(row) == 1 else row for row in varying.rows]
    star = "" if len(varying.names) == 1 else "*"
    return [*collection("sizes", rows, at=8), f"self.{step.group} = {kind}({name}({star}size) for size in sizes)"]


def _layer_list(group: str, layers: Sequence[Layer]) -> list[str]:
    """A `ModuleList` as a comprehension over what differs."""
    varying = parameters([{"": layer} for layer in layers])
    made = layers[0].write(varying.given.get(""))
    if not varying.names:
        return [f"self.{group} = nn.ModuleList({made} for _ in range({len(layers)}))"]
    names = ", ".join(varying.names)
    rows = [row[0] if len(row) == 1 else row for row in varying.rows]
    if len(varying.names) > 1 and made.endswith(f"({names})"):
        made, names = made.replace(f"({names})", "(*size)"), "size"
    made_all = comprehension(f"self.{group} = nn.ModuleList(", made, f"for {names} in sizes", ")", at=8)
    return [*collection("sizes", rows, at=8), *made_all]


def _forward(plan: Outline, values: Mapping[str, Value], names: dict[str, str], outputs: Sequence[str]) -> list[str]:
    scope = Scope.of(plan.steps, names, outputs)
    lines: list[str] = []
    for number, step in enumerate(plan.steps):
        if isinstance(step, Single):
            lines += _write(source_of(LAYERS, step.node, values), scope, number, step, _access(plan, step.node))
        elif isinstance(step, Chain):
            lines += _chain(plan, step, scope, number)
        else:
            lines += _fan(step, scope, number)
    if len(outputs) == 1:
        return _returning(lines, scope.names[outputs[0]])
    found = ", ".join(f"{literal(name)}: {scope.names[name]}" for name in outputs)
    return [*lines, f"return {{{found}}}"]


def _access(plan: Outline, node: Node) -> str:
    """`self.lstm[0]` or `self.head`."""
    path = plan.path(node.name)
    return "self." + path[0] + "".join(f"[{word}]" for word in path[1:])


def _write(source: Source, scope: Scope, number: int, step: Step, layer: str) -> list[str]:
    inputs = scope.taken(step)
    out = scope.made(number, step)
    *before, expression = source.write(inputs, out, layer)
    return [*before, *([] if expression == out else [f"{out} = {expression}"])]


def _chain(plan: Outline, step: Chain, scope: Scope, number: int) -> list[str]:
    (source,) = scope.taken(step)
    out = scope.made(number, step)
    if len(step.members) == len(plan.blocks[step.group]):
        return [f"{out} = self.{step.group}({source})"]
    lines = []
    for place in range(step.first, step.first + len(step.members)):
        lines.append(f"{out} = self.{step.group}[{place}]({source})")
        source = out
    return lines


def _fan(step: Fan, scope: Scope, number: int) -> list[str]:
    (source,) = scope.taken(step)
    out = scope.made(number, step)
    kept = "vectors" if out == "x" else out
    element, loop = f"e({source}[:, i : i + 1])", f"for i, e in enumerate(self.{step.group})"
    return [*comprehension(f"{kept} = [", element, loop, "]", at=8), f"{out} = torch.cat({kept}, dim=-1)"]


def _returning(lines: list[str], out: str) -> list[str]:
    """The lines with the last assignment turned into a return."""
    head, equals, expression = lines[-1].partition(" = ")
    if equals and head == out:
        return [*lines[:-1], f"return {expression}"]
    return [*lines, f"return {out}"]
