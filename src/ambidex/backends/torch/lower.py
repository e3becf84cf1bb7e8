"""The network of a graph as a native module whose forward is generated, readable Python."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from ambidex.backends.torch._import import Untyped, fx, nn, torch
from ambidex.backends.torch.layers import LAYERS, Built
from ambidex.backends.torch.names import layer_names
from ambidex.backends.torch.weights import from_canonical
from ambidex.errors import ArtifactError, expected, one_of
from ambidex.graph import Graph, Node, Value, network_values, read_node
from ambidex.graph.op import Array


def lower(graph: Graph, weights: Mapping[str, Array]) -> nn.Module:
    """An `nn.Module` on the CPU, in training mode, with these canonical weights.

    Its forward takes the prepared tensors in the order of `graph.prepared` (or by name). One raw output comes as a
    tensor, several as a dictionary by name. Layers, activations and dropout are submodules under their nodes' names (a
    dot opens a level); arithmetic and reshaping are lines of the generated forward, which `print(module.code)` shows.
    Nothing of ours runs per node, and `deepcopy`, `torch.compile` and `torch.export` work.
    """
    values = network_values(graph)
    paths = layer_names(node.name for node in graph.network)
    root = nn.Module()
    program = fx.Graph()
    tracer = fx.proxy.GraphAppendingTracer(program)
    known: dict[str, Untyped] = {
        name: fx.Proxy(program.placeholder(argument), tracer)
        for name, argument in zip(graph.prepared, _arguments(graph.prepared), strict=True)
    }
    for node in graph.network:
        built = _build(node, values)
        known[node.name] = _emit(paths[node.name], built, [known[name] for name in node.inputs], root)
    found = {name: known[name].node for name in graph.raw_outputs}
    program.output(found if len(found) > 1 else found[graph.raw_outputs[0]])
    module: nn.Module = fx.GraphModule(root, program, class_name="Network").to_empty(device="cpu")
    _clear_unnamed(module)
    from_canonical(module, graph, weights)
    return module


def _build(node: Node, values: Mapping[str, Value]) -> Built:
    """The node's edition with weights that have no storage yet, so that nothing is drawn to be overwritten."""
    _, attrs = read_node(node)
    if node.op not in LAYERS:
        raise ArtifactError(expected(one_of(LAYERS, node.op), got=f"op {node.op!r}", where=f"node {node.name!r}"))
    with torch.device("meta"):
        return LAYERS[node.op](attrs, [values[name] for name in node.inputs])


def _emit(path: str, built: Built, inputs: Sequence[Untyped], root: nn.Module) -> Untyped:
    """Adds the node's lines to the program, and its layer, if it has one, to the tree."""
    layer, finish = built if isinstance(built, tuple) else (built, None)
    if not isinstance(layer, nn.Module):
        return layer(*inputs)
    _attach(root, path, layer)
    tracer = inputs[0].tracer
    result = fx.Proxy(tracer.graph.call_module(path, tuple(proxy.node for proxy in inputs)), tracer)
    return finish(result) if finish else result


def _attach(root: nn.Module, path: str, layer: nn.Module) -> None:
    """Puts a layer at a dotted path, which may pass through containers and through other layers."""
    *parents, last = path.split(".")
    place = root
    for part in parents:
        children = dict(place.named_children())
        if part not in children:
            place.add_module(part, nn.Module())
        place = place.get_submodule(part)
    before = dict(place.named_children()).get(last, nn.Module())
    for name, child in before.named_children():
        layer.add_module(name, child)
    place.add_module(last, layer)


def _clear_unnamed(module: nn.Module) -> None:
    """Zeroes what no canonical name fills: an LSTM's second bias, and the counter of batches."""
    with torch.no_grad():
        for name, tensor in (*module.named_parameters(), *module.named_buffers()):
            if name.rpartition(".")[2].startswith(("bias_hh", "num_batches_tracked")):
                tensor.zero_()


def _arguments(names: Sequence[str]) -> list[str]:
    """The names as Python identifiers, each once."""
    found: list[str] = []
    for name in names:
        argument = re.sub(r"\W|^(?=\d)", "_", name)
        while argument in found:
            argument += "_"
        found.append(argument)
    return found
