"""Other people's PyTorch programs for the server: TorchScript and `.pt2` files. Twin of `keras/serving.py`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ambidex.backends.served import Array, Program, datatype_of
from ambidex.backends.torch._import import Untyped, torch
from ambidex.errors import ArtifactError, expected
from ambidex.runtime.worker_protocol import Interface, Port


def open_model(path: str, *, kind: str, is_trusted: bool) -> Program:
    """A `torchscript` or `pt2` file, on the CPU. Raises `ArtifactError` for anything else, and without trust."""
    if not is_trusted:
        raise ArtifactError(expected("--trust for a program of PyTorch", got="none", where=path), where=path)
    return _open_exported(path) if kind == "pt2" else _open_script(path)


def _open_script(path: str) -> Program:
    """TorchScript says its arguments' names, but neither their types nor their shapes: the model finds out."""
    try:
        module: Untyped = torch.jit.load(path, map_location="cpu")  # type: ignore[no-untyped-call]
    except RuntimeError as error:
        got = str(error).strip().partition(". ")[0]
        raise ArtifactError(expected("a file of torch.jit.save", got=got, where=path), where=path) from error
    arguments = [argument for argument in module.forward.schema.arguments[1:] if not argument.has_default_value()]
    for argument in arguments:
        if str(argument.type) != "Tensor":
            got = f"{argument.name!r} of type {argument.type}"
            raise ArtifactError(expected("a forward that takes tensors", got=got, where=path), where=path)
    names = [argument.name for argument in arguments]
    likely = _likely_shapes(module)
    results = _script_outputs(str(module.forward.schema.returns[0].type))

    def run(given: Mapping[str, Array], wanted: Sequence[str]) -> dict[str, Array]:
        try:
            with torch.inference_mode():
                result = module(*(torch.from_numpy(given[name]) for name in names))
        except (
            RuntimeError
        ) as error:  # TorchScript shows its code first, which is nobody's business; the reason is last
            raise ValueError(str(error).strip().splitlines()[-1]) from error
        return _chosen(_named(result), wanted)

    return Program(
        interface=Interface(
            inputs=tuple(Port(name=name, datatype="FP32", takes="numbers", likely=likely.get(name)) for name in names),
            outputs=tuple(Port(name=name, datatype="FP32") for name in results),
            runs_on=f"torch {torch.__version__}",
        ),
        run=run,
    )


def _likely_shapes(module: Untyped) -> dict[str, tuple[int, ...]]:
    """The shapes that the first weights ask of the inputs they meet, as far as the program shows it."""
    graph = module.inlined_graph
    arguments = [argument.name for argument in module.forward.schema.arguments[1:]]
    values = [value.debugName() for value in graph.inputs()][1:]
    origin = dict(zip(values, arguments, strict=True))  # of every value that has an input's shape still
    found: dict[str, tuple[int, ...]] = {}
    for node in graph.nodes():
        given = list(node.inputs())
        name = origin.get(given[0].debugName()) if given else None
        if name is None:
            continue
        if node.kind() in _KEEPS_SHAPE:
            origin |= {output.debugName(): name for output in node.outputs()}
        elif node.kind() in _WEIGHTED and name not in found:
            weight = _constant(given[1], module)
            if isinstance(weight, torch.Tensor):
                place = _WEIGHTED[node.kind()]
                groups = _constant(given[place], module) if place else 1
                free = (-1,) * (weight.dim() - 2)
                found[name] = (-1, weight.shape[1] * int(groups or 1), *free)
    return found


_WEIGHTED = {"aten::linear": 0, "aten::conv1d": 6, "aten::conv2d": 6, "aten::conv3d": 6, "aten::_convolution": 8}
"""Operators whose second argument is a weight (out, in, ...), and where they say how many groups it has."""
_KEEPS_SHAPE = {
    f"aten::{name}"
    for name in ("add", "sub", "mul", "div", "to", "relu", "tanh", "sigmoid", "batch_norm", "layer_norm", "dropout")
}


