"""Whole graphs to export: a classifier of rows, a forecaster of windows, and random ones."""

from __future__ import annotations

from typing import Any

import numpy as np
from tests.export.onnx.edition import Array, one_of, value

from ambidex.graph import Builder, Graph
from ambidex.graph.ops.time import DAY_US, MISSING_TIME
from ambidex.schema import Column, Layout

TEXTS = ["", "red", "grün", "赤", "unseen 🙂"]
VOCABULARY = ("red", "grün", "赤")


def tabular() -> Graph:
    """Three numbers, two texts and a time to one of three classes."""
    b = Builder(
        [value("numbers", "float64", "B", 3), value("texts", "string", "B", 2), value("times", "int64", "B", 1)]
    )
    missing = b.add("prepare", "missing", "is_missing", "numbers")
    parts = b.add("prepare", "parts", "calendar", "times", parts=("year", "weekday", "hour"))
    known = b.add("prepare", "known", "concat", "numbers", parts)
    filled = b.add("prepare", "filled", "impute", known, fill=(0.0, 1.0, 2.0, 2000.0, 0.0, 0.0))
    scaled = b.add(
        "prepare", "scaled", "standardize", filled, center=(0.0, 0.5, 1.0, 2000.0, 3.0, 12.0), scale=(3.0,) * 6
    )
    clipped = b.add("prepare", "clipped", "smooth_clip", scaled, limit=3.0)
    wide = b.add("prepare", "wide", "concat", clipped, missing)
    x = b.add("prepare", "x", "cast", wide, dtype="float32")
    codes = b.add("prepare", "codes", "lookup", "texts", vocabularies=(VOCABULARY, VOCABULARY[:1]))
    first = b.add("network", "first", "slice", codes, axis=-1, start=0, stop=1)
    embedded = b.add("network", "embedded", "embedding", first, count=5, width=4)
    flat = b.add("network", "flat", "reshape", embedded, shape=(4,))
    both = b.add("network", "both", "concat", x, flat)
    hidden = b.add("network", "hidden", "dense", both, units=8)
    normed = b.add("network", "normed", "batch_norm", hidden)
    active = b.add("network", "active", "relu", normed)
    dropped = b.add("network", "dropped", "dropout", active, rate=0.2)
    logits = b.add("network", "logits", "dense", dropped, units=3)
    tempered = b.add("decode", "tempered", "temperature", logits, temperature=1.3)
    p = b.add("decode", "p", "softmax", tempered)
    best = b.add("decode", "best", "argmax", p)
    label = b.add("decode", "label", "label", best, classes=("no", "maybe", "ja"))
    return b.build(prepared=[x, codes], raw_outputs=[logits], outputs={"y": label, "y_probabilities": p})


def forecaster() -> Graph:
    """Histories of any length, with covariates of all kinds, to four steps of one target and its quantiles."""
    b = Builder(
        [
            value("numbers", "float64", "B", "T", 3),
            value("texts", "string", "B", "T", 1),
            value("times", "int64", "B", "T", 1),
            value("future_numbers", "float64", "B", 4, 1),
            value("static_texts", "string", "B", 2),
        ]
    )
    filled = b.add("prepare", "filled", "fill_steps", "numbers")
    mean = b.add("prepare", "mean", "window_mean", filled)
    scale = b.add("prepare", "scale", "window_scale", filled, minimum=1e-6)
    centred = b.add("prepare", "centred", "sub", filled, mean)
    scaled = b.add("prepare", "scaled", "div", centred, scale)
    parts = b.add("prepare", "parts", "calendar", "times", parts=("hour", "weekday"))
    known = b.add("prepare", "known", "impute", parts, fill=(0.0, 0.0))
    waves = b.add("prepare", "waves", "wave", known, period=(24.0, 7.0))
    x = b.add("prepare", "x", "cast", b.add("prepare", "wide", "concat", scaled, waves), dtype="float32")
    codes = b.add("prepare", "codes", "lookup", "texts", vocabularies=(VOCABULARY,))
    static = b.add("prepare", "static", "lookup", "static_texts", vocabularies=(VOCABULARY, VOCABULARY))
    future = b.add("prepare", "future", "impute", "future_numbers", fill=(0.0,))
    ahead = b.add("prepare", "ahead", "cast", future, dtype="float32")
    hot = b.add("network", "hot", "one_hot", codes, count=5)
    hot_steps = b.add("network", "hot_steps", "slice", hot, axis=-2, start=0, stop=1)
    del hot_steps  # a node that no output depends on
    steps = b.add("network", "steps", "lstm", x, units=8, is_bidirectional=True, returns_sequence=True)
    last = b.add("network", "last", "gru", steps, units=8)
    series = b.add("network", "series", "embedding", static, count=5, width=3)
    flat = b.add("network", "flat", "reshape", series, shape=(6,))
    plan = b.add("network", "plan", "reshape", ahead, shape=(4,))
    both = b.add("network", "all", "concat", last, flat, plan)
    normed = b.add("network", "normed", "layer_norm", both)
    head = b.add("network", "head", "dense", normed, units=12)
    raw = b.add("network", "raw", "reshape", head, shape=(4, 3))
    target_scale = b.add("decode", "target_scale", "select", scale, columns=(0,))
    target_mean = b.add("decode", "target_mean", "select", mean, columns=(0,))
    wide = b.add("decode", "wide_answer", "add", b.add("decode", "grown", "mul", raw, target_scale), target_mean)
    quantiles = b.add("decode", "quantiles", "sort", wide)
    middle = b.add("decode", "middle", "slice", quantiles, axis=-1, start=1, stop=2)
    point = b.add("decode", "point", "reshape", middle, shape=(4,))
    return b.build(
        prepared=[x, codes, static, ahead],
        raw_outputs=[raw],
        outputs={"price": point, "price_quantiles": quantiles},
    )


