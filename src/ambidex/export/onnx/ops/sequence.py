"""Convolution and self-attention along time."""

from __future__ import annotations

import math

import numpy as np

from ambidex.export.onnx.context import Call, Context, Emitter
from ambidex.graph.ops.sequence import READERS


def _conv1d(context: Context, call: Call) -> str:
    """Conv runs over (B, F, T) with a kernel of (units, F, size)."""
    kernel = np.ascontiguousarray(call.weights["kernel"].transpose(2, 1, 0))
    weights = [context.weight(f"{call.name}.W", kernel)]
    if call.attrs.has_bias:
        weights.append(context.weight(f"{call.name}.bias", call.weights["bias"]))
    channels_first = context.add("Transpose", call.x, attributes={"perm": (0, 2, 1)})
    convolved = context.add(
        "Conv",
        channels_first,
        *weights,
        attributes={
            "kernel_shape": (call.attrs.size,),
            "pads": tuple(call.attrs.padding),
            "strides": (call.attrs.stride,),
            "dilations": (call.attrs.dilation,),
        },
    )
    return context.add("Transpose", convolved, attributes={"perm": (0, 2, 1)})


def _attention(context: Context, call: Call) -> str:
    """The three projections are one product; heads are an axis of their own, (B, heads, T, d)."""
    size, heads = int(call.values[0].shape[-1]), call.attrs.heads
    inputs = _product(context, call, "inputs", READERS)
    split = context.add("Reshape", inputs, context.integers(0, 0, 3, heads, size // heads))
    query = context.add("Transpose", _part(context, split, 0), attributes={"perm": (0, 2, 1, 3)})
    key = context.add("Transpose", _part(context, split, 1), attributes={"perm": (0, 2, 3, 1)})
    value = context.add("Transpose", _part(context, split, 2), attributes={"perm": (0, 2, 1, 3)})
    scaled = context.add("Mul", query, context.number(1 / math.sqrt(size // heads), call.dtype))
    scores = context.add("MatMul", scaled, key)  # (B, heads, T, T)
    if call.attrs.is_causal:
        hidden = context.number(-math.inf, call.dtype)
        scores = context.add("Where", _is_later(context, call), hidden, scores)
    shares = context.add("Softmax", scores, attributes={"axis": -1})
    mixed = context.add("Transpose", context.add("MatMul", shares, value), attributes={"perm": (0, 2, 1, 3)})
    joined = context.add("Reshape", mixed, context.integers(0, 0, size))
    return _product(context, call, "output", ("output",), joined)


def _product(context: Context, call: Call, name: str, parts: tuple[str, ...], x: str = "") -> str:
    kernel = np.concatenate([call.weights[f"{part}.kernel"] for part in parts], axis=1)
    product = context.add("MatMul", x or call.x, context.weight(f"{call.name}.{name}.kernel", kernel))
    if not call.attrs.has_bias:
        return product
    bias = np.concatenate([call.weights[f"{part}.bias"] for part in parts])
    return context.add("Add", product, context.weight(f"{call.name}.{name}.bias", bias))


def _part(context: Context, split: str, position: int) -> str:
    """(B, T, 3, heads, d) to one of the three, (B, T, heads, d)."""
    return context.add("Gather", split, context.constant(np.asarray(position, np.int64)), attributes={"axis": 2})


def _is_later(context: Context, call: Call) -> str:
    """(T, T), where the column's step comes after the row's. A free number of steps is counted in the graph."""
    steps = call.values[0].shape[1]
    if isinstance(steps, int):
        return context.constant(~np.tri(steps, dtype=bool))
    count = context.add("Gather", context.add("Shape", call.x), context.integers(1))
    ones = context.add("Expand", context.number(1, call.dtype), count)
    place = context.add("CumSum", ones, context.constant(np.asarray(0, np.int64)))
    row = context.add("Unsqueeze", place, context.integers(1))
    return context.add("Less", row, place)


SEQUENCE: dict[str, Emitter] = {"conv1d": _conv1d, "attention": _attention}
