"""LSTM and GRU in TensorFlow: a loop over a history of any length, or every step written out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ambidex.backends.keras._import import plain_tf as tf
from ambidex.backends.keras.plain.call import Call, Entry, Tensor
from ambidex.backends.keras.plain.layer import project
from ambidex.graph.ops.recurrent import directions

Step = Callable[[Tensor, Tensor, Tensor, Mapping[str, Any], str], tuple[Tensor, Tensor]]


def _lstm_step(gx: Tensor, h: Tensor, c: Tensor, weights: Mapping[str, Any], way: str) -> tuple[Tensor, Tensor]:
    """h and c after a step whose input has passed the kernel: gates in the order input, forget, cell, output."""
    gates = gx + tf.matmul(h, weights[f"{way}.recurrent_kernel"])
    i, f, g, o = tf.split(gates, 4, axis=-1)
    c = tf.sigmoid(f) * c + tf.sigmoid(i) * tf.tanh(g)
    return tf.sigmoid(o) * tf.tanh(c), c


def _gru_step(gx: Tensor, h: Tensor, c: Tensor, weights: Mapping[str, Any], way: str) -> tuple[Tensor, Tensor]:
    """The same for gates update, reset, new; the reset gate acts after the recurrent product. The cell is unused."""
    gh = tf.matmul(h, weights[f"{way}.recurrent_kernel"]) + weights[f"{way}.recurrent_bias"]
    xz, xr, xn = tf.split(gx, 3, axis=-1)
    hz, hr, hn = tf.split(gh, 3, axis=-1)
    z = tf.sigmoid(xz + hz)
    n = tf.tanh(xn + tf.sigmoid(xr + hr) * hn)
    return (1 - z) * n + z * h, c


def _recurrent(step: Step) -> Entry:
    def entry(inputs: Sequence[Tensor], call: Call) -> Tensor:
        ways = [_one_way(step, inputs[0], call, way) for way in directions(call.attrs)]
        return tf.concat(ways, axis=-1) if len(ways) > 1 else ways[0]

    return entry


def _one_way(step: Step, x: Tensor, call: Call, way: str) -> Tensor:
    """One direction's states (B, T, D), or its last one (B, D)."""
    gx = project(x, call.weights[f"{way}.kernel"]) + call.weights[f"{way}.bias"]  # (B, T, gates)

    def move(gx: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        return step(gx, h, c, call.weights, way)

    run = _unrolled if call.is_unrolled else _looped
    return run(move, gx, call, is_reversed=way == "backward")


def _start(gx: Tensor, call: Call) -> Tensor:
    return tf.zeros(tf.stack([tf.shape(gx)[0], call.attrs.units]), gx.dtype)


def _unrolled(move: Callable[..., Any], gx: Tensor, call: Call, *, is_reversed: bool) -> Tensor:
    h = c = _start(gx, call)
    outputs: list[Tensor] = []
    steps = range(int(gx.shape[1]))
    for t in reversed(steps) if is_reversed else steps:
        h, c = move(gx[:, t], h, c)
        outputs.append(h)
    if not call.attrs.returns_sequence:
        return h
    return tf.stack(outputs[::-1] if is_reversed else outputs, axis=1)


def _looped(move: Callable[..., Any], gx: Tensor, call: Call, *, is_reversed: bool) -> Tensor:
    by_step = tf.transpose(gx, [1, 0, 2])  # (T, B, gates)
    length = tf.shape(by_step)[0]
    start = _start(gx, call)
    states = tf.TensorArray(gx.dtype, size=length if call.attrs.returns_sequence else 0)

    def body(i: Tensor, h: Tensor, c: Tensor, states: Any) -> tuple[Tensor, Tensor, Tensor, Any]:
        t = length - 1 - i if is_reversed else i
        h, c = move(by_step[t], h, c)
        return i + 1, h, c, states.write(t, h) if call.attrs.returns_sequence else states

    # A step needs the one before: more iterations in flight would only cost memory.
    _, h, _, states = tf.while_loop(
        lambda i, *_: i < length, body, (tf.constant(0), start, start, states), parallel_iterations=1
    )
    return tf.transpose(states.stack(), [1, 0, 2]) if call.attrs.returns_sequence else h


RECURRENT: dict[str, Entry] = {"lstm": _recurrent(_lstm_step), "gru": _recurrent(_gru_step)}
