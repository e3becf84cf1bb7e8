"""Recurrent layers over (B, T, F): LSTM and GRU, one or both directions, starting from zero state."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from ambidex.graph.graph import Dtype, Parameter, Value
from ambidex.graph.op import Array, Attrs, Op, Shape, width
from ambidex.graph.ops.activation import sigmoid

Step = Callable[[Array, Array, Array, Mapping[str, Array], str], tuple[Array, Array]]


class Recurrent(Attrs, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One layer of `units` per direction.

    With `returns_sequence` the result is (B, T, D); otherwise (B, D): the last step of the forward direction beside
    the last one computed by the backward direction (its view of step 0). D is `units`, twice that if bidirectional.
    """

    units: int
    is_bidirectional: bool = False
    returns_sequence: bool = False


def directions(attrs: Recurrent) -> tuple[str, ...]:
    """The prefixes of weight parts, one per direction."""
    return ("forward", "backward") if attrs.is_bidirectional else ("forward",)


def _infer(inputs: Sequence[Value], attrs: Recurrent) -> tuple[Dtype, Shape]:
    batch, time, _ = inputs[0].shape
    size = attrs.units * len(directions(attrs))
    return inputs[0].dtype, (batch, time, size) if attrs.returns_sequence else (batch, size)


def _lstm_weights(inputs: Sequence[Value], attrs: Recurrent) -> tuple[Parameter, ...]:
    """Gates in the order input, forget, cell, output; one bias."""
    size = 4 * attrs.units
    return tuple(
        part
        for way in directions(attrs)
        for part in (
            Parameter(name=f"{way}.kernel", shape=(width(inputs[0]), size), init="glorot_uniform"),
            Parameter(name=f"{way}.recurrent_kernel", shape=(attrs.units, size), init="orthogonal"),
            Parameter(name=f"{way}.bias", shape=(size,), init="lstm_bias"),
        )
    )


def _gru_weights(inputs: Sequence[Value], attrs: Recurrent) -> tuple[Parameter, ...]:
    """Gates in the order update, reset, new; the reset gate acts after the recurrent product and its bias."""
    size = 3 * attrs.units
    return tuple(
        part
        for way in directions(attrs)
        for part in (
            Parameter(name=f"{way}.kernel", shape=(width(inputs[0]), size), init="glorot_uniform"),
            Parameter(name=f"{way}.recurrent_kernel", shape=(attrs.units, size), init="orthogonal"),
            Parameter(name=f"{way}.bias", shape=(size,), init="zeros"),
            Parameter(name=f"{way}.recurrent_bias", shape=(size,), init="zeros"),
        )
    )


def _lstm_step(x: Array, h: Array, c: Array, weights: Mapping[str, Array], way: str) -> tuple[Array, Array]:
    """Hochreiter & Schmidhuber 1997 with forget gates (Gers et al. 2000): h and c after one step."""
    gates = x @ weights[f"{way}.kernel"] + h @ weights[f"{way}.recurrent_kernel"] + weights[f"{way}.bias"]
    i, f, g, o = np.split(gates, 4, axis=-1)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def _gru_step(x: Array, h: Array, c: Array, weights: Mapping[str, Array], way: str) -> tuple[Array, Array]:
    """Cho et al. 2014 in the variant of cuDNN: n = tanh(x_n + r · (h_n + b)). The cell is unused."""
    gx = x @ weights[f"{way}.kernel"] + weights[f"{way}.bias"]
    gh = h @ weights[f"{way}.recurrent_kernel"] + weights[f"{way}.recurrent_bias"]
    xz, xr, xn = np.split(gx, 3, axis=-1)
    hz, hr, hn = np.split(gh, 3, axis=-1)
    z = sigmoid(xz + hz)
    n = np.tanh(xn + sigmoid(xr + hr) * hn)
    return (1 - z) * n + z * h, c


def _run(step: Step, inputs: Sequence[Array], attrs: Recurrent, weights: Mapping[str, Array]) -> Array:
    results = []
    for way in directions(attrs):
        x = inputs[0] if way == "forward" else inputs[0][:, ::-1]
        h = np.zeros((x.shape[0], attrs.units), dtype=x.dtype)
        c = np.zeros_like(h)
        outputs = []
        for t in range(x.shape[1]):
            h, c = step(x[:, t], h, c, weights, way)
            outputs.append(h)
        if attrs.returns_sequence:
            sequence = np.stack(outputs, axis=1)  # (B, T, D)
            results.append(sequence if way == "forward" else sequence[:, ::-1])
        else:
            results.append(h)
    return np.concatenate(results, axis=-1)


def _run_lstm(inputs: Sequence[Array], attrs: Recurrent, weights: Mapping[str, Array]) -> Array:
    return _run(_lstm_step, inputs, attrs, weights)


def _run_gru(inputs: Sequence[Array], attrs: Recurrent, weights: Mapping[str, Array]) -> Array:
    return _run(_gru_step, inputs, attrs, weights)


RECURRENT: tuple[Op, ...] = (
    Op(name="lstm", attrs=Recurrent, run=_run_lstm, infer=_infer, weights=_lstm_weights, is_network=True),
    Op(name="gru", attrs=Recurrent, run=_run_gru, infer=_infer, weights=_gru_weights, is_network=True),
)
