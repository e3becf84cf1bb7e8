"""The op table of Keras: for each network op, the native layer that computes it.

An entry is a function `(style, inputs, attrs)` that adds its layer to the functional model and returns its output.
Only layers and operations of Keras itself appear, so a saved model loads without ambidex.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from ambidex.backends.keras._import import keras
from ambidex.backends.keras.engine import steps
from ambidex.graph.ops import activation, layer, recurrent, sequence, shape

Tensor = Any
Entry = Callable[["_Style", list[Tensor], Any], Tensor]

_INITIALIZERS: dict[str, Callable[[int], Any]] = {
    "zeros": lambda seed: keras.initializers.Zeros(),
    "ones": lambda seed: keras.initializers.Ones(),
    "glorot_uniform": lambda seed: keras.initializers.GlorotUniform(seed=seed),
    "he_uniform": lambda seed: keras.initializers.HeUniform(seed=seed),
    "lecun_normal": lambda seed: keras.initializers.LecunNormal(seed=seed),
    "orthogonal": lambda seed: keras.initializers.Orthogonal(seed=seed),
    "embedding": lambda seed: keras.initializers.RandomNormal(stddev=0.1, seed=seed),
}
"""Only for users who start over from the model's configuration: our own draws replace every value (graph.initial)."""


@keras.saving.register_keras_serializable("ambidex")
class _Blank(keras.initializers.Initializer):
    """Zeros, from NumPy: every weight is overwritten, and JAX would compile a program for each random draw."""

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> npt.NDArray[Any]:
        return np.zeros(shape, dtype or np.float32)


def _begin(style: _Style, layer: Any, **initializers: str) -> None:
    """Gives a layer, built from blanks, the draws that a model made from its configuration starts with."""
    for attribute, name in initializers.items():
        setattr(layer, f"{attribute}_initializer", _INITIALIZERS[name](style.seed))


@dataclass(frozen=True, kw_only=True)
class _Style:
    """What an entry is told besides inputs and attributes: the layer's name, its policy of precision, its dropout."""

    name: str
    dtype: str
    dropout: Any

    @property
    def seed(self) -> int:
        """A seed of the layer's own; without one, Keras would take one from Python's stream of chance."""
        return zlib.crc32(self.name.encode()) >> 1


class _Dropout(keras.layers.Dropout):
    """Dropout for our own training loop, with the engine's generator named.

    Keras leaves the choice to TensorFlow, and below XLA on a CPU that takes 50 times as long: 43 ms for a mask of
    256 × 256 numbers, against 1 ms. With and without XLA the masks differ.
    """

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        """Zeroes a share of the values where it is training."""
        if not training or self.rate == 0:
            return inputs
        is_kept = steps.uniform(keras.ops.shape(inputs), self.seed_generator.next()) >= self.rate
        return keras.ops.where(is_kept, inputs / (1 - self.rate), keras.ops.zeros_like(inputs))


def _dense(style: _Style, inputs: list[Tensor], attrs: layer.Dense) -> Tensor:
    dense = keras.layers.Dense(
        attrs.units,
        use_bias=attrs.has_bias,
        kernel_initializer=_Blank(),
        trainable=attrs.is_trainable,
        name=style.name,
        dtype=style.dtype,
    )
    output = dense(inputs[0])
    _begin(style, dense, kernel=attrs.init)
    return output


def _embedding(style: _Style, inputs: list[Tensor], attrs: layer.Embedding) -> Tensor:
    table = keras.layers.Embedding(
        attrs.count, attrs.width, embeddings_initializer=_Blank(), name=style.name, dtype=style.dtype
    )
    output = table(inputs[0])
    _begin(style, table, embeddings=attrs.init)
    return output


def _one_hot(style: _Style, inputs: list[Tensor], attrs: layer.OneHot) -> Tensor:
    return keras.ops.one_hot(inputs[0], attrs.count, dtype="float32")


def _dropout(style: _Style, inputs: list[Tensor], attrs: layer.Dropout) -> Tensor:
    return style.dropout(attrs.rate, seed=style.seed, name=style.name, dtype=style.dtype)(inputs[0])


def _layer_norm(style: _Style, inputs: list[Tensor], attrs: layer.Norm) -> Tensor:
    return keras.layers.LayerNormalization(epsilon=attrs.epsilon, name=style.name, dtype=style.dtype)(inputs[0])


def _batch_norm(style: _Style, inputs: list[Tensor], attrs: layer.BatchNorm) -> Tensor:
    # Keras weights the old statistics, the graph (and torch) the new batch.
    return keras.layers.BatchNormalization(
        momentum=1 - attrs.momentum, epsilon=attrs.epsilon, name=style.name, dtype=style.dtype
    )(inputs[0])


def _lstm(style: _Style, inputs: list[Tensor], attrs: recurrent.Recurrent) -> Tensor:
    return _recurrent(style, inputs, attrs, keras.layers.LSTM)


def _gru(style: _Style, inputs: list[Tensor], attrs: recurrent.Recurrent) -> Tensor:
    return _recurrent(style, inputs, attrs, partial(keras.layers.GRU, reset_after=True))