def _constant(value: Untyped, module: Untyped) -> Untyped:
    """What a value of the graph is before anything runs: a constant or an attribute; else None."""
    node = value.node()
    if node.kind() == "prim::Constant":
        return value.toIValue()
    if node.kind() == "prim::GetAttr":
        owner = _constant(next(iter(node.inputs())), module)
        return None if owner is None else getattr(owner, node.s("name"), None)
    return module if node.kind() == "prim::Param" else None


def _script_outputs(result: str) -> list[str]:
    """The outputs that a return type promises; a dictionary's are only known once it has answered."""
    count = result.count("Tensor") if result.startswith("Tuple[") else 1
    return [f"output_{position}" for position in range(count)]


def _open_exported(path: str) -> Program:
    tree = torch.utils._pytree  # noqa: SLF001 - what the exporter packs arguments with; it has no public name
    exported = torch.export.load(path)
    module = exported.module()
    names = list(exported.graph_signature.user_inputs)
    nodes = {node.name: node for node in exported.graph.nodes}
    ports = _ports(nodes, names, path)
    found = _ports(nodes, list(exported.graph_signature.user_outputs), path)
    spec: Untyped = exported.call_spec.out_spec
    is_flat = spec is not None and spec.type is dict and len(spec.context) == len(found)
    results = list(map(str, spec.context)) if is_flat else [f"output_{position}" for position in range(len(found))]
    outputs = tuple(
        Port(name=name, datatype=port.datatype, shape=port.shape) for name, port in zip(results, found, strict=True)
    )
    dtypes = {name: nodes[name].meta["val"].dtype for name in names}

    def run(given: Mapping[str, Array], wanted: Sequence[str]) -> dict[str, Array]:
        tensors = [torch.from_numpy(given[name]).to(dtypes[name]) for name in names]
        arguments, keywords = tree.tree_unflatten(tensors, exported.call_spec.in_spec)
        with torch.inference_mode():
            leaves = tree.tree_leaves(module(*arguments, **keywords))
        return _chosen(dict(zip(results, leaves, strict=True)), wanted)

    return Program(interface=Interface(inputs=ports, outputs=outputs, runs_on=f"torch {torch.__version__}"), run=run)


def _ports(nodes: Mapping[str, Untyped], names: Sequence[str], path: str) -> tuple[Port, ...]:
    """The tensors of these nodes as the exporter saw them; sizes that may change are free."""
    ports = []
    for name in names:
        value: Untyped = nodes[name].meta["val"] if name in nodes else None
        if not isinstance(value, torch.Tensor):
            raise ArtifactError(expected("a program of tensors only", got=f"{name!r}", where=path), where=path)
        sizes: Untyped = value.shape  # whole numbers, or symbols
        shape = tuple(size if isinstance(size, int) else -1 for size in sizes)
        datatype = datatype_of(str(value.dtype).removeprefix("torch."), name)
        ports.append(Port(name=name, datatype=datatype, shape=shape))
    return tuple(ports)


def _named(result: Untyped) -> dict[str, Untyped]:
    """A result's tensors by name: a dictionary's own names, or their positions."""
    if isinstance(result, dict):
        return {str(name): value for name, value in result.items()}
    parts = result if isinstance(result, (list, tuple)) else [result]
    return {f"output_{position}": part for position, part in enumerate(parts)}


def _chosen(named: Mapping[str, Untyped], wanted: Sequence[str]) -> dict[str, Array]:
    """The outputs wanted; all of them where a TorchScript dictionary has other names than anybody could know."""
    chosen = named if set(wanted) - set(named) else {name: named[name] for name in wanted or named}
    return {name: _array(value) for name, value in chosen.items()}


def _array(value: Untyped) -> Array:
    tensor = value.detach().cpu()
    return np.asarray((tensor.float() if tensor.dtype in (torch.bfloat16, torch.float16) else tensor).numpy())
