"""Elementwise functions.

Float32 takes ONNX's own operators. Float64, in which decoding runs, has kernels for few of them, so that it is
written out with what has: Exp, Log, Tanh, Abs and arithmetic.
"""

from __future__ import annotations

import math

from ambidex.errors import ArtifactError
from ambidex.export.onnx.context import Attribute, Call, Context, Emitter
from ambidex.graph.ops.activation import SELU_ALPHA, SELU_SCALE


def _native(op: str, attributes: dict[str, Attribute] | None = None) -> Emitter:
    """An emitter of a single operator."""

    def emit(context: Context, call: Call) -> str:
        return context.add(op, call.x, attributes=attributes)

    return emit


def _by_type(single: Emitter, double: Emitter) -> Emitter:
    """One way for float32, another for float64."""

    def emit(context: Context, call: Call) -> str:
        return (single if call.dtype == "float32" else double)(context, call)

    return emit


def decay(context: Context, x: str) -> str:
    """e^-|x|, which cannot overflow."""
    return context.add("Exp", context.add("Neg", context.add("Abs", x)))


def is_positive(context: Context, x: str, dtype: str) -> str:
    """Where x >= 0."""
    return context.add("GreaterOrEqual", x, context.number(0, dtype))


def _exact_sigmoid(context: Context, call: Call) -> str:
    """1 / (1 + e) for x >= 0, else e / (1 + e), with e = e^-|x|; accurate relative to itself on both sides."""
    one = context.number(1, call.dtype)
    e = decay(context, call.x)
    numerator = context.add("Where", is_positive(context, call.x, call.dtype), one, e)
    return context.add("Div", numerator, context.add("Add", one, e))


def _log1p(context: Context, x: str, dtype: str) -> str:
    """log(1 + x) without loss for small x >= 0: log(u) · x / (u - 1) with u = 1 + x (Kahan; Higham 2002, §1.14.1)."""
    one = context.number(1, dtype)
    u = context.add("Add", one, x)
    excess = context.add("Sub", u, one)
    is_lost = context.add("Equal", excess, context.number(0, dtype))
    divisor = context.add("Where", is_lost, one, excess)
    scaled = context.add("Div", context.add("Mul", context.add("Log", u), x), divisor)
    return context.add("Where", is_lost, x, scaled)


def _exact_softplus(context: Context, call: Call) -> str:
    """max(x, 0) + log(1 + e^-|x|)."""
    above = context.add("Relu", call.x)
    return context.add("Add", above, _log1p(context, decay(context, call.x), call.dtype))


_softplus = _by_type(_native("Softplus"), _exact_softplus)
_sigmoid = _by_type(_native("Sigmoid"), _exact_sigmoid)


def _silu(context: Context, call: Call) -> str:
    return context.add("Mul", call.x, _sigmoid(context, call))


def _mish(context: Context, call: Call) -> str:
    return context.add("Mul", call.x, context.add("Tanh", _softplus(context, call)))


def _gelu(context: Context, call: Call) -> str:
    """0.5 · (x · (1 + erf(x / √2))), in the order that onnxruntime recognises and fuses."""
    if call.dtype != "float32":
        raise ArtifactError(
            f"Expected float32 for gelu, got {call.dtype} at node {call.name!r}: erf has no other kernel."
        )
    scaled = context.add("Div", call.x, context.number(math.sqrt(2), call.dtype))
    grown = context.add("Add", context.add("Erf", scaled), context.number(1, call.dtype))
    return context.add("Mul", context.add("Mul", call.x, grown), context.number(0.5, call.dtype))


def _expm1_below_zero(context: Context, call: Call) -> str:
    """e^x - 1 for x < 0 and 0 elsewhere: 2t / (1 - t) with t = tanh(x / 2), which cancels nowhere."""
    below = context.add("Neg", context.add("Relu", context.add("Neg", call.x)))
    t = context.add("Tanh", context.add("Mul", below, context.number(0.5, call.dtype)))
    rest = context.add("Sub", context.number(1, call.dtype), t)
    return context.add("Div", context.add("Mul", t, context.number(2, call.dtype)), rest)


def _where_positive(context: Context, call: Call, negative: str) -> str:
    is_above = context.add("Greater", call.x, context.number(0, call.dtype))
    return context.add("Where", is_above, call.x, negative)


def _exact_elu(context: Context, call: Call) -> str:
    return _where_positive(context, call, _expm1_below_zero(context, call))


def _exact_selu(context: Context, call: Call) -> str:
    scaled = context.add("Mul", _expm1_below_zero(context, call), context.number(SELU_ALPHA, call.dtype))
    return context.add("Mul", _where_positive(context, call, scaled), context.number(SELU_SCALE, call.dtype))


def _leaky_relu(context: Context, call: Call) -> str:
    if call.dtype == "float32":
        return context.add("LeakyRelu", call.x, attributes={"alpha": float(call.attrs.slope)})
    scaled = context.add("Mul", call.x, context.number(call.attrs.slope, call.dtype))
    return context.add("Where", is_positive(context, call.x, call.dtype), call.x, scaled)


ACTIVATIONS: dict[str, Emitter] = {
    "relu": _native("Relu"),
    "gelu": _gelu,
    "silu": _silu,
    "mish": _mish,
    "selu": _by_type(_native("Selu", {"alpha": SELU_ALPHA, "gamma": SELU_SCALE}), _exact_selu),
    "elu": _by_type(_native("Elu", {"alpha": 1.0}), _exact_elu),
    "tanh": _native("Tanh"),
    "sigmoid": _sigmoid,
    "softplus": _softplus,
    "leaky_relu": _leaky_relu,
}
