"""Arithmetic between tensors and along the last axis, with NumPy's broadcasting."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ambidex.graph.graph import Dtype, Value
from ambidex.graph.op import Array, Op, Shape, same_as_first


def _broadcast(inputs: Sequence[Value], attrs: Any) -> tuple[Dtype, Shape]:
    left, right = inputs
    if left.dtype != right.dtype:
        raise ValueError(f"Expected equal types, got {left.dtype} and {right.dtype} for {left.name!r}, {right.name!r}.")
    rank = max(len(left.shape), len(right.shape))
    a = (1,) * (rank - len(left.shape)) + left.shape
    b = (1,) * (rank - len(right.shape)) + right.shape
    for x, y in zip(a, b, strict=True):
        if x != y and 1 not in (x, y):
            raise ValueError(f"Expected shapes that broadcast, got {left.shape} and {right.shape}.")
    return left.dtype, tuple(y if x == 1 else x for x, y in zip(a, b, strict=True))


def _binary(name: str, function: Callable[[Array, Array], Array]) -> Op:
    def run(inputs: Sequence[Array], attrs: Any, weights: Mapping[str, Array]) -> Array:
        return function(inputs[0], inputs[1])

    return Op(name=name, run=run, infer=_broadcast, is_network=True)


def _softmax(inputs: Sequence[Array], attrs: Any, weights: Mapping[str, Array]) -> Array:
    """Softmax over the last axis."""
    shifted = np.exp(inputs[0] - inputs[0].max(axis=-1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=-1, keepdims=True))


ARITHMETIC: tuple[Op, ...] = (
    _binary("add", np.add),
    _binary("sub", np.subtract),
    _binary("mul", np.multiply),
    _binary("div", np.divide),
    Op(name="softmax", run=_softmax, infer=same_as_first, is_network=True),
)
