"""Ops that move values without changing them."""

from __future__ import annotations

from ambidex.export.onnx.context import Call, Context, Emitter, cast, cut


def _concat(context: Context, call: Call) -> str:
    if len(call.inputs) == 1:
        return call.x
    return context.add("Concat", *call.inputs, attributes={"axis": int(call.attrs.axis)})


def _reshape(context: Context, call: Call) -> str:
    """A zero in the new shape keeps the free batch."""
    return context.add("Reshape", call.x, context.integers(0, *call.attrs.shape))


def _transpose(context: Context, call: Call) -> str:
    return context.add("Transpose", call.x, attributes={"perm": tuple(call.attrs.axes)})


def _slice(context: Context, call: Call) -> str:
    """A column that stood alone before is taken from there, and the whole axis is the value itself."""
    size = call.values[0].shape[call.attrs.axis]
    if isinstance(size, int) and call.result.shape[call.attrs.axis] == size:
        return call.x
    columns = context.columns.get(call.x)
    if columns and call.attrs.axis in {-1, call.rank - 1}:
        taken = columns[call.attrs.start : call.attrs.stop]
        if len(taken) == 1:
            return taken[0]
    return cut(context, call.x, call.attrs.axis, call.attrs.start, call.attrs.stop)


def _cast(context: Context, call: Call) -> str:
    return call.x if call.attrs.dtype == call.dtype else cast(context, call.x, call.attrs.dtype)


SHAPE: dict[str, Emitter] = {
    "concat": _concat,
    "reshape": _reshape,
    "transpose": _transpose,
    "slice": _slice,
    "cast": _cast,
}