def _recurrent(style: _Style, inputs: list[Tensor], attrs: recurrent.Recurrent, kind: Callable[..., Any]) -> Tensor:
    make = partial(
        kind,
        attrs.units,
        return_sequences=attrs.returns_sequence,
        kernel_initializer=_Blank(),
        recurrent_initializer=_Blank(),
        seed=style.seed,
        dtype=style.dtype,
    )
    if attrs.is_bidirectional:
        both = keras.layers.Bidirectional(make(), merge_mode="concat", name=style.name, dtype=style.dtype)
        output, cells = both(inputs[0]), [both.forward_layer.cell, both.backward_layer.cell]
    else:
        one = make(name=style.name)
        output, cells = one(inputs[0]), [one.cell]
    for cell in cells:
        _begin(style, cell, kernel="glorot_uniform", recurrent="orthogonal")
    return output


def _conv1d(style: _Style, inputs: list[Tensor], attrs: sequence.Conv1d) -> Tensor:
    """Zero steps are a layer of their own unless they are those of Keras's "causal"."""
    x = inputs[0]
    if any(attrs.padding) and not attrs.is_causal:
        x = keras.layers.ZeroPadding1D(attrs.padding, name=f"{style.name}.padding", dtype=style.dtype)(x)
    convolution = keras.layers.Conv1D(
        attrs.units,
        attrs.size,
        strides=attrs.stride,
        dilation_rate=attrs.dilation,
        padding="causal" if attrs.is_causal and attrs.reach else "valid",
        use_bias=attrs.has_bias,
        kernel_initializer=_Blank(),
        name=style.name,
        dtype=style.dtype,
    )
    output = convolution(x)
    _begin(style, convolution, kernel=attrs.init)
    return output


def _attention(style: _Style, inputs: list[Tensor], attrs: sequence.Attention) -> Tensor:
    attention = keras.layers.MultiHeadAttention(
        attrs.heads,
        inputs[0].shape[-1] // attrs.heads,
        use_bias=attrs.has_bias,
        kernel_initializer=_Blank(),
        seed=style.seed,
        name=style.name,
        dtype=style.dtype,
    )
    output = attention(inputs[0], inputs[0], use_causal_mask=attrs.is_causal)
    _begin(style, attention, _kernel="glorot_uniform")
    return output


def _prelu(style: _Style, inputs: list[Tensor], attrs: layer.Prelu) -> Tensor:
    rank = len(inputs[0].shape)
    shared = list(range(1, rank if attrs.is_shared else rank - 1))
    quarter = keras.initializers.Constant(0.25)
    return keras.layers.PReLU(quarter, shared_axes=shared, name=style.name, dtype=style.dtype)(inputs[0])


def _activation(function: str) -> Entry:
    def entry(style: _Style, inputs: list[Tensor], attrs: Any) -> Tensor:
        return keras.layers.Activation(function, name=style.name, dtype=style.dtype)(inputs[0])

    return entry


def _leaky_relu(style: _Style, inputs: list[Tensor], attrs: activation.LeakyRelu) -> Tensor:
    return keras.layers.LeakyReLU(negative_slope=attrs.slope, name=style.name, dtype=style.dtype)(inputs[0])


def _softmax(style: _Style, inputs: list[Tensor], attrs: Any) -> Tensor:
    return keras.layers.Softmax(axis=-1, name=style.name, dtype=style.dtype)(inputs[0])


def _binary(make_layer: Callable[..., Any]) -> Entry:
    def entry(style: _Style, inputs: list[Tensor], attrs: Any) -> Tensor:
        return make_layer(name=style.name, dtype=style.dtype)(inputs)

    return entry


def _div(style: _Style, inputs: list[Tensor], attrs: Any) -> Tensor:
    return keras.ops.divide(inputs[0], inputs[1])


def _concat(style: _Style, inputs: list[Tensor], attrs: shape.Concat) -> Tensor:
    if len(inputs) == 1:
        return inputs[0]
    return keras.layers.Concatenate(axis=attrs.axis, name=style.name, dtype=style.dtype)(inputs)


def _reshape(style: _Style, inputs: list[Tensor], attrs: shape.Reshape) -> Tensor:
    return keras.layers.Reshape(attrs.shape, name=style.name, dtype=style.dtype)(inputs[0])


def _transpose(style: _Style, inputs: list[Tensor], attrs: shape.Transpose) -> Tensor:
    return keras.layers.Permute(attrs.axes[1:], name=style.name, dtype=style.dtype)(inputs[0])


def _slice(style: _Style, inputs: list[Tensor], attrs: shape.Slice) -> Tensor:
    index = [slice(None)] * len(inputs[0].shape)
    index[attrs.axis] = slice(attrs.start, attrs.stop)
    part = inputs[0][tuple(index)]
    if inputs[0].shape[attrs.axis] is None and attrs.start < 0:
        # The last steps of a free axis are a fixed number; Keras does not infer that, and a dense layer needs it.
        sizes = [-attrs.start if axis == attrs.axis else size for axis, size in enumerate(part.shape)]
        return keras.layers.Reshape(tuple(sizes[1:]))(part)
    return part


LAYERS: dict[str, Entry] = {
    "dense": _dense,
    "embedding": _embedding,
    "one_hot": _one_hot,
    "dropout": _dropout,
    "layer_norm": _layer_norm,
    "batch_norm": _batch_norm,
    "prelu": _prelu,
    "lstm": _lstm,
    "gru": _gru,
    "conv1d": _conv1d,
    "attention": _attention,
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
    "add": _binary(keras.layers.Add),
    "sub": _binary(keras.layers.Subtract),
    "mul": _binary(keras.layers.Multiply),
    "div": _div,
    "softmax": _softmax,
    "concat": _concat,
    "reshape": _reshape,
    "transpose": _transpose,
    "slice": _slice,
}
