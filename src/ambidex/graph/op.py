"""What an op is: its attributes, the shape of its result, its weights, and its NumPy edition."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from ambidex.graph.graph import Dim, Dtype, Parameter, Value

Array = npt.NDArray[Any]
Shape = tuple[Dim, ...]
Infer = Callable[[Sequence[Value], Any], tuple[Dtype, Shape]]
Run = Callable[[Sequence[Array], Any, Mapping[str, Array]], Array]
Weights = Callable[[Sequence[Value], Any], tuple[Parameter, ...]]


class Attrs(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Attributes of an op: a closed record. An op without any uses this one."""


def no_weights(inputs: Sequence[Value], attrs: Any) -> tuple[Parameter, ...]:
    """The weights of an op that has none."""
    return ()


@dataclass(frozen=True, kw_only=True)
class Op:
    """An entry of the op table.

    `infer` gives dtype and shape of the result; `weights` lists parameters by part name (`kernel`, `bias`);
    `run(inputs, attrs, weights)` is the NumPy edition in inference mode, in the precision of its inputs.
    `is_network` ops have editions in every engine; the others run before the cut `prepared` or after `raw_outputs`.
    """

    name: str
    run: Run
    infer: Infer
    attrs: type[Attrs] = Attrs
    weights: Weights = no_weights
    is_network: bool = False


def same_as_first(inputs: Sequence[Value], attrs: Any) -> tuple[Dtype, Shape]:
    """The result has the type and shape of the first input."""
    return inputs[0].dtype, inputs[0].shape


def width(value: Value) -> int:
    """The last dimension, which must be fixed."""
    last = value.shape[-1]
    if not isinstance(last, int):
        raise ValueError(f"Expected a fixed last dimension, got {value.shape} for {value.name!r}.")
    return last


def per_column(*fields: str) -> Infer:
    """Like the first input, where each of these attributes holds a number for every column of it."""

    def infer(inputs: Sequence[Value], attrs: Any) -> tuple[Dtype, Shape]:
        columns = width(inputs[0])
        for field in fields:
            if len(getattr(attrs, field)) != columns:
                raise ValueError(f"Expected {field} for each of {columns} columns, got {len(getattr(attrs, field))}.")
        return same_as_first(inputs, attrs)

    return infer


def row_vector(numbers: Sequence[float], like: Array) -> Array:
    """A constant per column in the precision of the values it meets."""
    return np.asarray(numbers, dtype=like.dtype)
