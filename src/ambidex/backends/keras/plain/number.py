"""Preparation of numbers and its inverses, column by column over the last axis, in TensorFlow."""

from __future__ import annotations

from collections.abc import Sequence

from ambidex.backends.keras._import import plain_tf as tf
from ambidex.backends.keras.plain.call import Call, Entry, Tensor, row


def _select(inputs: Sequence[Tensor], call: Call) -> Tensor:
    return tf.gather(inputs[0], tf.constant(call.attrs.columns, tf.int32), axis=-1)


def _impute(inputs: Sequence[Tensor], call: Call) -> Tensor:
    return tf.where(tf.math.is_nan(inputs[0]), row(call.attrs.fill, inputs[0]), inputs[0])


def _is_missing(inputs: Sequence[Tensor], call: Call) -> Tensor:
    return tf.cast(tf.math.is_nan(inputs[0]), inputs[0].dtype)


def _standardize(inputs: Sequence[Tensor], call: Call) -> Tensor:
    return (inputs[0] - row(call.attrs.center, inputs[0])) / row(call.attrs.scale, inputs[0])


def _unstandardize(inputs: Sequence[Tensor], call: Call) -> Tensor:
    return inputs[0] * row(call.attrs.scale, inputs[0]) + row(call.attrs.center, inputs[0])


def _smooth_clip(inputs: Sequence[Tensor], call: Call) -> Tensor:
    return inputs[0] / tf.sqrt(1 + tf.square(inputs[0] / call.attrs.limit))


def _temperature(inputs: Sequence[Tensor], call: Call) -> Tensor:
    return inputs[0] / call.attrs.temperature


NUMBERS: dict[str, Entry] = {
    "select": _select,
    "impute": _impute,
    "is_missing": _is_missing,
    "standardize": _standardize,
    "unstandardize": _unstandardize,
    "smooth_clip": _smooth_clip,
    "temperature": _temperature,
}
