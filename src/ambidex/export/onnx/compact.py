"""Weights in fewer bits, turned back to float32 inside the file: smaller, not faster, and close to the same answers.

Arithmetic stays float32. ONNX Runtime's dynamic quantization rounds activations too, so it loses more, and leaves GRUs
as they are.
"""

from __future__ import annotations

import numpy as np

from ambidex.backends.source import Precision
from ambidex.export.onnx.context import Context, Step
from ambidex.graph.op import Array

SMALLEST = 64
"""Weights of fewer values stay as they are: the node that turns them back would outweigh what they save."""
MOST_FLOAT16 = 65504.0
LEVELS = 127
"""Steps to each side of zero, so that zero stays zero."""


def compact(context: Context, precision: Precision) -> None:
    """Stores the large weights in `precision`, each followed by the node that turns it back."""
    if precision == "float32":
        return
    renamed: dict[str, str] = {}
    turned: list[Step] = []
    for name, array in list(context.initializers.items()):
        if not _is_large_weight(array):
            continue
        restored = context.fresh(f"{name}/float32")
        if precision == "int8":
            turned.append(_as_int8(context, name, array, restored))
        elif np.abs(array).max() <= MOST_FLOAT16:
            context.initializers[name] = array.astype(np.float16)
            turned.append(Step("Cast", [name], [restored], {"to": 1}))
        else:
            continue
        renamed[name] = restored
    for step in context.steps:
        step.inputs = [renamed.get(name, name) for name in step.inputs]
    context.steps = turned + context.steps


def _is_large_weight(array: Array) -> bool:
    return array.dtype == np.float32 and array.ndim >= 2 and array.size >= SMALLEST


def _as_int8(context: Context, name: str, array: Array, restored: str) -> Step:
    """One scale for each position of the second axis: a unit of a dense layer, a gate's row of a recurrent one."""
    others = tuple(axis for axis in range(array.ndim) if axis != 1)
    step = (np.abs(array).max(axis=others, keepdims=True) / LEVELS).astype(np.float32)
    scale = np.where(step > 0, step, np.float32(1))  # a step below the smallest number is none: such weights become 0
    context.initializers[name] = np.rint(array / scale).astype(np.int8)
    return Step("DequantizeLinear", [name, context.weight(f"{name}/scale", scale.ravel())], [restored], {"axis": 1})
