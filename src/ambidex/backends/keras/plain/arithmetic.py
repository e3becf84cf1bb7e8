"""Arithmetic between tensors, and ops that move values, in TensorFlow."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ambidex.backends.keras._import import plain_tf as tf
from ambidex.backends.keras.plain.call import Call, Entry, Tensor


def _binary(function: Callable[[Tensor, Tensor], Tensor]) -> Entry:
    def entry(inputs: Sequence[Tensor], call: Call) -> Tensor:
        return function(inputs[0], inputs[1])

    return entry


def _softmax(inputs: Sequence[Tensor], call: Call) -> Tensor:
    return tf.nn.softmax(inputs[0], axis=-1)


ARITHMETIC: dict[str, Entry] = {
    "add": _binary(tf.add),
    "sub": _binary(tf.subtract),
    "mul": _binary(tf.multiply),
    "div": _binary(tf.divide),
    "softmax": _softmax,
}


def _concat(inputs: Sequence[Tensor], call: Call) -> Tensor:
    return tf.concat(inputs, axis=call.attrs.axis)


def _reshape(inputs: Sequence[Tensor], call: Call) -> Tensor:
    return tf.reshape(inputs[0], tf.stack([tf.shape(inputs[0])[0], *call.attrs.shape]))


def _transpose(inputs: Sequence[Tensor], call: Call) -> Tensor:
    return tf.transpose(inputs[0], call.attrs.axes)


def _slice(inputs: Sequence[Tensor], call: Call) -> Tensor:
    index = [slice(None)] * len(inputs[0].shape)
    index[call.attrs.axis] = slice(call.attrs.start, call.attrs.stop)
    return inputs[0][tuple(index)]


def _cast(inputs: Sequence[Tensor], call: Call) -> Tensor:
    return tf.cast(inputs[0], call.attrs.dtype)


SHAPE: dict[str, Entry] = {
    "concat": _concat,
    "reshape": _reshape,
    "transpose": _transpose,
    "slice": _slice,
    "cast": _cast,
}
