"""Arithmetic between tensors, and softmax."""

from __future__ import annotations

from ambidex.export.onnx.context import Call, Context, Emitter


def _binary(op: str) -> Emitter:
    def emit(context: Context, call: Call) -> str:
        return context.add(op, *call.inputs)

    return emit


def _softmax(context: Context, call: Call) -> str:
    return context.add("Softmax", call.x, attributes={"axis": -1})


ARITHMETIC: dict[str, Emitter] = {
    "add": _binary("Add"),
    "sub": _binary("Sub"),
    "mul": _binary("Mul"),
    "div": _binary("Div"),
    "softmax": _softmax,
}
