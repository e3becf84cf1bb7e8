"""Predicts for tables and series, and lays the answers out as columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ambidex.data.encode import extra_columns, pack
from ambidex.data.series import SeriesSet, series_set
from ambidex.data.table import Table
from ambidex.data.windows import gather
from ambidex.errors import DataError, expected
from ambidex.export.answer import answer
from ambidex.schema import Schema, Task

if TYPE_CHECKING:
    from ambidex.workflow.load import Artifact

Array = npt.NDArray[Any]
Arrays = dict[str, Array]


def predict_packed(artifact: Artifact, table: Table) -> Arrays:
    """The public outputs for a table's rows."""
    if artifact.task.kind == "forecast":
        raise DataError("Expected a table's model, got one for series.")
    _require_rows(table)
    return answer(artifact.session, pack(artifact.schema, table))


def _require_rows(table: Table) -> None:
    if table.num_rows == 0:
        raise DataError(expected("at least one row to predict", got="none", where=table.source))


def answer_columns(task: Task, outputs: Arrays) -> dict[str, Array]:
    """Columns to append to a table: `income`, `income_p_<label>`, `price`, `price_q0.1`."""
    columns: dict[str, Array] = {}
    for target in task.targets:
        columns[target.name] = outputs[target.name]
        for position, label in enumerate(target.classes):
            columns[f"{target.name}_p_{label}"] = outputs[f"{target.name}_probabilities"][:, position]
        for position, level in enumerate(task.quantiles):
            columns[f"{target.name}_q{level:g}"] = outputs[f"{target.name}_quantiles"][..., position]
    return columns


def forecast_columns(artifact: Artifact, table: Table) -> dict[str, Any]:
    """Series keys, time and each target with its quantiles, `horizon` rows per series after its last stamp."""
    _require_rows(table)
    schema, task = artifact.schema, artifact.task
    series = series_set(schema, table, frequency=task.frequency)
    outputs = _forecast(artifact, series)
    columns: dict[str, Any] = {}
    for position, column in enumerate(schema.by_role("series")):
        columns[column.name] = np.repeat(np.array([key[position] for key in series.keys], dtype=object), task.horizon)
    columns[schema.by_role("time")[0].name] = _future_stamps(task, series)
    for name, values in answer_columns(task, outputs).items():
        columns[name] = values.reshape(-1)
    return columns


def _forecast(artifact: Artifact, series: SeriesSet) -> Arrays:
    """Public outputs, one row per series in order, from the last window of each."""
    task = artifact.task
    series.require_history(task.min_history)
    lengths = np.diff(series.offsets)
    wanted = lengths if task.max_history is None else np.minimum(lengths, task.max_history)
    rows: list[Arrays] = [{}] * len(lengths)
    for length in np.unique(wanted).tolist():
        members = np.flatnonzero(wanted == length)
        starts = series.offsets[members + 1] - length
        inputs = {name: gather(array, starts, length) for name, array in series.tensors.items()}
        outputs = answer(artifact.session, inputs)
        for at, member in enumerate(members.tolist()):
            rows[member] = {name: array[at] for name, array in outputs.items()}
    return {name: np.stack([row[name] for row in rows]) for name in rows[0]}


def _future_stamps(task: Task, series: SeriesSet) -> Array:
    """Stamps (S · H,) as datetime64; row numbers after the last where the step is unknown."""
    last = series.stamps[series.offsets[1:] - 1].tolist()
    if task.frequency is None:
        return np.tile(np.arange(1, task.horizon + 1), len(last))
    stamps = [task.frequency.following(stamp, task.horizon) for stamp in last]
    return np.array(stamps, dtype=np.int64).reshape(-1).astype("datetime64[us]")


def extra_notes(schema: Schema, table: Table) -> list[str]:
    """What to say about columns that the model does not use."""
    extra = extra_columns(schema, table)
    if not extra:
        return []
    shown = ", ".join(extra[:10]) + (f" and {len(extra) - 10} more" if len(extra) > 10 else "")
    return [f"columns the model does not use: {shown}"]
