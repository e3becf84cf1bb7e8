"""Convolution and self-attention over (B, T, F), in TensorFlow."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ambidex.backends.keras._import import plain_tf as tf
from ambidex.backends.keras.plain.call import Call, Entry, Tensor
from ambidex.backends.keras.plain.layer import project
from ambidex.graph.ops.sequence import READERS


def _conv1d(inputs: Sequence[Tensor], call: Call) -> Tensor:
    attrs = call.attrs
    x = tf.pad(inputs[0], [(0, 0), attrs.padding, (0, 0)])
    result = tf.nn.conv1d(x, call.weights["kernel"], attrs.stride, "VALID", dilations=attrs.dilation)
    return result + call.weights["bias"] if attrs.has_bias else result


def _attention(inputs: Sequence[Tensor], call: Call) -> Tensor:
    """softmax(Q Kᵀ / √d) V per head."""
    x, heads = inputs[0], call.attrs.heads
    width = int(x.shape[-1])
    query, key, value = (_split(_projected(x, name, call), heads) for name in READERS)
    scores = tf.matmul(query, key, transpose_b=True) / math.sqrt(width // heads)  # (B, heads, T, T)
    if call.attrs.is_causal:
        steps = tf.range(tf.shape(x)[1])
        scores = tf.where(steps[:, None] >= steps, scores, tf.constant(-math.inf, x.dtype))
    joined = tf.transpose(tf.matmul(tf.nn.softmax(scores, axis=-1), value), [0, 2, 1, 3])
    return _projected(tf.reshape(joined, _sizes(x, width)), "output", call)


def _split(x: Tensor, heads: int) -> Tensor:
    """(B, T, D) to (B, heads, T, d)."""
    return tf.transpose(tf.reshape(x, _sizes(x, heads, int(x.shape[-1]) // heads)), [0, 2, 1, 3])


def _sizes(x: Tensor, *last: int) -> list[Tensor | int] | Tensor:
    """The shape (B, T, *last), of which at most the batch is left open where T is fixed."""
    if x.shape[1] is not None:
        return [-1, int(x.shape[1]), *last]
    sizes = tf.shape(x)
    return tf.stack([sizes[0], sizes[1], *last])


def _projected(x: Tensor, name: str, call: Call) -> Tensor:
    product = project(x, call.weights[f"{name}.kernel"])
    return product + call.weights[f"{name}.bias"] if f"{name}.bias" in call.weights else product


SEQUENCE: dict[str, Entry] = {"conv1d": _conv1d, "attention": _attention}
