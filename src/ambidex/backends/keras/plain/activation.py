"""Elementwise functions of one tensor, in TensorFlow operations that small runtimes know too."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from ambidex.backends.keras._import import plain_tf as tf
from ambidex.backends.keras.plain.call import Call, Entry, Tensor
from ambidex.graph.ops.activation import SELU_ALPHA, SELU_SCALE


def _entry(function: Callable[[Tensor], Tensor]) -> Entry:
    def entry(inputs: Sequence[Tensor], call: Call) -> Tensor:
        return function(inputs[0])

    return entry


def _gelu(x: Tensor) -> Tensor:
    """Not `tf.nn.gelu`, which rounds √2 to float32."""
    return 0.5 * x * (1 + tf.math.erf(x / math.sqrt(2)))


def _softplus(x: Tensor) -> Tensor:
    return tf.maximum(x, 0) + tf.math.log1p(tf.exp(-tf.abs(x)))


def _selu(x: Tensor) -> Tensor:
    return SELU_SCALE * tf.where(x > 0, x, SELU_ALPHA * tf.nn.elu(x))


def _leaky_relu(inputs: Sequence[Tensor], call: Call) -> Tensor:
    return tf.where(inputs[0] >= 0, inputs[0], call.attrs.slope * inputs[0])


ACTIVATIONS: dict[str, Entry] = {
    "relu": _entry(tf.nn.relu),
    "gelu": _entry(_gelu),
    "silu": _entry(lambda x: x * tf.sigmoid(x)),
    "mish": _entry(lambda x: x * tf.tanh(_softplus(x))),
    "selu": _entry(_selu),
    "elu": _entry(tf.nn.elu),
    "tanh": _entry(tf.tanh),
    "sigmoid": _entry(tf.sigmoid),
    "softplus": _entry(_softplus),
    "leaky_relu": _leaky_relu,
}
