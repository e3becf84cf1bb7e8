"""Texts to codes, and decisions back to labels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ambidex.export.onnx.context import AI_ONNX_ML, Attribute, Call, Context, Emitter, cast, join
from ambidex.export.onnx.ops.activation import decay, is_positive
from ambidex.graph.ops.category import FIRST_CODE, MISSING_CODE, UNSEEN_CODE


def _encode(context: Context, x: str, vocabulary: Sequence[str]) -> str:
    """One column of texts to codes. A text that occurs twice has its last code, the empty one is missing."""
    code_of = {text: code for code, text in enumerate(vocabulary, start=FIRST_CODE)} | {"": MISSING_CODE}
    attributes: dict[str, Attribute] = {
        "keys_strings": tuple(code_of),
        "values_int64s": tuple(code_of.values()),
        "default_int64": UNSEEN_CODE,
    }
    return context.add("LabelEncoder", x, attributes=attributes, domain=AI_ONNX_ML)


def _lookup(context: Context, call: Call) -> str:
    columns = context.columns.get(call.x) or _split(context, call.x, len(call.attrs.vocabularies))
    known = zip(columns, call.attrs.vocabularies, strict=True)
    return join(context, [_encode(context, column, vocabulary) for column, vocabulary in known])


def _split(context: Context, x: str, count: int) -> list[str]:
    if count == 1:
        return [x]
    sizes = context.integers(*(1 for _ in range(count)))
    return context.add_many("Split", (x, sizes), count, attributes={"axis": -1})


def _sigmoid_pair(context: Context, call: Call) -> str:
    """With small = e^-|x| / (1 + e^-|x|), the larger side is 1 - small."""
    one = context.number(1, call.dtype)
    e = decay(context, call.x)
    small = context.add("Div", e, context.add("Add", one, e))
    large = context.add("Sub", one, small)
    is_above = is_positive(context, call.x, call.dtype)
    negative = context.add("Where", is_above, small, large)
    positive = context.add("Where", is_above, large, small)
    return context.add("Concat", negative, positive, attributes={"axis": -1})


def _threshold(context: Context, call: Call) -> str:
    second = context.add("Gather", call.x, context.number(1, "int64"), attributes={"axis": -1})
    bound = context.number(call.attrs.threshold, call.dtype)
    return cast(context, context.add("GreaterOrEqual", second, bound), "int64")


def _argmax(context: Context, call: Call) -> str:
    attributes: dict[str, Attribute] = {"axis": -1, "keepdims": 0, "select_last_index": 0}
    return context.add("ArgMax", call.x, attributes=attributes)


def _label(context: Context, call: Call) -> str:
    is_number = isinstance(call.attrs.classes[0], int)
    classes = np.array(call.attrs.classes, dtype=np.int64 if is_number else object)
    return context.add("Gather", context.constant(classes), call.x)


CATEGORIES: dict[str, Emitter] = {
    "lookup": _lookup,
    "sigmoid_pair": _sigmoid_pair,
    "threshold": _threshold,
    "argmax": _argmax,
    "label": _label,
}
