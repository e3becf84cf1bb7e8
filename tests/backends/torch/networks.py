"""Small networks that the tests of this engine build, with weights that show every mistake in a layout."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ambidex.graph import Builder, Graph, Value, parameters
from ambidex.graph.graph import Dim, Dtype
from ambidex.graph.op import Array


def value(name: str, *shape: Dim, dtype: Dtype = "float32") -> Value:
    """A prepared value; the batch comes first by itself."""
    return Value(name=name, dtype=dtype, shape=("B", *shape))


def one_op(op: str, inputs: Sequence[Value], **attrs: Any) -> Graph:
    """A network of a single node called `node`."""
    builder = Builder(inputs)
    builder.add("network", "node", op, *(item.name for item in inputs), **attrs)
    names = [item.name for item in inputs]
    return builder.build(prepared=names, raw_outputs=["node"], outputs={"y": "node"})


def chain(inputs: Sequence[Value], *steps: tuple[str, str, dict[str, Any]]) -> Graph:
    """A network of `(name, op, attributes)` one after the other, beginning at the first input."""
    builder = Builder(inputs)
    last = inputs[0].name
    for name, op, attrs in steps:
        last = builder.add("network", name, op, last, **attrs)
    names = [item.name for item in inputs]
    return builder.build(prepared=names, raw_outputs=[last], outputs={"y": last})


def random_weights(graph: Graph, rng: np.random.Generator) -> dict[str, Array]:
    """Normal draws for all weights, so that no two are alike; variances are positive."""
    drawn = {item.name: rng.normal(0, 0.5, item.shape).astype(np.float32) for item in parameters(graph)}
    return {name: np.abs(array) + 0.5 if name.endswith(".variance") else array for name, array in drawn.items()}


def perceptron(*, dropout: float = 0.0, has_norm: bool = False) -> Graph:
    """Three numbers `x` to one number: dense 8, norm, ReLU, dropout, dense 1."""
    norm: list[tuple[str, str, dict[str, Any]]] = [("norm", "batch_norm", {})] if has_norm else []
    drop: list[tuple[str, str, dict[str, Any]]] = [("drop", "dropout", {"rate": dropout})] if dropout else []
    steps = [("hidden", "dense", {"units": 8}), *norm, ("act", "relu", {}), *drop, ("head", "dense", {"units": 1})]
    return chain([value("x", 3)], *steps)