def layouts(graph: Graph) -> list[Layout]:
    """A layout for each input, with awkward names; the future of a covariate has its history's name."""
    kinds: dict[str, Any] = {"numbers": "number", "texts": "text", "times": "time"}
    spans = {"future": "future", "static": "static", "": "history" if graph.inputs[0].shape[1] == "T" else "row"}
    found = []
    for entry in graph.inputs:
        prefix, _, group = entry.name.rpartition("_")
        name = "price" if group == "numbers" else f"{prefix} {group} é/"
        columns = [Column(name=name if k == 0 else f"{name}:{k}", kind=kinds[group]) for k in range(_width(entry))]
        found.append(Layout(name=entry.name, span=spans[prefix], columns=tuple(columns)))
    return found


def _width(entry: Any) -> int:
    return int(entry.shape[-1])


def draw_inputs(graph: Graph, rng: np.random.Generator, batch: int, time: int) -> dict[str, Array]:
    """Raw columns with missing and unseen values, in each input's own type."""
    sizes = {"B": batch, "T": time}
    arrays: dict[str, Array] = {}
    for entry in graph.inputs:
        shape = tuple(size if isinstance(size, int) else sizes[size] for size in entry.shape)
        if entry.dtype == "string":
            arrays[entry.name] = one_of(TEXTS)(rng, shape)
        elif entry.dtype == "int64":
            stamps = rng.integers(-40_000, 40_000, shape) * DAY_US + rng.integers(0, DAY_US, shape)
            arrays[entry.name] = np.where(rng.random(shape) < 0.1, MISSING_TIME, stamps)
        else:
            arrays[entry.name] = np.where(rng.random(shape) < 0.2, np.nan, rng.normal(2, 3, shape))
    return arrays


ROW_OPS: list[tuple[str, dict[str, Any]]] = [
    ("dense", {"units": 6}),
    ("relu", {}),
    ("gelu", {}),
    ("silu", {}),
    ("mish", {}),
    ("selu", {}),
    ("elu", {}),
    ("tanh", {}),
    ("sigmoid", {}),
    ("softplus", {}),
    ("leaky_relu", {"slope": 0.1}),
    ("layer_norm", {}),
    ("batch_norm", {}),
    ("dropout", {"rate": 0.5}),
    ("softmax", {}),
]
WINDOW_OPS: list[tuple[str, dict[str, Any]]] = [
    ("lstm", {"units": 5, "returns_sequence": True}),
    ("gru", {"units": 5, "returns_sequence": True, "is_bidirectional": True}),
]


def random_graph(rng: np.random.Generator) -> Graph:
    """Eight network ops in a row on windows, some joined with an earlier value, ending in a recurrent one."""
    b = Builder([value("numbers", "float64", "B", "T", 4)])
    filled = b.add("prepare", "filled", "fill_steps", "numbers")
    x = b.add("prepare", "x", "cast", filled, dtype="float32")
    known = [x]
    for number in range(8):
        choices = ROW_OPS + WINDOW_OPS
        op, attrs = choices[int(rng.integers(len(choices)))]
        made = b.add("network", f"n{number}", op, known[-1], **attrs)
        if rng.random() < 0.4:
            earlier = known[int(rng.integers(len(known)))]
            made = b.add("network", f"join{number}", "concat", made, earlier)
        known.append(made)
    last = b.add("network", "last", "lstm" if rng.random() < 0.5 else "gru", known[-1], units=3)
    best = b.add("decode", "best", "sort", last)
    return b.build(prepared=[x], raw_outputs=[last], outputs={"raw": last, "sorted": best})
