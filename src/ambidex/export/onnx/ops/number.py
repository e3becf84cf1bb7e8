"""Preparation of numbers, operation by operation as the NumPy edition computes it, so that both round alike."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ambidex.export.onnx.context import Call, Context, Emitter, cast


def row(context: Context, numbers: Sequence[float], dtype: str) -> str:
    """A constant with a number per column."""
    return context.constant(np.asarray(numbers, dtype=dtype))


def _select(context: Context, call: Call) -> str:
    size = call.values[0].shape[-1]
    columns = call.attrs.columns
    if columns == tuple(range(len(columns))) and len(columns) == size:
        return call.x
    return context.add("Gather", call.x, context.integers(*columns), attributes={"axis": -1})


def _impute(context: Context, call: Call) -> str:
    fill = row(context, call.attrs.fill, call.dtype)
    return context.add("Where", context.add("IsNaN", call.x), fill, call.x)


def _is_missing(context: Context, call: Call) -> str:
    return cast(context, context.add("IsNaN", call.x), call.dtype)


def _standardize(context: Context, call: Call) -> str:
    centred = context.add("Sub", call.x, row(context, call.attrs.center, call.dtype))
    return context.add("Div", centred, row(context, call.attrs.scale, call.dtype))


def _unstandardize(context: Context, call: Call) -> str:
    scaled = context.add("Mul", call.x, row(context, call.attrs.scale, call.dtype))
    return context.add("Add", scaled, row(context, call.attrs.center, call.dtype))


def _smooth_clip(context: Context, call: Call) -> str:
    ratio = context.add("Div", call.x, context.number(call.attrs.limit, call.dtype))
    squared = context.add("Mul", ratio, ratio)
    root = context.add("Sqrt", context.add("Add", context.number(1, call.dtype), squared))
    return context.add("Div", call.x, root)


def _temperature(context: Context, call: Call) -> str:
    return context.add("Div", call.x, context.number(call.attrs.temperature, call.dtype))


NUMBERS: dict[str, Emitter] = {
    "select": _select,
    "impute": _impute,
    "is_missing": _is_missing,
    "standardize": _standardize,
    "unstandardize": _unstandardize,
    "smooth_clip": _smooth_clip,
    "temperature": _temperature,
}
