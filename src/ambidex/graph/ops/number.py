"""Preparation of numbers, column by column over the last axis, and its inverses. Float64."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ambidex.graph.graph import Dtype, Value
from ambidex.graph.op import Array, Attrs, Op, Shape, per_column, row_vector, same_as_first, width


class Select(Attrs, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Positions to pick from the last axis."""

    columns: tuple[int, ...]


class Impute(Attrs, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What stands in for a missing number, per column."""

    fill: tuple[float, ...]


class Standardize(Attrs, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`center` and `scale` per column; no scale is zero."""

    center: tuple[float, ...]
    scale: tuple[float, ...]


class SmoothClip(Attrs, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Values stay inside (-limit, limit) and keep their order."""

    limit: float


class Temperature(Attrs, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Logits are divided by `temperature`."""

    temperature: float


def _infer_select(inputs: Sequence[Value], attrs: Select) -> tuple[Dtype, Shape]:
    count = width(inputs[0])
    outside = [column for column in attrs.columns if not 0 <= column < count]
    if outside:
        raise ValueError(f"Expected columns from 0 to {count - 1}, got {outside[0]}.")
    return inputs[0].dtype, (*inputs[0].shape[:-1], len(attrs.columns))


def _run_select(inputs: Sequence[Array], attrs: Select, weights: Mapping[str, Array]) -> Array:
    return np.asarray(inputs[0][..., list(attrs.columns)])


def _run_impute(inputs: Sequence[Array], attrs: Impute, weights: Mapping[str, Array]) -> Array:
    x = inputs[0]
    return np.where(np.isnan(x), row_vector(attrs.fill, x), x)


def _run_is_missing(inputs: Sequence[Array], attrs: Any, weights: Mapping[str, Array]) -> Array:
    return np.asarray(np.isnan(inputs[0]), dtype=inputs[0].dtype)


def _run_standardize(inputs: Sequence[Array], attrs: Standardize, weights: Mapping[str, Array]) -> Array:
    x = inputs[0]
    return np.asarray((x - row_vector(attrs.center, x)) / row_vector(attrs.scale, x))


def _run_unstandardize(inputs: Sequence[Array], attrs: Standardize, weights: Mapping[str, Array]) -> Array:
    x = inputs[0]
    return np.asarray(x * row_vector(attrs.scale, x) + row_vector(attrs.center, x))


def _run_smooth_clip(inputs: Sequence[Array], attrs: SmoothClip, weights: Mapping[str, Array]) -> Array:
    """Gives x / sqrt(1 + (x / limit)²) (Holzmüller et al. 2024, "Better by default", robust scale and smooth clip)."""
    x = inputs[0]
    return np.asarray(x / np.sqrt(1 + (x / attrs.limit) ** 2))


def _run_temperature(inputs: Sequence[Array], attrs: Temperature, weights: Mapping[str, Array]) -> Array:
    return np.asarray(inputs[0] / attrs.temperature)


NUMBERS: tuple[Op, ...] = (
    Op(name="select", attrs=Select, run=_run_select, infer=_infer_select),
    Op(name="impute", attrs=Impute, run=_run_impute, infer=per_column("fill")),
    Op(name="is_missing", run=_run_is_missing, infer=same_as_first),
    Op(name="standardize", attrs=Standardize, run=_run_standardize, infer=per_column("center", "scale")),
    Op(name="unstandardize", attrs=Standardize, run=_run_unstandardize, infer=per_column("center", "scale")),
    Op(name="smooth_clip", attrs=SmoothClip, run=_run_smooth_clip, infer=same_as_first),
    Op(name="temperature", attrs=Temperature, run=_run_temperature, infer=same_as_first),
)
