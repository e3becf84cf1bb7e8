"""LSTM and GRU with ONNX's own operators, which run over time first: (T, B, F) to (T, directions, B, D)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ambidex.export.onnx.context import Attribute, Call, Context, Emitter
from ambidex.graph.op import Array
from ambidex.graph.ops.recurrent import directions

ONNX_LSTM_GATES = (0, 3, 1, 2)
"""Ours are input, forget, cell, output; ONNX wants input, output, forget, cell."""

Pack = Callable[[Call, str], tuple[Array, Array, Array]]


def _reorder(weight: Array) -> Array:
    """Blocks of the last axis in ONNX's order of the gates."""
    blocks = np.split(weight, 4, axis=-1)
    return np.concatenate([blocks[gate] for gate in ONNX_LSTM_GATES], axis=-1)


def _pack_lstm(call: Call, way: str) -> tuple[Array, Array, Array]:
    """W (4D, F), R (4D, D) and both biases (8D,), the second one zero."""
    kernel, recurrent, bias = (
        _reorder(call.weights[f"{way}.{part}"]) for part in ("kernel", "recurrent_kernel", "bias")
    )
    return kernel.T, recurrent.T, np.concatenate([bias, np.zeros_like(bias)])


def _pack_gru(call: Call, way: str) -> tuple[Array, Array, Array]:
    """W (3D, F), R (3D, D) and both biases (6D,); the gates have the same order in both."""
    weights = {part: call.weights[f"{way}.{part}"] for part in ("kernel", "recurrent_kernel", "bias", "recurrent_bias")}
    biases = np.concatenate([weights["bias"], weights["recurrent_bias"]])
    return weights["kernel"].T, weights["recurrent_kernel"].T, biases


def _emit(op: str, pack: Pack, more: dict[str, Attribute]) -> Emitter:
    def emit(context: Context, call: Call) -> str:
        packed = [pack(call, way) for way in directions(call.attrs)]
        stacked = [np.ascontiguousarray(np.stack(part), dtype=np.float32) for part in zip(*packed, strict=True)]
        weights = [
            context.weight(f"{call.name}.{part}", array) for part, array in zip(("W", "R", "B"), stacked, strict=True)
        ]
        attributes: dict[str, Attribute] = {"hidden_size": call.attrs.units, **more}
        if call.attrs.is_bidirectional:
            attributes["direction"] = "bidirectional"
        sequence, last = context.add_many(op, (_time_major(context, call.x), *weights), 2, attributes=attributes)
        return _batch_major(context, call, sequence) if call.attrs.returns_sequence else _last(context, call, last)

    return emit


def _time_major(context: Context, x: str) -> str:
    if x not in context.time_major:
        context.time_major[x] = context.add("Transpose", x, attributes={"perm": (1, 0, 2)})
    return context.time_major[x]


def _batch_major(context: Context, call: Call, sequence: str) -> str:
    """(T, directions, B, D) to (B, T, directions · D); the twin in (T, B, …) goes unused unless a layer follows."""
    size = call.attrs.units * len(directions(call.attrs))
    shape = context.integers(0, 0, size)
    turned = context.add("Transpose", sequence, attributes={"perm": (2, 0, 1, 3)})
    if call.attrs.is_bidirectional:
        steps_first = context.add("Transpose", sequence, attributes={"perm": (0, 2, 1, 3)})
        twin = context.add("Reshape", steps_first, shape)
    else:
        twin = context.add("Squeeze", sequence, context.integers(1))
    result = context.add("Reshape", turned, shape)
    context.time_major[result] = twin
    return result


def _last(context: Context, call: Call, last: str) -> str:
    """(directions, B, D) to (B, directions · D)."""
    if not call.attrs.is_bidirectional:
        return context.add("Squeeze", last, context.integers(0))
    turned = context.add("Transpose", last, attributes={"perm": (1, 0, 2)})
    return context.add("Reshape", turned, context.integers(0, 2 * call.attrs.units))


RECURRENT: dict[str, Emitter] = {
    "lstm": _emit("LSTM", _pack_lstm, {}),
    # The reset gate acts after the recurrent product and its bias, as in cuDNN.
    "gru": _emit("GRU", _pack_gru, {"linear_before_reset": 1}),
}
