"""Reads and fills the layers of a user's own Keras model."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ambidex.backends.foreign import ForeignLayer
from ambidex.backends.keras._import import keras
from ambidex.backends.keras.weights import Place, layer_places, to_canonical
from ambidex.errors import UsageError, expected
from ambidex.graph import Graph
from ambidex.graph.op import Array

_UNKNOWN = "a layer of this kind has no counterpart here"
_SEQUENCE = {"activation": "tanh", "recurrent_activation": "sigmoid"}


def read_layers(network: Any) -> list[ForeignLayer]:
    """The model's layers that have weights, and its leaky ReLUs, in the model's own order, those of inner models too.

    Raises `UsageError` where the model has no weights yet.
    """
    if not network.built:
        raise UsageError(
            "Expected a Keras model with weights, got one that was never called. Call it on a sample once."
        )
    return list(_walk(network, ""))


def write_layer(layer: ForeignLayer, weights: Mapping[str, Array]) -> None:
    """Fills a layer in place with weights under its parts' names."""
    for place in _places(layer):
        place.variable.assign(place.join(weights))


def set_attributes(layer: ForeignLayer, attrs: Mapping[str, float]) -> None:
    """Changes hyperparameters among `SETTABLE`. Keras's momentum is the weight of the old statistics."""
    for name, value in attrs.items():
        if name == "momentum":
            layer.native.momentum = round(1 - value, 12)
        else:
            setattr(layer.native, {"epsilon": "epsilon", "slope": "negative_slope"}[name], value)


def canonical_weights(network: Any, graph: Graph) -> dict[str, Array]:
    """The weights of a model that was made from the graph, whatever the user trained in it since, by canonical name.

    Raises `UsageError` where a layer is no longer there.
    """
    try:
        return to_canonical(network, graph)
    except (AttributeError, ValueError) as error:
        fix = "Change the weights of what to_keras() gave, not its layers."
        raise UsageError(expected("the layers of this model", got=str(error).rstrip("."), fix=fix)) from None


def run(network: Any, inputs: Sequence[Array]) -> list[Array]:
    """The network's outputs in inference mode, one after the other however they are nested."""
    given = [np.asarray(array, np.int32 if array.dtype.kind in "iu" else array.dtype) for array in inputs]
    found = network(given if len(given) > 1 else given[0], training=False)
    return [np.asarray(keras.ops.convert_to_numpy(value)) for value in keras.tree.flatten(found)]


def snapshot(network: Any) -> list[Array]:
    """Every weight, to be put back by `restore`."""
    return [np.array(keras.ops.convert_to_numpy(variable)) for variable in network.weights]


def restore(network: Any, values: Sequence[Array]) -> None:
    """Puts a snapshot back."""
    for variable, value in zip(network.weights, values, strict=True):
        variable.assign(value)


def input_specs(network: Any) -> list[tuple[tuple[int | None, ...], int]] | None:
    """For each input its shape after the batch, and how many codes it may hold (0: it takes numbers).

    None where the model does not say what it takes.
    """
    try:
        inputs = list(network.inputs)
    except (AttributeError, ValueError):
        return None
    counts = {id(table.input): table.input_dim for table in _tables(network)}
    every = min((table.input_dim for table in _tables(network)), default=2)
    return [
        (tuple(tensor.shape[1:]), counts.get(id(tensor), every if "int" in str(tensor.dtype) else 0))
        for tensor in inputs
    ]


def forget_compiled(network: Any) -> None:
    """Lets `fit` and `predict` trace again: their compiled steps hold the hyperparameters that were."""
    for name in ("train_function", "test_function", "predict_function"):
        if hasattr(network, name):
            setattr(network, name, None)


def _tables(network: Any) -> list[Any]:
    """The embeddings that the model calls itself, once each."""
    return [
        layer
        for layer in network.layers
        if isinstance(layer, keras.layers.Embedding) and len(layer._inbound_nodes) == 1  # noqa: SLF001 - has no public name
    ]


def _walk(layer: Any, path: str) -> Iterator[ForeignLayer]:
    for kind, read in _READERS.items():
        if isinstance(layer, getattr(keras.layers, kind)):
            yield read(path or layer.name, layer)
            return
    children = _children(layer)
    own = [id(variable) for variable in layer.weights]
    below = {id(variable) for child in children for variable in child.weights}
    if any(variable not in below for variable in own):
        yield ForeignLayer(name=path or layer.name, op=type(layer).__name__, native=layer, refusal=_UNKNOWN)
        return
    for child in children:
        yield from _walk(child, f"{path}/{child.name}" if path else child.name)


def _children(layer: Any) -> list[Any]:
    """The layers directly inside a model, a wrapper or a layer of the user's own; Keras's other layers are whole."""
    if isinstance(layer, keras.Model):
        return list(layer.layers)
    if type(layer).__module__.split(".")[0] == "keras" and not isinstance(layer, keras.layers.Wrapper):
        return []
    return list(layer._flatten_layers(include_self=False, recursive=False))  # noqa: SLF001 - has no public name


def _layer(path: str, op: str, layer: Any, **told: Any) -> ForeignLayer:
    """The record with the weights that are there."""
    bare = ForeignLayer(name=path, op=op, native=layer, **told)
    found: dict[str, Array] = {}
    for place in _places(bare) if not bare.refusal else []:
        found |= place.split(np.asarray(keras.ops.convert_to_numpy(place.variable)))
    return ForeignLayer(name=path, op=op, native=layer, weights=found, **told)


