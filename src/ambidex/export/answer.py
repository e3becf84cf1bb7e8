"""Runs a packed model over NumPy arrays: the bridge between frames and the runtime."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ambidex.runtime.session import Session
from ambidex.schema import Tensor

Array = npt.NDArray[Any]
Arrays = dict[str, Array]
ROWS_AT_ONCE = 16_384
"""Rows in one call: large enough to be fast, small enough that intermediate values stay small."""


def to_tensor(array: Array) -> Tensor:
    """A view of an array as the runtime takes it; objects are texts."""
    if array.dtype.kind in "OU":
        return Tensor(dtype="string", shape=array.shape, data=array.ravel().tolist())
    flat = np.ascontiguousarray(array)
    return Tensor(dtype=flat.dtype.name, shape=array.shape, data=memoryview(flat.reshape(-1)))  # type: ignore[arg-type]


def to_array(tensor: Tensor) -> Array:
    """A tensor of the runtime as an array; texts as objects."""
    if tensor.dtype == "string":
        texts = np.empty(math.prod(tensor.shape), dtype=object)
        texts[:] = list(tensor.data)
        return texts.reshape(tensor.shape)
    return np.asarray(tensor.data).astype(tensor.dtype, copy=False).reshape(tensor.shape)


def answer(session: Session, inputs: Mapping[str, Array], outputs: tuple[str, ...] | None = None) -> Arrays:
    """Public outputs for packed inputs, some rows at a time."""
    rows = len(next(iter(inputs.values())))
    size = max(1, ROWS_AT_ONCE // max(math.prod(array.shape[1:-1]) for array in inputs.values()))
    parts: list[Arrays] = []
    for begin in range(0, max(rows, 1), size):
        feeds = {name: to_tensor(array[begin : begin + size]) for name, array in inputs.items()}
        parts.append({name: to_array(tensor) for name, tensor in session.run(feeds, outputs).items()})
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
