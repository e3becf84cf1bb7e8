"""Reads and fills the layers of a user's own PyTorch module."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from ambidex.backends.foreign import ForeignLayer
from ambidex.backends.torch._import import Tensor, Untyped, nn, torch
from ambidex.backends.torch.names import layer_names
from ambidex.backends.torch.weights import Place, layer_places, recurrent_places, to_canonical
from ambidex.errors import UsageError, expected
from ambidex.graph import Graph
from ambidex.graph.op import Array

_ATTRIBUTES = {"epsilon": "eps", "momentum": "momentum", "slope": "negative_slope"}
_SECOND_BIAS = "its two biases act as their sum, and the sum is what is kept"
_BATCHES = "num_batches_tracked; the variance it keeps while training is the unbiased one, Keras's the biased one"
_PADDING = "one row gets no gradient in PyTorch and is trained like every other in Keras"
_UNKNOWN = "a layer of this kind has no counterpart here"


def read_layers(network: nn.Module) -> list[ForeignLayer]:
    """The module's layers that have weights, and its leaky ReLUs, in the order in which they were made.

    A module that stacks recurrent layers is one entry for each, `<name>.0`, `<name>.1`, …
    """
    return list(_walk(network, ""))


def write_layer(layer: ForeignLayer, weights: Mapping[str, Array]) -> None:
    """Fills a layer in place with weights under its parts' names; the second biases of an LSTM become zero."""
    with torch.no_grad():
        for place in _places(layer):
            place.tensor.copy_(place.join(weights))
        for tensor in _second_biases(layer):
            tensor.zero_()


def set_attributes(layer: ForeignLayer, attrs: Mapping[str, float]) -> None:
    """Changes hyperparameters among `SETTABLE`."""
    for name, value in attrs.items():
        setattr(layer.native, _ATTRIBUTES[name], value)


def canonical_weights(network: nn.Module, graph: Graph) -> dict[str, Array]:
    """The weights of a module that was made from the graph, whatever the user trained in it since, by canonical name.

    Second biases that were trained are added to the first. Raises `UsageError` where a layer is no longer there.
    """
    try:
        found = to_canonical(network, graph)
        paths = layer_names(node.name for node in graph.network)
        for name in [node.name for node in graph.network if node.op == "lstm"]:
            layer = ForeignLayer(name=name, op="lstm", native=network.get_submodule(paths[name]))
            for way, tensor in zip(("forward", "backward"), _second_biases(layer), strict=False):
                found[f"{name}.{way}.bias"] += tensor.detach().cpu().float().numpy()
    except AttributeError as error:
        fix = "Change the weights of what to_torch() gave, not its layers."
        raise UsageError(expected("the layers of this model", got=str(error).rstrip("."), fix=fix)) from None
    return found


def run(network: nn.Module, inputs: Sequence[Array]) -> list[Array]:
    """The network's outputs in inference mode, one after the other however they are nested."""
    first = next(iter(network.parameters()), torch.zeros(()))
    was_training = network.training
    network.eval()
    try:
        with torch.no_grad():
            found = network(*(_tensor(array, first) for array in inputs))
    finally:
        network.train(was_training)
    return [value.detach().cpu().numpy() for value in _flatten(found)]


def snapshot(network: nn.Module) -> list[Array]:
    """Every parameter and buffer, to be put back by `restore`."""
    return [tensor.detach().cpu().numpy().copy() for tensor in network.state_dict().values()]


def restore(network: nn.Module, values: Sequence[Array]) -> None:
    """Puts a snapshot back."""
    with torch.no_grad():
        for tensor, value in zip(network.state_dict().values(), values, strict=True):
            tensor.copy_(torch.from_numpy(value))


def input_specs(network: nn.Module) -> None:
    """What the network takes, which a PyTorch module does not say."""


def forget_compiled(network: nn.Module) -> None:
    """Nothing: a module computes with the attributes it has at that moment."""


def _walk(module: nn.Module, path: str) -> Iterator[ForeignLayer]:
    for kind, read in _READERS.items():
        if isinstance(module, kind):
            yield from read(path, module)
            return
    if any(True for _ in module.parameters(recurse=False)):
        yield ForeignLayer(name=path, op=type(module).__name__, native=module, refusal=_UNKNOWN)
        return
    for name, child in module.named_children():
        yield from _walk(child, f"{path}.{name}" if path else name)


def _layer(path: str, op: str, module: Untyped, **told: Untyped) -> ForeignLayer:
    """The record with the weights that are there."""
    bare = ForeignLayer(name=path, op=op, native=module, **told)
    if any(isinstance(parameter, nn.UninitializedParameter) for parameter in module.parameters()):
        return ForeignLayer(name=path, op=op, native=module, refusal="it has no weights before it is first called")
    found: dict[str, Array] = {}
    for place in _places(bare) if not bare.refusal else []:
        found |= place.split(place.tensor)
    for way, tensor in zip(("forward", "backward"), _second_biases(bare), strict=False):
        found[f"{way}.bias"] = found[f"{way}.bias"] + tensor.detach().cpu().float().numpy()
    return ForeignLayer(name=path, op=op, native=module, weights=found, **told)


