"""Scalings of a window along time, and their inverses for the forecast, in TensorFlow."""

from __future__ import annotations

from collections.abc import Sequence

from ambidex.backends.keras._import import plain_tf as tf
from ambidex.backends.keras.plain.call import Call, Entry, Tensor, row


def _symmetric_log(x: Tensor, floor: Tensor) -> Tensor:
    u = tf.abs(x / floor)
    return tf.sign(x) * tf.math.log(u + tf.sqrt(u * u + 1))


def _symmetric_exp(y: Tensor, floor: Tensor) -> Tensor:
    return floor * ((tf.exp(y) - tf.exp(-y)) / 2)


def _difference(inputs: Sequence[Tensor], call: Call) -> Tensor:
    return inputs[0][:, 1:] - inputs[0][:, :-1]


def _undifference(inputs: Sequence[Tensor], call: Call) -> Tensor:
    steps, history = inputs
    return history[:, -1:] + tf.cumsum(steps, axis=1)


def _log_ratio(inputs: Sequence[Tensor], call: Call) -> Tensor:
    log = _symmetric_log(inputs[0], row(call.attrs.floor, inputs[0]))
    return log[:, 1:] - log[:, :-1]


def _unlog_ratio(inputs: Sequence[Tensor], call: Call) -> Tensor:
    ratios, history = inputs
    floor = row(call.attrs.floor, ratios)
    return _symmetric_exp(_symmetric_log(history[:, -1:], floor) + tf.cumsum(ratios, axis=1), floor)


def _window_last(inputs: Sequence[Tensor], call: Call) -> Tensor:
    return inputs[0][:, -1:]


def _window_mean(inputs: Sequence[Tensor], call: Call) -> Tensor:
    return tf.reduce_mean(inputs[0], axis=1, keepdims=True)


def _window_scale(inputs: Sequence[Tensor], call: Call) -> Tensor:
    centred = inputs[0] - tf.reduce_mean(inputs[0], axis=1, keepdims=True)
    deviation = tf.sqrt(tf.reduce_mean(centred * centred, axis=1, keepdims=True))
    minimum = tf.constant(call.attrs.minimum, deviation.dtype)
    return tf.where(deviation < minimum, minimum, deviation)  # keeps what is missing, as a maximum would not


def _fill_steps(inputs: Sequence[Tensor], call: Call) -> Tensor:
    """Carries the last known value forward.

    The steps that are known come first when they are sorted, and their running count says which of them is the last
    one so far; before any is known, the first one counts.
    """
    x = tf.transpose(inputs[0], [0, 2, 1])  # (B, F, T)
    length = tf.shape(x)[2]
    is_known = ~tf.math.is_nan(x)
    known = tf.sort(tf.where(is_known, tf.range(length), length), axis=-1)
    count = tf.cumsum(tf.cast(is_known, tf.int32), axis=-1)
    source = tf.gather(known, tf.maximum(count - 1, 0), batch_dims=2)
    filled = tf.gather(x, tf.minimum(source, length - 1), batch_dims=2)
    return tf.transpose(tf.where(tf.math.is_nan(filled), tf.zeros_like(filled), filled), [0, 2, 1])


def _fold(inputs: Sequence[Tensor], call: Call) -> Tensor:
    sizes = tf.shape(inputs[0])
    by_column = tf.transpose(inputs[0], [0, 2, 1])
    return tf.reshape(by_column, tf.stack([sizes[0] * call.attrs.channels, sizes[1], 1]))


def _unfold(inputs: Sequence[Tensor], call: Call) -> Tensor:
    channels, sizes = call.attrs.channels, tf.shape(inputs[0])
    by_column = tf.reshape(inputs[0], tf.stack([sizes[0] // channels, channels, sizes[1]]))
    return tf.transpose(by_column, [0, 2, 1])


def _sort(inputs: Sequence[Tensor], call: Call) -> Tensor:
    return tf.sort(inputs[0], axis=-1)


SERIES: dict[str, Entry] = {
    "difference": _difference,
    "undifference": _undifference,
    "log_ratio": _log_ratio,
    "unlog_ratio": _unlog_ratio,
    "window_last": _window_last,
    "window_mean": _window_mean,
    "window_scale": _window_scale,
    "fill_steps": _fill_steps,
    "fold": _fold,
    "unfold": _unfold,
    "sort": _sort,
}
