"""Layers with weights that act on each row or step."""

from __future__ import annotations

import numpy as np

from ambidex.export.onnx.context import Call, Context, Emitter, cast


def _dense(context: Context, call: Call) -> str:
    """Gemm for rows; MatMul and Add for sequences, for which Gemm is not defined."""
    kernel = context.weight(f"{call.name}.kernel", call.weights["kernel"])
    if not call.attrs.has_bias:
        return context.add("MatMul", call.x, kernel)
    bias = context.weight(f"{call.name}.bias", call.weights["bias"])
    if call.rank == 2:
        return context.add("Gemm", call.x, kernel, bias)
    return context.add("Add", context.add("MatMul", call.x, kernel), bias)


def _embedding(context: Context, call: Call) -> str:
    return context.add("Gather", context.weight(f"{call.name}.table", call.weights["table"]), call.x)


def _one_hot(context: Context, call: Call) -> str:
    """By comparison, not with OneHot, which counts negative codes from the end."""
    codes = context.add("Unsqueeze", call.x, context.integers(-1))
    known = context.constant(np.arange(call.attrs.count, dtype=call.dtype))
    return cast(context, context.add("Equal", codes, known), "float32")


def _dropout(context: Context, call: Call) -> str:
    return call.x


def _layer_norm(context: Context, call: Call) -> str:
    """The values are centred before the operator sees them.

    Its kernels take the variance as E[x²] - E[x]², in float32 up to some versions, which loses the digits that the
    mean has in common: 4e-5 at a mean of ten deviations in onnxruntime 1.20, against 4e-7 when centred first.
    """
    mean = context.add("ReduceMean", call.x, attributes={"axes": (-1,), "keepdims": 1})
    centred = context.add("Sub", call.x, mean)
    weights = [context.weight(f"{call.name}.{part}", call.weights[part]) for part in ("scale", "offset")]
    attributes = {"axis": -1, "epsilon": float(call.attrs.epsilon)}
    return context.add("LayerNormalization", centred, *weights, attributes=attributes)


def _batch_norm(context: Context, call: Call) -> str:
    """x · a + b with a = scale / √(variance + ε) and b = offset - mean · a, formed in float64."""
    exact = {part: weight.astype(np.float64) for part, weight in call.weights.items()}
    a = exact["scale"] / np.sqrt(exact["variance"] + call.attrs.epsilon)
    b = exact["offset"] - exact["mean"] * a
    scaled = context.add("Mul", call.x, context.weight(f"{call.name}.folded_scale", a.astype(np.float32)))
    return context.add("Add", scaled, context.weight(f"{call.name}.folded_offset", b.astype(np.float32)))


def _prelu(context: Context, call: Call) -> str:
    """max(x, 0) + slope · min(x, 0): operators that every reader of artifacts allows, which PRelu is not."""
    below = context.add("Min", call.x, context.number(0, call.dtype))
    scaled = context.add("Mul", below, context.weight(f"{call.name}.slope", call.weights["slope"]))
    return context.add("Add", context.add("Relu", call.x), scaled)


LAYERS: dict[str, Emitter] = {
    "dense": _dense,
    "embedding": _embedding,
    "one_hot": _one_hot,
    "dropout": _dropout,
    "layer_norm": _layer_norm,
    "batch_norm": _batch_norm,
    "prelu": _prelu,
}
