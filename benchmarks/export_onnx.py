"""How long it takes to write an ONNX file, how large it is, and how long onnxruntime takes for one row of it.

Run: python benchmarks/export_onnx.py
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from ambidex.export.onnx import check, export_onnx
from ambidex.graph import Builder, Graph, Value, initial_weights
from ambidex.runtime.session import silence_telemetry

REPEATS = 15


def mlp(*, numbers: int, texts: int, levels: int, width: int) -> Graph:
    """Scaled numbers and an embedding per text into two hidden layers, one of two classes."""
    b = Builder(
        [
            Value(name="numbers", dtype="float64", shape=("B", numbers)),
            Value(name="texts", dtype="string", shape=("B", texts)),
        ]
    )
    filled = b.add("prepare", "filled", "impute", "numbers", fill=(0.0,) * numbers)
    center, scale = tuple(float(k) for k in range(numbers)), (2.0,) * numbers
    scaled = b.add("prepare", "scaled", "standardize", filled, center=center, scale=scale)
    x = b.add("prepare", "x", "cast", scaled, dtype="float32")
    known = tuple(tuple(f"level {k} of {column}" for k in range(levels)) for column in range(texts))
    codes = b.add("prepare", "codes", "lookup", "texts", vocabularies=known)
    parts = [x]
    for column in range(texts):
        one = b.add("network", f"code{column}", "slice", codes, axis=-1, start=column, stop=column + 1)
        vector = b.add("network", f"embedding{column}", "embedding", one, count=levels + 2, width=8)
        parts.append(b.add("network", f"flat{column}", "reshape", vector, shape=(8,)))
    h = b.add("network", "joined", "concat", *parts)
    for layer in range(2):
        h = b.add("network", f"hidden{layer}", "dense", h, units=width, init="he_uniform")
        h = b.add("network", f"active{layer}", "relu", h)
        h = b.add("network", f"dropped{layer}", "dropout", h, rate=0.1)
    logit = b.add("network", "logit", "dense", h, units=1)
    p = b.add("decode", "p", "sigmoid_pair", logit)
    label = b.add(
        "decode", "label", "label", b.add("decode", "best", "threshold", p, threshold=0.5), classes=("a", "b")
    )
    return b.build(prepared=[x, codes], raw_outputs=[logit], outputs={"y": label, "y_probabilities": p})


def lstm(*, columns: int, width: int, horizon: int) -> Graph:
    """Two LSTM layers over windows that are centred and scaled, and back."""
    b = Builder(
        [
            Value(name="numbers", dtype="float64", shape=("B", "T", columns)),
            Value(name="times", dtype="int64", shape=("B", "T", 1)),
        ]
    )
    filled = b.add("prepare", "filled", "fill_steps", "numbers")
    mean = b.add("prepare", "mean", "window_mean", filled)
    scale = b.add("prepare", "scale", "window_scale", filled, minimum=1e-6)
    scaled = b.add("prepare", "scaled", "div", b.add("prepare", "centred", "sub", filled, mean), scale)
    parts = b.add("prepare", "parts", "calendar", "times", parts=("hour", "weekday", "month"))
    waves = b.add("prepare", "waves", "wave", parts, period=(24.0, 7.0, 12.0))
    x = b.add("prepare", "x", "cast", b.add("prepare", "wide", "concat", scaled, waves), dtype="float32")
    h = b.add("network", "first", "lstm", x, units=width, returns_sequence=True)
    h = b.add("network", "second", "lstm", h, units=width)
    raw = b.add("network", "raw", "reshape", b.add("network", "head", "dense", h, units=horizon), shape=(horizon, 1))
    of_target = [b.add("decode", f"{name}_y", "select", name, columns=(0,)) for name in (scale, mean)]
    grown = b.add("decode", "grown", "mul", raw, of_target[0])
    level = b.add("decode", "level", "add", grown, of_target[1])
    return b.build(
        prepared=[x], raw_outputs=[raw], outputs={"y": b.add("decode", "y_flat", "reshape", level, shape=(horizon,))}
    )


def feeds(graph: Graph, length: int) -> dict[str, Any]:
    """One row, or one window of that length."""
    sizes = {"B": 1, "T": length}
    arrays: dict[str, Any] = {}
    for entry in graph.inputs:
        shape = tuple(size if isinstance(size, int) else sizes[size] for size in entry.shape)
        filler = {"string": "level 1 of 0", "int64": 10**15, "float64": 1.5}[entry.dtype]
        arrays[entry.name] = np.full(shape, filler, dtype=object if entry.dtype == "string" else entry.dtype)
    return arrays


def median_ms(work: Callable[[], object], repeats: int) -> float:
    taken = []
    for _ in range(repeats):
        started = time.perf_counter()
        work()
        taken.append(time.perf_counter() - started)
    return statistics.median(taken) * 1e3


def main() -> None:
    silence_telemetry()
    import onnx
    import onnxruntime

    graphs = {
        "mlp, 14 numbers, 8 texts of 20": mlp(numbers=14, texts=8, levels=20, width=256),
        "mlp, 100 numbers, 10 texts of 5000": mlp(numbers=100, texts=10, levels=5000, width=256),
        "lstm, 7 columns, 2 x 64": lstm(columns=7, width=64, horizon=24),
        "lstm, 7 columns, 2 x 256": lstm(columns=7, width=256, horizon=96),
    }
    print(f"{'graph':<38}{'first ms':>10}{'write ms':>10}{'check ms':>10}{'KB':>8}{'nodes':>7}{'run µs':>9}")
    for name, graph in graphs.items():
        weights = initial_weights(graph, 1)
        started = time.perf_counter()
        model = export_onnx(graph, weights, metadata={"name": name})
        first = (time.perf_counter() - started) * 1e3
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        row = feeds(graph, 48)
        figures = (
            first,
            median_ms(partial(export_onnx, graph, weights, metadata={}), REPEATS),
            median_ms(partial(check, model), 3),
            len(model) / 1024,
            len(onnx.load_from_string(model).graph.node),
            median_ms(partial(session.run, None, row), 500) * 1e3,
        )
        print("{:<38}{:>10.1f}{:>10.1f}{:>10.1f}{:>8.0f}{:>7}{:>9.1f}".format(name, *figures))


if __name__ == "__main__":
    main()
