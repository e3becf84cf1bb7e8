"""One example of every op: what it takes, and what it is told."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ambidex.graph import Value
from ambidex.graph.op import Array

SIZES: dict[str, int] = {"B": 4, "T": 6, "2*B": 8}


class Example(NamedTuple):
    """An op with the values it reads and its attributes."""

    op: str
    inputs: tuple[Value, ...]
    attrs: dict[str, Any]


def value(*shape: int | str, dtype: Any = "float64", name: str = "x") -> Value:
    return Value(name=name, dtype=dtype, shape=shape)


ROW, WINDOW = value("B", 3), value("B", "T", 3)
CODES, TEXTS, TIMES = (value("B", 2, dtype=dtype) for dtype in ("int64", "string", "int64"))
STAMPS = value("B", "T", 1, dtype="int64")
THREE = [0.5, 1.0, 2.0]
FORECAST = (value("B", 2, 3), value("B", "T", 3, name="history"))

EXAMPLES: tuple[Example, ...] = (
    Example("dense", (WINDOW,), {"units": 5}),
    Example("dense", (ROW,), {"units": 5, "has_bias": False}),
    Example("embedding", (CODES,), {"count": 5, "width": 4}),
    Example("one_hot", (CODES,), {"count": 5}),
    Example("dropout", (ROW,), {"rate": 0.5}),
    Example("layer_norm", (WINDOW,), {}),
    Example("batch_norm", (ROW,), {}),
    Example("lstm", (WINDOW,), {"units": 2}),
    Example("lstm", (WINDOW,), {"units": 2, "is_bidirectional": True}),
    Example("gru", (WINDOW,), {"units": 2, "returns_sequence": True}),
    Example("gru", (WINDOW,), {"units": 2, "is_bidirectional": True, "returns_sequence": True}),
    Example("conv1d", (WINDOW,), {"units": 2, "size": 3, "dilation": 2, "padding": [4, 0]}),
    Example("conv1d", (WINDOW,), {"units": 2, "size": 3, "has_bias": False}),
    Example("conv1d", (value("B", 9, 3),), {"units": 2, "size": 3, "stride": 2, "padding": [1, 2]}),
    Example("attention", (value("B", "T", 4),), {"heads": 2}),
    Example("attention", (value("B", "T", 4),), {"heads": 4, "is_causal": True, "has_bias": False}),
    *(Example(name, (ROW,), {}) for name in ("relu", "gelu", "silu", "mish", "selu", "elu", "tanh", "sigmoid")),
    Example("softplus", (ROW,), {}),
    Example("leaky_relu", (ROW,), {"slope": 0.1}),
    Example("prelu", (WINDOW,), {}),
    Example("prelu", (ROW,), {"is_shared": True}),
    *(Example(name, (WINDOW, value("B", 1, 3, name="y")), {}) for name in ("add", "sub", "mul", "div")),
    Example("add", (value("B", 1), value("B", "T", 1, 3, name="y")), {}),
    Example("softmax", (ROW,), {}),
    Example("concat", (ROW, value("B", 2, name="y")), {}),
    Example("concat", (value("B", 2, 3), value("B", 5, 3, name="y")), {"axis": -2}),
    Example("reshape", (value("B", 6),), {"shape": [3, 2]}),
    Example("reshape", (value("B", 1),), {"shape": []}),
    Example("transpose", (WINDOW,), {"axes": [0, 2, 1]}),
    Example("slice", (WINDOW,), {"axis": 1, "start": 1}),
    Example("slice", (WINDOW,), {"axis": 1, "start": -2}),
    Example("slice", (WINDOW,), {"axis": 2, "start": 0, "stop": 2}),
    Example("slice", (WINDOW,), {"axis": -1, "start": 1, "stop": -1}),
    Example("cast", (ROW,), {"dtype": "float32"}),
    Example("select", (WINDOW,), {"columns": [2, 0]}),
    Example("impute", (ROW,), {"fill": THREE}),
    Example("is_missing", (ROW,), {}),
    Example("standardize", (WINDOW,), {"center": THREE, "scale": THREE}),
    Example("unstandardize", (WINDOW,), {"center": THREE, "scale": THREE}),
    Example("smooth_clip", (ROW,), {"limit": 3.0}),
    Example("temperature", (ROW,), {"temperature": 2.0}),
    Example("lookup", (TEXTS,), {"vocabularies": [["a"], ["b", "c"]]}),
    Example("sigmoid_pair", (value("B", 1),), {}),
    Example("threshold", (value("B", 2),), {"threshold": 0.5}),
    Example("argmax", (ROW,), {}),
    Example("label", (value("B", dtype="int64"),), {"classes": ["a", "b", "c", "d", "e"]}),
    Example("label", (value("B", dtype="int64"),), {"classes": [7, 8, 9, 10, 11]}),
    Example("calendar", (TIMES,), {"parts": ["year", "weekday", "days_since_epoch"]}),
    Example("future_times", (STAMPS,), {"horizon": 3, "step_us": 10}),
    Example("cycle", (STAMPS,), {"step_us": 10, "table": [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]}),
    Example("wave", (ROW,), {"period": [24.0, 7.0, 1.0]}),
    Example("difference", (WINDOW,), {}),
    Example("difference", (value("B", 5, 3),), {}),
    Example("undifference", FORECAST, {}),
    Example("log_ratio", (WINDOW,), {"floor": THREE}),
    Example("unlog_ratio", FORECAST, {"floor": THREE}),
    Example("window_last", (WINDOW,), {}),
    Example("window_mean", (WINDOW,), {}),
    Example("window_scale", (WINDOW,), {"minimum": 0.1}),
    Example("fill_steps", (WINDOW,), {}),
    Example("fold", (value("B", "T", 2),), {"channels": 2}),
    Example("unfold", (value("2*B", 3, 1),), {"channels": 2}),
    Example("sort", (ROW,), {}),
)
IDS = [f"{number}-{example.op}" for number, example in enumerate(EXAMPLES)]


def draw(spec: Value, rng: np.random.Generator) -> Array:
    """Values of a spec's type and of its shape at `SIZES`."""
    shape = tuple(SIZES[dim] if isinstance(dim, str) else dim for dim in spec.shape)
    if spec.dtype == "string":
        return rng.choice(np.array(["", "a", "b", "zz"], dtype=object), shape)
    if spec.dtype == "int64":
        return rng.integers(0, 5, shape)
    return rng.normal(size=shape).astype(spec.dtype)
