"""How every op is written in ONNX, in one literal place, with the keys of `graph.OPS`."""

from __future__ import annotations

from ambidex.export.onnx.context import Emitter
from ambidex.export.onnx.ops.activation import ACTIVATIONS
from ambidex.export.onnx.ops.arithmetic import ARITHMETIC
from ambidex.export.onnx.ops.category import CATEGORIES
from ambidex.export.onnx.ops.layer import LAYERS
from ambidex.export.onnx.ops.number import NUMBERS
from ambidex.export.onnx.ops.recurrent import RECURRENT
from ambidex.export.onnx.ops.sequence import SEQUENCE
from ambidex.export.onnx.ops.series import SERIES
from ambidex.export.onnx.ops.shape import SHAPE
from ambidex.export.onnx.ops.time import TIMES

EMIT: dict[str, Emitter] = {
    **LAYERS,
    **RECURRENT,
    **SEQUENCE,
    **ACTIVATIONS,
    **ARITHMETIC,
    **SHAPE,
    **NUMBERS,
    **CATEGORIES,
    **TIMES,
    **SERIES,
}
