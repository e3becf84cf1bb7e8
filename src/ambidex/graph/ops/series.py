"""Scalings of a window along time, and their exact inverses for the forecast. Float64."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ambidex.graph.graph import Dim, Dtype, Value
from ambidex.graph.op import Array, Attrs, Op, Shape, per_column, row_vector, same_as_first


class LogRatio(Attrs, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`floor` per column: the magnitude around which the logarithm turns into a straight line (see `symmetric_log`)."""

    floor: tuple[float, ...]


class WindowScale(Attrs, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`minimum` is the smallest scale returned, so that a constant window divides by it and not by zero."""

    minimum: float


class Fold(Attrs, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many channels are folded into the batch, or unfolded from it."""

    channels: int


def symmetric_log(x: Array, floor: Array) -> Array:
    """asinh(x / floor): log(2 |x| / floor) with the sign of x where |x| is far above the floor, linear around zero.

    A difference of two is therefore the log of their ratio for positive values (to (floor/x)²/4), and finite for
    zero and negative ones; its inverse is exact everywhere.
    """
    u = np.abs(x / floor)
    return np.asarray(np.sign(x) * np.log(u + np.sqrt(u * u + 1)))


def symmetric_exp(y: Array, floor: Array) -> Array:
    """The inverse of `symmetric_log`: floor · sinh(y)."""
    return np.asarray(floor * ((np.exp(y) - np.exp(-y)) / 2))


def _shorter(dim: Dim) -> Dim:
    return dim - 1 if isinstance(dim, int) else f"{dim}-1"


def _infer_steps(inputs: Sequence[Value], attrs: Any) -> tuple[Dtype, Shape]:
    batch, time, columns = inputs[0].shape
    return inputs[0].dtype, (batch, _shorter(time), columns)


def _run_difference(inputs: Sequence[Array], attrs: Any, weights: Mapping[str, Array]) -> Array:
    """(B, T, F) to (B, T-1, F): each value minus the one before."""
    return np.asarray(inputs[0][:, 1:] - inputs[0][:, :-1])


def _run_undifference(inputs: Sequence[Array], attrs: Any, weights: Mapping[str, Array]) -> Array:
    """Steps (B, H, F) and history (B, T, F) to levels (B, H, F): the last value plus the running sum."""
    steps, history = inputs
    return np.asarray(history[:, -1:] + np.cumsum(steps, axis=1))


def _infer_log_ratio(inputs: Sequence[Value], attrs: LogRatio) -> tuple[Dtype, Shape]:
    per_column("floor")(inputs, attrs)
    return _infer_steps(inputs, attrs)


def _run_log_ratio(inputs: Sequence[Array], attrs: LogRatio, weights: Mapping[str, Array]) -> Array:
    """(B, T, F) to (B, T-1, F): the log of each value over the one before."""
    log = symmetric_log(inputs[0], row_vector(attrs.floor, inputs[0]))
    return np.asarray(log[:, 1:] - log[:, :-1])


def _run_unlog_ratio(inputs: Sequence[Array], attrs: LogRatio, weights: Mapping[str, Array]) -> Array:
    """Log ratios (B, H, F) and history (B, T, F) to levels (B, H, F)."""
    ratios, history = inputs
    floor = row_vector(attrs.floor, ratios)
    return symmetric_exp(symmetric_log(history[:, -1:], floor) + np.cumsum(ratios, axis=1), floor)


def _infer_one_step(inputs: Sequence[Value], attrs: Any) -> tuple[Dtype, Shape]:
    batch, _, columns = inputs[0].shape
    return inputs[0].dtype, (batch, 1, columns)


def _run_window_last(inputs: Sequence[Array], attrs: Any, weights: Mapping[str, Array]) -> Array:
    return np.asarray(inputs[0][:, -1:])


def _run_window_mean(inputs: Sequence[Array], attrs: Any, weights: Mapping[str, Array]) -> Array:
    return np.asarray(inputs[0].mean(axis=1, keepdims=True))


def _run_window_scale(inputs: Sequence[Array], attrs: WindowScale, weights: Mapping[str, Array]) -> Array:
    """The standard deviation (biased) of each window and column, at least `minimum`."""
    x = inputs[0]
    centred = x - x.mean(axis=1, keepdims=True)
    deviation = np.sqrt((centred * centred).mean(axis=1, keepdims=True))
    return np.asarray(np.maximum(deviation, attrs.minimum))


def _run_fill_steps(inputs: Sequence[Array], attrs: Any, weights: Mapping[str, Array]) -> Array:
    """Carries the last known value forward over missing ones; leading ones take the first known value, else 0."""
    x = inputs[0]
    steps = np.arange(x.shape[1])[None, :, None]
    known = ~np.isnan(x)
    last = np.maximum.accumulate(np.where(known, steps, -1), axis=1)
    first = np.where(known, steps, x.shape[1]).min(axis=1, keepdims=True)
    source = np.minimum(np.where(last >= 0, last, first), x.shape[1] - 1)
    filled = np.take_along_axis(x, source, axis=1)
    return np.where(np.isnan(filled), 0.0, filled)


def _infer_fold(inputs: Sequence[Value], attrs: Fold) -> tuple[Dtype, Shape]:
    batch, time, _ = inputs[0].shape
    return inputs[0].dtype, (f"{attrs.channels}*{batch}", time, 1)


def _run_fold(inputs: Sequence[Array], attrs: Fold, weights: Mapping[str, Array]) -> Array:
    """(B, T, F) to (B·F, T, 1): each column a sample of its own, the columns of a sample side by side."""
    batch, time, columns = inputs[0].shape
    return inputs[0].transpose(0, 2, 1).reshape(batch * columns, time, 1)


def _infer_unfold(inputs: Sequence[Value], attrs: Fold) -> tuple[Dtype, Shape]:
    batch, horizon, _ = inputs[0].shape
    return inputs[0].dtype, (str(batch).removeprefix(f"{attrs.channels}*"), horizon, attrs.channels)


def _run_unfold(inputs: Sequence[Array], attrs: Fold, weights: Mapping[str, Array]) -> Array:
    """The inverse for forecasts: (B·F, H, 1) to (B, H, F)."""
    folded, horizon, _ = inputs[0].shape
    return inputs[0].reshape(folded // attrs.channels, attrs.channels, horizon).transpose(0, 2, 1)


def _run_sort(inputs: Sequence[Array], attrs: Any, weights: Mapping[str, Array]) -> Array:
    """Ascending along the last axis: quantiles that do not cross (Chernozhukov et al. 2010)."""
    return np.sort(inputs[0], axis=-1)


SERIES: tuple[Op, ...] = (
    Op(name="difference", run=_run_difference, infer=_infer_steps),
    Op(name="undifference", run=_run_undifference, infer=same_as_first),
    Op(name="log_ratio", attrs=LogRatio, run=_run_log_ratio, infer=_infer_log_ratio),
    Op(name="unlog_ratio", attrs=LogRatio, run=_run_unlog_ratio, infer=per_column("floor")),
    Op(name="window_last", run=_run_window_last, infer=_infer_one_step),
    Op(name="window_mean", run=_run_window_mean, infer=_infer_one_step),
    Op(name="window_scale", attrs=WindowScale, run=_run_window_scale, infer=_infer_one_step),
    Op(name="fill_steps", run=_run_fill_steps, infer=same_as_first),
    Op(name="fold", attrs=Fold, run=_run_fold, infer=_infer_fold),
    Op(name="unfold", attrs=Fold, run=_run_unfold, infer=_infer_unfold),
    Op(name="sort", run=_run_sort, infer=same_as_first),
)
