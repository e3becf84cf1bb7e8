"""The Keras source of every network op, and the order of its weights in `layer.get_weights()`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ambidex.eject.source import Argument, Array, Emit, Layer, Source
from ambidex.eject.torch.layers import slice_text
from ambidex.graph import Value
from ambidex.graph.op import width
from ambidex.graph.ops.activation import LeakyRelu
from ambidex.graph.ops.layer import BatchNorm, Dense, Dropout, Embedding, Norm, OneHot, Prelu
from ambidex.graph.ops.recurrent import Recurrent, directions
from ambidex.graph.ops.sequence import READERS, Attention, Conv1d
from ambidex.graph.ops.shape import Concat, Reshape, Slice, Transpose

_CALL = ("{layer}({0})",)


def _layer(constructor: str, arguments: Sequence[Argument], *, form: str = "{}", is_named: bool = True) -> Source:
    layer = Layer(constructor=constructor, arguments=tuple(arguments), form=form, is_named=is_named)
    return Source(lines=_CALL, layer=layer)


def _option(name: str, value: Any) -> Argument:
    return Argument(role=name, value=value, keyword=name)


def _dense(attrs: Dense, inputs: Sequence[Value]) -> Source:
    arguments = [Argument(role="units", value=attrs.units)]
    arguments += [] if attrs.has_bias else [_option("use_bias", False)]
    arguments += [] if attrs.is_trainable else [_option("trainable", False)]
    return _layer("layers.Dense", arguments)


def _embedding(attrs: Embedding, inputs: Sequence[Value]) -> Source:
    return _layer(
        "layers.Embedding", [Argument(role="count", value=attrs.count), Argument(role="width", value=attrs.width)]
    )


def _one_hot(attrs: OneHot, inputs: Sequence[Value]) -> Source:
    return Source(lines=(f'keras.ops.one_hot({{0}}, {attrs.count}, dtype="float32")',))


def _dropout(attrs: Dropout, inputs: Sequence[Value]) -> Source:
    return _layer("layers.Dropout", [Argument(role="rate", value=attrs.rate)], is_named=False)


def _layer_norm(attrs: Norm, inputs: Sequence[Value]) -> Source:
    return _layer("layers.LayerNormalization", [_option("epsilon", attrs.epsilon)])


def _batch_norm(attrs: BatchNorm, inputs: Sequence[Value]) -> Source:
    # Keras weights the old statistics, the graph (and PyTorch) the new batch.
    options = [_option("momentum", 1 - attrs.momentum), _option("epsilon", attrs.epsilon)]
    return _layer("layers.BatchNormalization", options)


def _recurrent(kind: str) -> Emit:
    def emit(attrs: Recurrent, inputs: Sequence[Value]) -> Source:
        arguments = [Argument(role="units", value=attrs.units)]
        if not attrs.is_bidirectional:
            arguments += [_option("return_sequences", True)] if attrs.returns_sequence else []
            return _layer(f"layers.{kind}", arguments)
        inner = f"layers.{kind}({attrs.units}{', return_sequences=True' if attrs.returns_sequence else ''})"
        return _layer("layers.Bidirectional", [Argument(role="layer", value=Code(inner))])

    return emit


def _conv1d(attrs: Conv1d, inputs: Sequence[Value]) -> Source:
    arguments = [Argument(role="units", value=attrs.units), Argument(role="size", value=attrs.size)]
    is_causal = attrs.is_causal and attrs.reach > 0
    options = {
        "strides": (attrs.stride, 1),
        "dilation_rate": (attrs.dilation, 1),
        "padding": ("causal" if is_causal else "valid", "valid"),
        "use_bias": (attrs.has_bias, True),
    }
    arguments += [_option(name, value) for name, (value, usual) in options.items() if value != usual]
    layer = Layer(constructor="layers.Conv1D", arguments=tuple(arguments), is_named=True)
    if any(attrs.padding) and not is_causal:
        return Source(lines=(f"{{layer}}(layers.ZeroPadding1D({attrs.padding})({{0}}))",), layer=layer)
    return Source(lines=_CALL, layer=layer)


def _attention(attrs: Attention, inputs: Sequence[Value]) -> Source:
    size = width(inputs[0]) // attrs.heads
    arguments = [Argument(role="heads", value=attrs.heads), Argument(role="size", value=size)]
    arguments += [] if attrs.has_bias else [_option("use_bias", False)]
    layer = Layer(constructor="layers.MultiHeadAttention", arguments=tuple(arguments), is_named=True)
    masked = ", use_causal_mask=True" if attrs.is_causal else ""
    return Source(lines=(f"{{layer}}({{0}}, {{0}}{masked})",), layer=layer)


def _prelu(attrs: Prelu, inputs: Sequence[Value]) -> Source:
    rank = len(inputs[0].shape)
    shared = list(range(1, rank if attrs.is_shared else rank - 1))
    return _layer("layers.PReLU", [_option("shared_axes", shared)] if shared else [])


class Code(str):
    """Source that is an argument as it stands."""

    def __repr__(self) -> str:
        return str(self)


def _activation(name: str) -> Emit:
    return lambda attrs, inputs: _layer("layers.Activation", [Argument(role="name", value=name)], is_named=False)


def _leaky_relu(attrs: LeakyRelu, inputs: Sequence[Value]) -> Source:
    return _layer("layers.LeakyReLU", [_option("negative_slope", attrs.slope)], is_named=False)


def _binary(sign: str) -> Emit:
    return lambda attrs, inputs: Source(lines=(f"{{0}} {sign} {{1}}",))


def _softmax(attrs: Any, inputs: Sequence[Value]) -> Source:
    return Source(lines=("layers.Softmax()({0})",))


def _concat(attrs: Concat, inputs: Sequence[Value]) -> Source:
    axis = "" if attrs.axis == -1 else f"axis={attrs.axis}"
    return Source(lines=("{0}",) if len(inputs) == 1 else (f"layers.Concatenate({axis})([{{all}}])",))


def _reshape(attrs: Reshape, inputs: Sequence[Value]) -> Source:
    if len(attrs.shape) == 1:
        return Source(lines=("layers.Flatten()({0})",))
    return Source(lines=(f"layers.Reshape({attrs.shape})({{0}})",))


def _transpose(attrs: Transpose, inputs: Sequence[Value]) -> Source:
    return Source(lines=(f"layers.Permute(({', '.join(map(str, attrs.axes[1:]))}))({{0}})",))


def _slice(attrs: Slice, inputs: Sequence[Value]) -> Source:
    shape = inputs[0].shape
    text = f"{{0}}[{slice_text(attrs, len(shape))}]"
    if isinstance(shape[attrs.axis % len(shape)], int) or attrs.start >= 0:
        return Source(lines=(text,))
    # The last steps of a free axis are a fixed number; Keras does not infer that, and a dense layer needs it.
    sizes = [-attrs.start if axis == attrs.axis % len(shape) else size for axis, size in enumerate(shape)]
    return Source(lines=(f"layers.Reshape(({', '.join(map(str, sizes[1:]))}))({text})",))


LAYERS: dict[str, Emit] = {
    "dense": _dense,
    "embedding": _embedding,
    "one_hot": _one_hot,
    "dropout": _dropout,
    "layer_norm": _layer_norm,
    "batch_norm": _batch_norm,
    "lstm": _recurrent("LSTM"),
    "gru": _recurrent("GRU"),
    "conv1d": _conv1d,
    "attention": _attention,
    "prelu": _prelu,
    "relu": _activation("relu"),
    "gelu": _activation("gelu"),
    "silu": _activation("silu"),
    "mish": _activation("mish"),
    "selu": _activation("selu"),
    "elu": _activation("elu"),
    "tanh": _activation("tanh"),
    "sigmoid": _activation("sigmoid"),
    "softplus": _activation("softplus"),
    "leaky_relu": _leaky_relu,
    "add": _binary("+"),
    "sub": _binary("-"),
    "mul": _binary("*"),
    "div": _binary("/"),
    "softmax": _softmax,
    "concat": _concat,
    "reshape": _reshape,
    "transpose": _transpose,
    "slice": _slice,
}
"""The source of every network op; the keys are those of `graph.OPS` with `is_network`."""


# Weights


def _in_order(*names: str) -> Callable[[Any, Mapping[str, Array]], list[Array]]:
    return lambda attrs, parts: [parts[name] for name in names if name in parts]


def _recurrent_weights(attrs: Recurrent, parts: Mapping[str, Array]) -> list[Array]:
    """The two biases of a GRU are the rows of one variable."""
    found: list[Array] = []
    for way in directions(attrs):
        bias = parts[f"{way}.bias"]
        second = parts.get(f"{way}.recurrent_bias")
        bias = bias if second is None else np.stack([bias, second])
        found += [parts[f"{way}.kernel"], parts[f"{way}.recurrent_kernel"], bias]
    return found


def _attention_weights(attrs: Attention, parts: Mapping[str, Array]) -> list[Array]:
    """The heads are an axis of their own."""
    found = []
    for name in (*READERS, "output"):
        kernel = parts[f"{name}.kernel"]
        size = len(kernel) // attrs.heads
        shape = (attrs.heads, size, -1) if name == "output" else (-1, attrs.heads, size)
        found.append(kernel.reshape(shape))
        if attrs.has_bias:
            bias = parts[f"{name}.bias"]
            found.append(bias if name == "output" else bias.reshape(attrs.heads, size))
    return found


WEIGHTS: dict[str, Callable[[Any, Mapping[str, Array]], list[Array]]] = {
    "dense": _in_order("kernel", "bias"),
    "embedding": _in_order("table"),
    "layer_norm": _in_order("scale", "offset"),
    "batch_norm": _in_order("scale", "offset", "mean", "variance"),
    "lstm": _recurrent_weights,
    "gru": _recurrent_weights,
    "conv1d": _in_order("kernel", "bias"),
    "attention": _attention_weights,
    "prelu": _in_order("slope"),
}
"""From canonical parts to a layer's `set_weights`, for every op with weights."""
