"""Texts to codes, and decisions back to labels, in TensorFlow."""

from __future__ import annotations

from collections.abc import Sequence

from ambidex.backends.keras._import import plain_tf as tf
from ambidex.backends.keras.plain.call import Call, Entry, Tensor
from ambidex.graph.ops.category import FIRST_CODE, MISSING_CODE, UNSEEN_CODE


def _lookup(inputs: Sequence[Tensor], call: Call) -> Tensor:
    codes = []
    for column, vocabulary in enumerate(call.attrs.vocabularies):
        code_of = {text: code for code, text in enumerate(vocabulary, start=FIRST_CODE)} | {"": MISSING_CODE}
        table = call.tables.codes(f"{call.name}.{column}", code_of, UNSEEN_CODE)
        codes.append(table.lookup(inputs[0][..., column]))
    return tf.stack(codes, axis=-1)


def _sigmoid_pair(inputs: Sequence[Tensor], call: Call) -> Tensor:
    logit = inputs[0]
    decay = tf.exp(-tf.abs(logit))
    small = decay / (1 + decay)
    is_positive = logit >= 0
    return tf.concat([tf.where(is_positive, small, 1 - small), tf.where(is_positive, 1 - small, small)], axis=-1)


def _threshold(inputs: Sequence[Tensor], call: Call) -> Tensor:
    return tf.cast(inputs[0][..., 1] >= call.attrs.threshold, tf.int64)


def _argmax(inputs: Sequence[Tensor], call: Call) -> Tensor:
    return tf.argmax(inputs[0], axis=-1, output_type=tf.int64)


def _label(inputs: Sequence[Tensor], call: Call) -> Tensor:
    is_number = isinstance(call.attrs.classes[0], int)
    return tf.gather(tf.constant(call.attrs.classes, tf.int64 if is_number else tf.string), inputs[0])


CATEGORIES: dict[str, Entry] = {
    "lookup": _lookup,
    "sigmoid_pair": _sigmoid_pair,
    "threshold": _threshold,
    "argmax": _argmax,
    "label": _label,
}