def _places(layer: ForeignLayer) -> list[Place]:
    """Where the layer's weights live, under the names of parts alone."""
    if layer.op in {"lstm", "gru"}:
        found = recurrent_places("", layer.native, layer.level)
    else:
        found = layer_places(layer.op, "", layer.native)
    return [
        Place(
            tensor=place.tensor,
            names=tuple(name.removeprefix(".") for name in place.names),
            is_transposed=place.is_transposed,
            has_swapped_gates=place.has_swapped_gates,
        )
        for place in found
    ]


def _second_biases(layer: ForeignLayer) -> list[Tensor]:
    """An LSTM's `bias_hh`, forward and backward."""
    if layer.op != "lstm" or not layer.native.bias or layer.refusal:
        return []
    suffixes = ("", "_reverse") if layer.native.bidirectional else ("",)
    return [getattr(layer.native, f"bias_hh_l{layer.level}{suffix}") for suffix in suffixes]


def _recurrent(op: str) -> Callable[[str, Untyped], list[ForeignLayer]]:
    def read(path: str, module: Untyped) -> list[ForeignLayer]:
        count = module.num_layers
        return [
            _layer(
                path if count == 1 else f"{path}.{level}" if path else str(level),
                op,
                module,
                level=level,
                attrs={"is_bidirectional": module.bidirectional, "units": module.hidden_size},
                refusal="Keras has no projection of the state (proj_size)" if module.proj_size else "",
                lost=(_SECOND_BIAS,) if op == "lstm" and module.bias else (),
            )
            for level in range(count)
        ]

    return read


def _embedding(path: str, module: Untyped) -> list[ForeignLayer]:
    refusal = "" if module.max_norm is None else "Keras does not renormalise rows as they are read (max_norm)"
    lost = () if module.padding_idx is None else (f"{_PADDING} (padding_idx={module.padding_idx})",)
    return [_layer(path, "embedding", module, refusal=refusal, lost=lost)]


def _conv1d(path: str, module: Untyped) -> list[ForeignLayer]:
    attrs = {"stride": module.stride[0], "dilation": module.dilation[0], "groups": module.groups}
    refusal = (
        "" if module.padding_mode == "zeros" else f"Keras pads with zeros only (padding_mode={module.padding_mode!r})"
    )
    return [_layer(path, "conv1d", module, attrs=attrs, refusal=refusal)]


def _batch_norm(path: str, module: Untyped) -> list[ForeignLayer]:
    refusal = "" if module.track_running_stats else "Keras always keeps running statistics (track_running_stats=False)"
    refusal = refusal or ("" if module.momentum is not None else "Keras has no plain average (momentum=None)")
    attrs = {"epsilon": module.eps, "momentum": module.momentum}
    return [_layer(path, "batch_norm", module, attrs=attrs, refusal=refusal, lost=(_BATCHES,))]


def _layer_norm(path: str, module: Untyped) -> list[ForeignLayer]:
    refusal = "" if len(module.normalized_shape) == 1 else "it normalises over several axes"
    return [_layer(path, "layer_norm", module, attrs={"epsilon": module.eps}, refusal=refusal)]


def _attention(path: str, module: Untyped) -> list[ForeignLayer]:
    refusal = "" if module.in_proj_weight is not None else "its keys and values have widths of their own (kdim, vdim)"
    if module.bias_k is not None or module.add_zero_attn:
        refusal = "Keras adds no steps to keys and values (add_bias_kv, add_zero_attn)"
    return [_layer(path, "attention", module, attrs={"heads": module.num_heads}, refusal=refusal)]


def _dense(path: str, module: Untyped) -> list[ForeignLayer]:
    return [_layer(path, "dense", module)]


def _prelu(path: str, module: Untyped) -> list[ForeignLayer]:
    return [_layer(path, "prelu", module)]


def _leaky_relu(path: str, module: Untyped) -> list[ForeignLayer]:
    return [_layer(path, "leaky_relu", module, attrs={"slope": module.negative_slope})]


_READERS: dict[type[nn.Module], Callable[[str, Untyped], list[ForeignLayer]]] = {
    nn.Linear: _dense,
    nn.Embedding: _embedding,
    nn.LSTM: _recurrent("lstm"),
    nn.GRU: _recurrent("gru"),
    nn.Conv1d: _conv1d,
    nn.BatchNorm1d: _batch_norm,
    nn.LayerNorm: _layer_norm,
    nn.MultiheadAttention: _attention,
    nn.PReLU: _prelu,
    nn.LeakyReLU: _leaky_relu,
}


def _tensor(array: Array, like: Tensor) -> Tensor:
    tensor = torch.from_numpy(np.ascontiguousarray(array))
    return tensor.to(like.device, like.dtype if tensor.is_floating_point() else torch.int64)


def _flatten(found: Untyped) -> Iterator[Tensor]:
    if isinstance(found, Tensor):
        yield found
    elif isinstance(found, Mapping):
        for value in found.values():
            yield from _flatten(value)
    elif isinstance(found, Sequence):
        for value in found:
            yield from _flatten(value)
    else:
        raise UsageError(f"Expected tensors as the module's output, got {type(found).__name__}.")
