"""Layers with weights that act on each row or step, in TensorFlow."""

from __future__ import annotations

from collections.abc import Sequence

from ambidex.backends.keras._import import plain_tf as tf
from ambidex.backends.keras.plain.call import Call, Entry, Tensor


def project(x: Tensor, kernel: Tensor) -> Tensor:
    """x · kernel over the last axis.

    Where only the batch is free, the leading axes are one: a product of two matrices is what runtimes do best.
    """
    inner = x.shape[1:-1]
    if not inner.rank or not inner.is_fully_defined():
        return tf.matmul(x, kernel)
    product = tf.matmul(tf.reshape(x, [-1, x.shape[-1]]), kernel)
    return tf.reshape(product, [-1, *inner, kernel.shape[-1]])


def _dense(inputs: Sequence[Tensor], call: Call) -> Tensor:
    product = project(inputs[0], call.weights["kernel"])
    return product + call.weights["bias"] if call.attrs.has_bias else product


def _embedding(inputs: Sequence[Tensor], call: Call) -> Tensor:
    return tf.gather(call.weights["table"], inputs[0])


def _one_hot(inputs: Sequence[Tensor], call: Call) -> Tensor:
    return tf.one_hot(inputs[0], call.attrs.count, dtype=tf.float32)


def _dropout(inputs: Sequence[Tensor], call: Call) -> Tensor:
    return tf.identity(inputs[0])


def _layer_norm(inputs: Sequence[Tensor], call: Call) -> Tensor:
    centred = inputs[0] - tf.reduce_mean(inputs[0], axis=-1, keepdims=True)
    variance = tf.reduce_mean(centred * centred, axis=-1, keepdims=True)
    return centred / tf.sqrt(variance + call.attrs.epsilon) * call.weights["scale"] + call.weights["offset"]


def _batch_norm(inputs: Sequence[Tensor], call: Call) -> Tensor:
    deviation = tf.sqrt(call.weights["variance"] + call.attrs.epsilon)
    return (inputs[0] - call.weights["mean"]) / deviation * call.weights["scale"] + call.weights["offset"]


def _prelu(inputs: Sequence[Tensor], call: Call) -> Tensor:
    return tf.where(inputs[0] >= 0, inputs[0], call.weights["slope"] * inputs[0])


LAYERS: dict[str, Entry] = {
    "dense": _dense,
    "embedding": _embedding,
    "one_hot": _one_hot,
    "dropout": _dropout,
    "layer_norm": _layer_norm,
    "batch_norm": _batch_norm,
    "prelu": _prelu,
}
