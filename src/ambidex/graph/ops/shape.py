"""Ops that move values without changing them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ambidex.graph.graph import Dtype, Value
from ambidex.graph.op import Array, Attrs, Op, Shape


class Concat(Attrs, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`axis` counts from the end (-1 is the last) so that it holds for rows and windows alike."""

    axis: int = -1


class Reshape(Attrs, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The sizes after the batch; the batch, and nothing else, may be free."""

    shape: tuple[int, ...]


class Transpose(Attrs, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The order of the axes; the batch, axis 0, stays first."""

    axes: tuple[int, ...]


class Slice(Attrs, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`start` to `stop` (None: the end) of one axis; negative positions count from the end."""

    axis: int
    start: int
    stop: int | None = None


class Cast(Attrs, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The type to convert to."""

    dtype: Dtype


def _infer_concat(inputs: Sequence[Value], attrs: Concat) -> tuple[Dtype, Shape]:
    first = inputs[0]
    axis = len(first.shape) + attrs.axis
    sizes = [value.shape[axis] for value in inputs]
    for value in inputs[1:]:
        others = [d for i, d in enumerate(value.shape) if i != axis]
        if value.dtype != first.dtype or others != [d for i, d in enumerate(first.shape) if i != axis]:
            raise ValueError(f"Expected values like {first}, got {value} to concatenate.")
    if not all(isinstance(size, int) for size in sizes):
        raise ValueError(f"Expected fixed sizes along the concatenated axis, got {sizes}.")
    total = sum(size for size in sizes if isinstance(size, int))
    return first.dtype, (*first.shape[:axis], total, *first.shape[axis + 1 :])


def _run_concat(inputs: Sequence[Array], attrs: Concat, weights: Mapping[str, Array]) -> Array:
    return np.concatenate(inputs, axis=attrs.axis)


def _infer_reshape(inputs: Sequence[Value], attrs: Reshape) -> tuple[Dtype, Shape]:
    old = inputs[0].shape[1:]
    if not all(isinstance(d, int) for d in old) or math.prod(d for d in old if isinstance(d, int)) != math.prod(
        attrs.shape
    ):
        raise ValueError(f"Expected {inputs[0].shape} to hold as many values as (B, *{attrs.shape}).")
    return inputs[0].dtype, (inputs[0].shape[0], *attrs.shape)


def _run_reshape(inputs: Sequence[Array], attrs: Reshape, weights: Mapping[str, Array]) -> Array:
    return inputs[0].reshape(inputs[0].shape[0], *attrs.shape)


def _infer_transpose(inputs: Sequence[Value], attrs: Transpose) -> tuple[Dtype, Shape]:
    if sorted(attrs.axes) != list(range(len(inputs[0].shape))) or attrs.axes[0] != 0:
        raise ValueError(f"Expected an order of {len(inputs[0].shape)} axes with the batch first, got {attrs.axes}.")
    return inputs[0].dtype, tuple(inputs[0].shape[axis] for axis in attrs.axes)


def _run_transpose(inputs: Sequence[Array], attrs: Transpose, weights: Mapping[str, Array]) -> Array:
    return inputs[0].transpose(attrs.axes)


def _infer_slice(inputs: Sequence[Value], attrs: Slice) -> tuple[Dtype, Shape]:
    shape = list(inputs[0].shape)
    axis = attrs.axis % len(shape)
    size = shape[axis]
    if isinstance(size, int):
        shape[axis] = len(range(size)[attrs.start : attrs.stop])
    elif attrs.stop is None:
        shape[axis] = -attrs.start if attrs.start < 0 else f"{size}-{attrs.start}"
    else:
        raise ValueError(f"Expected a slice to the end of the free axis {attrs.axis}, got {attrs}.")
    return inputs[0].dtype, tuple(shape)


def _run_slice(inputs: Sequence[Array], attrs: Slice, weights: Mapping[str, Array]) -> Array:
    index: list[Any] = [slice(None)] * inputs[0].ndim
    index[attrs.axis] = slice(attrs.start, attrs.stop)
    return np.asarray(inputs[0][tuple(index)])


def _infer_cast(inputs: Sequence[Value], attrs: Cast) -> tuple[Dtype, Shape]:
    return attrs.dtype, inputs[0].shape


def _run_cast(inputs: Sequence[Array], attrs: Cast, weights: Mapping[str, Array]) -> Array:
    return inputs[0].astype(attrs.dtype)


SHAPE: tuple[Op, ...] = (
    Op(name="concat", attrs=Concat, run=_run_concat, infer=_infer_concat, is_network=True),
    Op(name="reshape", attrs=Reshape, run=_run_reshape, infer=_infer_reshape, is_network=True),
    Op(name="transpose", attrs=Transpose, run=_run_transpose, infer=_infer_transpose, is_network=True),
    Op(name="slice", attrs=Slice, run=_run_slice, infer=_infer_slice, is_network=True),
    Op(name="cast", attrs=Cast, run=_run_cast, infer=_infer_cast),
)