def _places(layer: ForeignLayer) -> list[Place]:
    """Where the layer's weights live, under the names of parts alone."""
    return [
        Place(variable=place.variable, names=tuple(name.removeprefix(".") for name in place.names), shape=place.shape)
        for place in layer_places(layer.op, "", layer.native)
    ]


def _recurrent(path: str, layer: Any) -> ForeignLayer:
    op = "lstm" if isinstance(layer, keras.layers.LSTM) else "gru"
    attrs = {"is_bidirectional": False, "units": layer.units}
    refusal = "PyTorch reads forwards only (go_backwards)" if layer.go_backwards else _refuse_cell(layer)
    return _layer(path, op, layer, attrs=attrs, refusal=refusal)


def _bidirectional(path: str, layer: Any) -> ForeignLayer:
    inner = layer.forward_layer
    op = {keras.layers.LSTM: "lstm", keras.layers.GRU: "gru"}.get(type(inner), type(inner).__name__)
    if op not in {"lstm", "gru"} or type(layer.backward_layer) is not type(inner):
        return ForeignLayer(name=path, op=op, native=layer, refusal=_UNKNOWN)
    refusal = (
        ""
        if layer.merge_mode == "concat"
        else f"PyTorch puts directions side by side (merge_mode={layer.merge_mode!r})"
    )
    refusal = refusal or _refuse_cell(inner)
    return _layer(path, op, layer, attrs={"is_bidirectional": True, "units": inner.units}, refusal=refusal)


def _refuse_cell(layer: Any) -> str:
    """Why PyTorch has no such cell, or nothing."""
    if not getattr(layer, "reset_after", True):
        return "PyTorch's GRU resets after the product, this one before it (reset_after=False): another function"
    for name, wanted in _SEQUENCE.items():
        if getattr(layer, name) is not keras.activations.get(wanted):
            return f"PyTorch's {name} is {wanted} ({name}={getattr(layer, name).__name__!r})"
    return ""


def _embedding(path: str, layer: Any) -> ForeignLayer:
    refusal = "PyTorch has no masks that later layers follow (mask_zero)" if layer.mask_zero else ""
    return _layer(path, "embedding", layer, refusal=refusal)


def _conv1d(path: str, layer: Any) -> ForeignLayer:
    attrs = {"stride": layer.strides[0], "dilation": layer.dilation_rate[0], "groups": layer.groups}
    refusal = ""
    if layer.padding == "same" and layer.strides[0] > 1:
        refusal = "what padding='same' adds beside a stride depends on the length; pad with ZeroPadding1D instead"
    return _layer(path, "conv1d", layer, attrs=attrs, refusal=refusal)


def _batch_norm(path: str, layer: Any) -> ForeignLayer:
    attrs = {"epsilon": layer.epsilon, "momentum": 1 - layer.momentum}
    lost = ("the variance it keeps while training is the biased one, PyTorch's the unbiased one",)
    return _layer(path, "batch_norm", layer, attrs=attrs, lost=lost)


def _layer_norm(path: str, layer: Any) -> ForeignLayer:
    is_last = len(layer.axis) == 1 if isinstance(layer.axis, list | tuple) else True
    refusal = "" if is_last else "it normalises over several axes"
    refusal = refusal or (
        "it divides by the root mean square (rms_scaling)" if getattr(layer, "rms_scaling", False) else ""
    )
    return _layer(path, "layer_norm", layer, attrs={"epsilon": layer.epsilon}, refusal=refusal)


def _attention(path: str, layer: Any) -> ForeignLayer:
    shapes = {tuple(getattr(layer, f"{name}_dense").kernel.shape) for name in ("query", "key", "value")}
    size = layer.num_heads * layer.key_dim
    is_square = shapes == {(size, layer.num_heads, layer.key_dim)} and layer.output_dense.kernel.shape[-1] == size
    refusal = "" if is_square else "PyTorch's heads share the width of the input between them (key_dim · heads)"
    return _layer(path, "attention", layer, attrs={"heads": layer.num_heads}, refusal=refusal)


def _prelu(path: str, layer: Any) -> ForeignLayer:
    is_plain = all(size == 1 for size in layer.alpha.shape[:-1])
    refusal = "" if is_plain else "PyTorch has no slope for each step (shared_axes=[1] shares them)"
    return _layer(path, "prelu", layer, refusal=refusal)


def _dense(path: str, layer: Any) -> ForeignLayer:
    return _layer(path, "dense", layer)


def _leaky_relu(path: str, layer: Any) -> ForeignLayer:
    return _layer(path, "leaky_relu", layer, attrs={"slope": layer.negative_slope})


_READERS: dict[str, Callable[[str, Any], ForeignLayer]] = {
    "Dense": _dense,
    "Embedding": _embedding,
    "LSTM": _recurrent,
    "GRU": _recurrent,
    "Bidirectional": _bidirectional,
    "Conv1D": _conv1d,
    "BatchNormalization": _batch_norm,
    "LayerNormalization": _layer_norm,
    "MultiHeadAttention": _attention,
    "PReLU": _prelu,
    "LeakyReLU": _leaky_relu,
}
