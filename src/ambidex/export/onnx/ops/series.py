"""Scalings of a window along time (axis 1), and their inverses for the forecast."""

from __future__ import annotations

from ambidex.export.onnx.context import Call, Context, Emitter, cast, cut
from ambidex.export.onnx.ops.number import row


def _change(context: Context, x: str) -> str:
    """Each step minus the one before."""
    return context.add("Sub", cut(context, x, 1, 1, None), cut(context, x, 1, 0, -1))


def _last(context: Context, x: str) -> str:
    return cut(context, x, 1, -1, None)


def _running_sum(context: Context, x: str) -> str:
    return context.add("CumSum", x, context.number(1, "int64"))


def _mean(context: Context, x: str) -> str:
    return context.add("ReduceMean", x, attributes={"axes": (1,), "keepdims": 1})


def _difference(context: Context, call: Call) -> str:
    return _change(context, call.x)


def _undifference(context: Context, call: Call) -> str:
    steps, history = call.inputs
    return context.add("Add", _last(context, history), _running_sum(context, steps))


def _symmetric_log(context: Context, x: str, floor: str, dtype: str) -> str:
    """asinh(x / floor), which has no float64 kernel: sign(x) · log(u + √(u² + 1)) with u = |x / floor|."""
    u = context.add("Abs", context.add("Div", x, floor))
    root = context.add("Sqrt", context.add("Add", context.add("Mul", u, u), context.number(1, dtype)))
    return context.add("Mul", context.add("Sign", x), context.add("Log", context.add("Add", u, root)))


def _symmetric_exp(context: Context, y: str, floor: str, dtype: str) -> str:
    """floor · sinh(y), which has no float64 kernel either."""
    grown = context.add("Sub", context.add("Exp", y), context.add("Exp", context.add("Neg", y)))
    return context.add("Mul", floor, context.add("Div", grown, context.number(2, dtype)))


def _log_ratio(context: Context, call: Call) -> str:
    floor = row(context, call.attrs.floor, call.dtype)
    return _change(context, _symmetric_log(context, call.x, floor, call.dtype))


def _unlog_ratio(context: Context, call: Call) -> str:
    ratios, history = call.inputs
    floor = row(context, call.attrs.floor, call.dtype)
    start = _symmetric_log(context, _last(context, history), floor, call.dtype)
    return _symmetric_exp(context, context.add("Add", start, _running_sum(context, ratios)), floor, call.dtype)


def _window_last(context: Context, call: Call) -> str:
    return _last(context, call.x)


def _window_mean(context: Context, call: Call) -> str:
    return _mean(context, call.x)


def _window_scale(context: Context, call: Call) -> str:
    """By comparison, not with Max, whose answer to NaN depends on the kernel; this one stays NaN."""
    centred = context.add("Sub", call.x, _mean(context, call.x))
    deviation = context.add("Sqrt", _mean(context, context.add("Mul", centred, centred)))
    minimum = context.number(call.attrs.minimum, call.dtype)
    return context.add("Where", context.add("Less", deviation, minimum), minimum, deviation)


def _fill_steps(context: Context, call: Call) -> str:
    """Known values are packed to the front and read back, without a loop and in one pass over time.

    The k-th known value of a column goes to slot k of a table of T slots (counting from 0). Step t then reads the
    slot of the last one known by then, which is its running count less one, or slot 0 before the first. A missing
    step writes to the last slot, which nobody reads: with a step missing there are fewer than T known ones. Where
    none is known the table holds the zeros it started with.
    """
    is_missing = context.add("IsNaN", call.x)
    values = context.add("Where", is_missing, context.number(0, call.dtype), call.x)
    known = cast(context, context.add("Not", is_missing), "int64")
    position = context.add("Sub", _running_sum(context, known), context.number(1, "int64"))
    slot = context.add("Where", is_missing, context.number(-1, "int64"), position)
    table = context.add("ScatterElements", values, slot, values, attributes={"axis": 1})
    source = context.add("Max", position, context.number(0, "int64"))
    return context.add("GatherElements", table, source, attributes={"axis": 1})


def _fold(context: Context, call: Call) -> str:
    """(B, T, F) to (B·F, T, 1) with both B and T free: Flatten multiplies the sizes before its axis."""
    turned = context.add("Transpose", call.x, attributes={"perm": (0, 2, 1)})  # (B, F, T)
    flat = context.add("Flatten", turned, attributes={"axis": 2})  # (B·F, T)
    return context.add("Unsqueeze", flat, context.integers(-1))


def _unfold(context: Context, call: Call) -> str:
    """(B·F, H, 1) to (B, H, F) with both B and H free: the zero in the new shape keeps H."""
    turned = context.add("Transpose", call.x, attributes={"perm": (0, 2, 1)})  # (B·F, 1, H)
    grouped = context.add("Reshape", turned, context.integers(-1, call.attrs.channels, 0))  # (B, F, H)
    return context.add("Transpose", grouped, attributes={"perm": (0, 2, 1)})


def _sort(context: Context, call: Call) -> str:
    """All of the last axis, the smallest first."""
    size = context.integers(int(call.values[0].shape[-1]))
    ordered, _ = context.add_many("TopK", (call.x, size), 2, attributes={"axis": -1, "largest": 0, "sorted": 1})
    return ordered


SERIES: dict[str, Emitter] = {
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
