"""Judges a model on rows or windows whose answers are known, beside naive baselines."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ambidex.data.encode import pack
from ambidex.data.series import SeriesSet
from ambidex.data.table import Table
from ambidex.errors import DataError, expected
from ambidex.metrics.classification import classification_metrics
from ambidex.metrics.forecast import ForecastSums
from ambidex.metrics.regression import regression_metrics
from ambidex.schema import Schema, Task
from ambidex.training.feed import Source, gather
from ambidex.workflow.problem import Predict, Report
from ambidex.workflow.reference import Reference
from ambidex.workflow.target import class_codes, target_numbers

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]
WINDOWS_AT_ONCE = 512


def judge_table(schema: Schema, reference: Reference, table: Table, predict: Predict) -> Report:
    """Measures of predictions for rows whose targets are known."""
    outputs = predict(pack(schema, table))
    if schema.task.is_classification:
        return _judge_classes(schema, reference, table, outputs)
    names = [target.name for target in schema.task.targets]
    actual = target_numbers(schema.task, schema.columns, table)
    predicted = np.stack([outputs[name] for name in names], axis=1)
    mean = np.broadcast_to(np.asarray(reference.means), actual.shape)
    metrics = regression_metrics(actual, predicted, names)
    if schema.task.quantiles:
        metrics |= quantile_metrics(actual, outputs, schema.task)
    return Report(metrics=metrics, baselines={"naive": regression_metrics(actual, mean, names)}, count=table.num_rows)


def _judge_classes(schema: Schema, reference: Reference, table: Table, outputs: dict[str, Array]) -> Report:
    task = schema.task
    target = task.targets[0]
    codes = class_codes(task, schema.column(target.name), table)
    known = codes >= 0
    if not known.any():
        raise DataError(expected(f"rows with one of the classes of {target.name!r}", got="none"), where=target.name)
    codes = codes[known]
    probabilities = outputs[f"{target.name}_probabilities"][known]
    metrics = classification_metrics(codes, probabilities, decide(task, probabilities))
    shares = np.broadcast_to(np.asarray(reference.class_shares), probabilities.shape)
    naive = classification_metrics(codes, shares, np.full(len(codes), int(np.argmax(reference.class_shares))))
    return Report(metrics=metrics, baselines={"naive": naive}, count=int(known.sum()))


def decide(task: Task, probabilities: Floats) -> npt.NDArray[np.int64]:
    """The positions of the decided classes, as the graph decides."""
    if task.kind == "binary":
        return (probabilities[:, 1] >= task.threshold).astype(np.int64)
    return np.asarray(probabilities.argmax(axis=1), dtype=np.int64)


def quantile_metrics(actual: Floats, outputs: dict[str, Array], task: Task) -> dict[str, float]:
    """The mean pinball loss over levels, and the coverage of the outermost pair."""
    levels = np.asarray(task.quantiles)
    answers = np.stack([outputs[f"{target.name}_quantiles"] for target in task.targets], axis=1)
    miss = actual[..., None] - answers
    inside = (actual >= answers.min(axis=-1)) & (actual <= answers.max(axis=-1))
    pinball = np.maximum(levels * miss, (levels - 1) * miss)
    return {"pinball": float(pinball.mean()), "coverage": float(inside.mean())}


def judge_windows(
    schema: Schema,
    reference: Reference,
    series: SeriesSet,
    windows: tuple[npt.NDArray[np.int64], int],
    predict: Predict,
) -> Report:
    """Measures over windows (start rows, length of history): the history from each start, then the horizon."""
    starts, window = windows
    task = schema.task
    names = [target.name for target in task.targets]
    assert reference.yardstick is not None
    season = reference.yardstick.season
    model = ForecastSums(names, reference.yardstick, task.quantiles)
    naive = ForecastSums(names, reference.yardstick)
    seasonal = ForecastSums(names, reference.yardstick)
    levels = series.tensors["numbers"][:, : len(names)]
    for begin in range(0, len(starts), WINDOWS_AT_ONCE):
        part = starts[begin : begin + WINDOWS_AT_ONCE]
        every = np.arange(len(part))
        history = {
            name: gather(Source(array=array, length=window), every, part) for name, array in series.tensors.items()
        }
        actual = gather(Source(array=levels, length=task.horizon, offset=window), every, part)
        last = history["numbers"][:, -1, : len(names)]
        outputs = predict(history)
        forecast = np.stack([outputs[name] for name in names], axis=-1)  # (W, H, targets)
        quantiles = None
        if task.quantiles:
            quantiles = np.stack([outputs[f"{name}_quantiles"] for name in names], axis=2)  # (W, H, targets, Q)
        model.add(actual, forecast, last, quantiles)
        naive.add(actual, np.broadcast_to(last[:, None], actual.shape), last)
        if season > 1:
            seasonal.add(actual, seasonal_forecast(levels, part, window, task.horizon, season), last)
    baselines = {"naive": naive.metrics()}
    if season > 1:
        baselines["seasonal_naive"] = seasonal.metrics()
    return Report(metrics=model.metrics(), baselines=baselines, count=len(starts))


def seasonal_forecast(levels: Floats, starts: npt.NDArray[np.int64], window: int, horizon: int, season: int) -> Floats:
    """The values of the last whole season of each history, repeated: (W, H, targets)."""
    period = min(season, window)
    steps = window - period + np.arange(horizon) % period
    return np.asarray(levels[starts[:, None] + steps])
