"""Measures an artifact on rows or windows whose answers are known, beside its baselines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ambidex.data.encode import encode_column, missing_mask, pack
from ambidex.data.series import SeriesSet, series_set
from ambidex.data.table import Table
from ambidex.data.windows import gather, window_starts
from ambidex.errors import DataError, expected
from ambidex.export.answer import answer
from ambidex.workflow.judge import judge_table, judge_windows
from ambidex.workflow.predict import answer_columns
from ambidex.workflow.problem import Arrays, Predict, Report
from ambidex.workflow.series_problem import read_stamp

if TYPE_CHECKING:
    from ambidex.workflow.load import Artifact


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Measures, and what was noticed on the way."""

    report: Report
    notes: tuple[str, ...]
    task: str

    def summary(self) -> dict[str, Any]:
        """The JSON result of `evaluate`."""
        unit = "windows" if self.task == "forecast" else "rows"
        return {
            "task": self.task,
            unit: self.report.count,
            "metrics": self.report.metrics,
            "baselines": self.report.baselines,
        }


def evaluate(
    artifact: Artifact, table: Table, *, first: str = "", last: str = "", predict: Predict | None = None
) -> Evaluation:
    """Judges every row, or for series every window whose forecast lies between `first` and `last` (times).

    `predict` answers in the artifact's place: an export of it.
    """
    predict = predict or _predict(artifact)
    if artifact.task.kind == "forecast":
        return _evaluate_series(artifact, table, first, last, predict)
    known = np.ones(table.num_rows, dtype=bool)
    for column in artifact.schema.by_role("target"):
        known &= ~missing_mask(encode_column(column, table))
    if not known.any():
        raise DataError(expected("rows with a known target", got="none", where=table.source))
    notes = () if known.all() else (f"{int((~known).sum())} rows without a target are left out",)
    rows = table if known.all() else table.take(np.flatnonzero(known))
    report = judge_table(artifact.schema, artifact.training.reference, rows, predict)
    return Evaluation(report=report, notes=notes, task=artifact.task.kind)


def _predict(artifact: Artifact) -> Predict:
    def predict(inputs: Arrays) -> Arrays:
        return answer(artifact.session, inputs)

    return predict


def _evaluate_series(artifact: Artifact, table: Table, first: str, last: str, predict: Predict) -> Evaluation:
    series, starts, window = evaluated_windows(artifact, table, first, last)
    report = judge_windows(artifact.schema, artifact.training.reference, series, (starts, window), predict)
    return Evaluation(report=report, notes=series.notes, task="forecast")


def evaluated_windows(
    artifact: Artifact, table: Table, first: str, last: str
) -> tuple[SeriesSet, npt.NDArray[np.int64], int]:
    """The series, the raw start rows of its windows in the span, and their length of history."""
    task = artifact.task
    series = series_set(artifact.schema, table, frequency=task.frequency)
    time = artifact.schema.by_role("time")[0]
    span = (
        read_stamp(time, first, "--from") if first else None,
        read_stamp(time, last, "--to") if last else None,
    )
    window = task.max_history or task.min_history
    starts = window_starts(series.offsets, window, task.horizon, stamps=series.stamps, span=span)
    if not len(starts):
        longest = int(np.diff(series.offsets).max())
        what = f"at least one window of {window} rows of history and {task.horizon} of forecast in the span"
        raise DataError(expected(what, got=f"none ({longest} rows in the longest series)"))
    return series, starts, window


def residual_columns(artifact: Artifact, table: Table, *, first: str = "", last: str = "") -> dict[str, Any]:
    """Each row's (or each window's step's) actual and predicted values and their difference, as columns."""
    if artifact.task.kind == "forecast":
        return _series_residuals(artifact, table, first, last)
    outputs = answer(artifact.session, pack(artifact.schema, table))
    columns: dict[str, Any] = {}
    for target in artifact.task.targets:
        actual = encode_column(artifact.schema.column(target.name), table)
        columns[f"{target.name}_actual"] = actual
        if not target.classes:
            columns[f"{target.name}_residual"] = actual - outputs[target.name]
    return columns | answer_columns(artifact.task, outputs)


def _series_residuals(artifact: Artifact, table: Table, first: str, last: str) -> dict[str, Any]:
    task = artifact.task
    series, starts, window = evaluated_windows(artifact, table, first, last)
    steps = np.tile(np.arange(1, task.horizon + 1), len(starts))
    inputs = {name: gather(array, starts, window) for name, array in series.tensors.items()}
    outputs = answer(artifact.session, inputs)
    stamps = gather(series.stamps, starts, task.horizon, offset=window)
    name_of = artifact.schema.by_role("time")[0].name
    columns: dict[str, Any] = {name_of: stamps.reshape(-1).astype("datetime64[us]"), "step": steps}
    owner = np.searchsorted(series.offsets, starts, side="right") - 1
    for position, column in enumerate(artifact.schema.by_role("series")):
        keys = np.array([series.keys[member][position] for member in owner], dtype=object)
        columns[column.name] = np.repeat(keys, task.horizon)
    actual = gather(series.tensors["numbers"], starts, task.horizon, offset=window)
    for position, target in enumerate(task.targets):
        columns[f"{target.name}_actual"] = actual[..., position].reshape(-1)
        columns[f"{target.name}_residual"] = (actual[..., position] - outputs[target.name]).reshape(-1)
    return columns | {name: values.reshape(-1) for name, values in answer_columns(task, outputs).items()}
