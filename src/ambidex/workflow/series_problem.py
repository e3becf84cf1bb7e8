"""From series and an experiment to a problem: schema, parts in time, scaling, network, windows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import msgspec
import numpy as np
import numpy.typing as npt

from ambidex.arch.linear import NODE as LINEAR_NODE
from ambidex.arch.table import find_model
from ambidex.config import Experiment
from ambidex.data.fingerprint import table_fingerprint
from ambidex.data.infer import infer_schema_columns
from ambidex.data.read import read_table
from ambidex.data.series import SeriesSet, series_set
from ambidex.data.table import Table
from ambidex.data.windows import window_starts
from ambidex.errors import DataError, UsageError, expected
from ambidex.graph import Builder, Graph
from ambidex.graph.inputs import SeriesInputs
from ambidex.losses.loss import make_loss
from ambidex.metrics.forecast import yardstick
from ambidex.prep.series import SeriesScaling, add_series_answer, add_series_preparation, series_values
from ambidex.schema import Column, Role, Schema, Target, Task, packed_layout, parse_value
from ambidex.training.feed import Feed, Source, gather
from ambidex.training.ridge import solve_linear
from ambidex.workflow.judge import judge_windows
from ambidex.workflow.problem import Arrays, Predict, Problem, Report
from ambidex.workflow.profile import input_profile
from ambidex.workflow.reference import Reference
from ambidex.workflow.series_feed import evenly_thinned, local_values, weighted_by_scale, window_feed
from ambidex.workflow.series_fit import fit_scaling, season_length, window_length
from ambidex.workflow.target import chosen_loss

Stamps = npt.NDArray[np.int64]
MAX_EXAMPLES = 512
MAX_CHECKED = 4096
"""Windows that choose the best epoch: neighbours say nearly the same, and all would cost as much as training."""


@dataclass(frozen=True, kw_only=True)
class _Parts:
    """Windows to fit on and to validate on, by raw start row; `fitted` marks the rows statistics may come from."""

    train: Stamps
    validation: Stamps
    fitted: npt.NDArray[np.bool_]
    note: str


def series_problem(experiment: Experiment, table: Table) -> Problem:
    """Builds the problem. Raises `DataError` where the series cannot be learnt from."""
    draft, notes = _schema(experiment, table)
    series = series_set(draft, table)
    validation = _validation_series(experiment, draft, series)
    season = season_length(series.frequency)
    shortest = int(np.diff(series.offsets).min())
    window, why = window_length(experiment, season, shortest)
    horizon = experiment.series.horizon
    lost = 1 if experiment.series.scaling in ("log_ratio", "difference") else 0
    parts = _parts(experiment, draft, series, window + lost, horizon)
    scaling = _scaling(experiment, series, parts, len(experiment.targets))
    schema = _finished(draft, series, scaling, experiment, window)
    graph = _graph(experiment, schema, scaling, window)
    reference = _reference(schema, series, parts, season)
    source, starts = (series, parts.validation) if validation is None else validation
    local = local_values(graph, series, scaling)
    train = window_feed(graph, local, parts.train, (window, horizon), scaling)
    checked = local if validation is None else local_values(graph, source, scaling)
    check = window_feed(graph, checked, starts, (window, horizon), scaling)
    loss_name = chosen_loss(experiment, draft.task)

    def judge(predict: Predict) -> Report:
        return judge_windows(schema, reference, source, (starts, window + lost), predict)

    return Problem(
        schema=schema,
        graph=graph,
        train=weighted_by_scale(train, loss_name),
        validation=evenly_thinned(weighted_by_scale(check, loss_name), MAX_CHECKED),
        loss=make_loss(loss_name, experiment.quantiles),
        loss_name=loss_name,
        reference=reference,
        examples=_examples(source, starts, window + lost),
        target_scale=np.asarray(reference.deviations),
        solve=_solver(graph, train, check, scaling),
        notes=(f"task: forecast {horizon} steps", why, *notes, *series.notes, parts.note),
        fingerprint=table_fingerprint(table),
        judge=judge,
    )


def _schema(experiment: Experiment, table: Table) -> tuple[Schema, tuple[str, ...]]:
    series = experiment.series
    if not series.time:
        raise UsageError(
            expected("the time column of the series", got="none", fix="Name it with --time."), where="--time"
        )
    if series.horizon < 1:
        raise UsageError(
            expected("a horizon of at least 1 step", got=series.horizon, where="--horizon"), where="--horizon"
        )
    roles: dict[str, Role] = {series.time: "time"}
    roles |= dict.fromkeys(series.keys, "series") | dict.fromkeys(series.past, "past")  # type: ignore[arg-type]
    inference = infer_schema_columns(
        table,
        targets=experiment.targets,
        roles=roles,
        overrides=experiment.columns,
        drop=experiment.drop,
        others="drop",
    )
    for column in inference.columns:
        if column.role in ("target", "past") and column.kind not in ("number", "flag"):
            message = expected(f"numbers in {column.role} column {column.name!r}", got=f"{column.kind}s")
            raise DataError(message, where=column.name)
    task = Task(
        kind="forecast",
        targets=tuple(Target(name=name) for name in experiment.targets),
        quantiles=experiment.quantiles,
        horizon=series.horizon,
        min_history=1,
    )
    return Schema(columns=inference.columns, task=task), inference.notes


def _validation_series(experiment: Experiment, schema: Schema, series: SeriesSet) -> tuple[SeriesSet, Stamps] | None:
    """A validation file is a set of series of its own, every window of which counts."""
    if not isinstance(experiment.validation, str):
        return None
    other = series_set(schema, read_table(experiment.validation), frequency=series.frequency)
    window, _ = window_length(experiment, season_length(series.frequency), int(np.diff(series.offsets).min()))
    lost = 1 if experiment.series.scaling in ("log_ratio", "difference") else 0
    starts = window_starts(other.offsets, window + lost, experiment.series.horizon)
    _require(starts, other, window + lost, experiment.series.horizon, "validation")
    return other, starts


def _require(starts: Stamps, series: SeriesSet, window: int, horizon: int, part: str) -> None:
    if len(starts):
        return
    longest = int(np.diff(series.offsets).max())
    fix = "Give more rows, or a smaller --window or --horizon."
    what = f"at least {window + horizon} rows in a row for {part} (window {window}, horizon {horizon})"
    raise DataError(expected(what, got=f"{longest} in the longest series", fix=fix))


def _parts(experiment: Experiment, schema: Schema, series: SeriesSet, window: int, horizon: int) -> _Parts:
    stamps = series.stamps
    if isinstance(experiment.validation, str):
        train = window_starts(series.offsets, window, horizon)
        _require(train, series, window, horizon, "training")
        return _Parts(train=train, validation=train[:0], fitted=np.ones(len(stamps), dtype=bool), note="")
    end, last = _ends(experiment, schema, series)
    train = window_starts(series.offsets, window, horizon, stamps=stamps, span=(None, end))
    _require(train, series, window, horizon, "training")
    validation = window_starts(series.offsets, window, horizon, stamps=stamps, span=(end + 1, last))
    _require(validation, series, window, horizon, "validation")
    moment = np.datetime64(end, "us").astype("datetime64[s]")
    note = f"fitted on rows up to {moment}; {len(train)} training windows, {len(validation)} for validation"
    return _Parts(train=train, validation=validation, fitted=stamps <= end, note=note)


def _ends(experiment: Experiment, schema: Schema, series: SeriesSet) -> tuple[int, int]:
    """The last stamps of training and of validation."""
    time = schema.by_role("time")[0]
    last = int(series.stamps.max())
    if experiment.series.validation_end:
        last = read_stamp(time, experiment.series.validation_end, "--validation-end")
    if experiment.series.train_end:
        end = read_stamp(time, experiment.series.train_end, "--train-end")
        if end >= last:
            fix = "Rows after it choose the model."
            raise UsageError(
                expected("a --train-end before the end of validation", got=experiment.series.train_end, fix=fix)
            )
        return end, last
    distinct = np.unique(series.stamps[series.stamps <= last])
    assert not isinstance(experiment.validation, str)
    keep = round(len(distinct) * (1 - experiment.validation))
    keep = min(max(keep, 1), len(distinct) - experiment.series.horizon)
    return int(distinct[max(keep, 1) - 1]), last


def read_stamp(column: Column, text: str, where: str) -> int:
    """A time given by the user, in ISO 8601 or the column's own format, as microseconds since 1970."""
    iso = msgspec.structs.replace(column, time_format="")
    try:
        return int(parse_value(iso, text, where))
    except DataError:
        return int(parse_value(column, text, where))


def _scaling(experiment: Experiment, series: SeriesSet, parts: _Parts, targets: int) -> SeriesScaling:
    pieces = []
    for begin, end in zip(series.offsets[:-1].tolist(), series.offsets[1:].tolist(), strict=True):
        rows = np.flatnonzero(parts.fitted[begin:end]) + begin
        if len(rows) > 1:
            pieces.append((series.tensors["numbers"][rows], series.stamps[rows]))
    levels = np.concatenate([numbers[:, :targets] for numbers, _ in pieces])
    for name, column in zip(experiment.targets, levels.T, strict=True):
        if np.nanmax(column) == np.nanmin(column):
            got = f"only {column[0]:g} in the {len(column)} rows to fit on"
            raise DataError(
                expected(f"a target {name!r} that varies", got=got, fix="A constant needs no model."), where=name
            )
    return fit_scaling(experiment, pieces, series.frequency, targets)


def _finished(schema: Schema, series: SeriesSet, scaling: SeriesScaling, experiment: Experiment, window: int) -> Schema:
    """The schema with what was learnt of the history a forecast needs."""
    architecture = find_model(experiment.model, "series")
    is_free = architecture.has_free_time and experiment.settings.get("residual") != "linear"
    least = 2 + scaling.lost_steps if is_free else window + scaling.lost_steps
    task = msgspec.structs.replace(
        schema.task,
        min_history=least,
        max_history=window + scaling.lost_steps,
        frequency=series.frequency,
    )
    return msgspec.structs.replace(schema, task=task)


def _graph(experiment: Experiment, schema: Schema, scaling: SeriesScaling, window: int) -> Graph:
    architecture = find_model(experiment.model, "series")
    builder = Builder(series_values(packed_layout(schema)))
    history = add_series_preparation(builder, scaling)
    levels = max(1, len(experiment.quantiles))
    if architecture.is_solved and experiment.quantiles:
        fix = "Use --model lstm or gru, with residual=linear to start from it."
        raise UsageError(expected("no --quantiles with a model that is solved", got=experiment.model, fix=fix))
    inputs = SeriesInputs(
        history=history,
        window=window,
        horizon=experiment.series.horizon,
        targets=scaling.forecasts,
        outputs=scaling.forecasts * levels,
    )
    settings = msgspec.convert(experiment.settings, architecture.settings)
    raw = architecture.build(builder, inputs, settings)  # type: ignore[call-arg,arg-type]
    outputs = add_series_answer(builder, raw, schema.task, scaling)
    return builder.build(prepared=[history], raw_outputs=[raw], outputs=outputs)


def _solver(graph: Graph, train: Feed, validation: Feed, scaling: SeriesScaling) -> Callable[[], Arrays]:
    def solve() -> Arrays:
        if all(node.name != LINEAR_NODE for node in graph.network):
            return {}
        parts = solve_linear(train, validation, targets=scaling.forecasts)
        return {f"{LINEAR_NODE}.{part}": weight for part, weight in parts.items()}

    return solve


def _reference(schema: Schema, series: SeriesSet, parts: _Parts, season: int) -> Reference:
    levels = series.tensors["numbers"][:, : len(schema.task.targets)]
    pieces = [
        levels[begin:end][parts.fitted[begin:end]]
        for begin, end in zip(series.offsets[:-1].tolist(), series.offsets[1:].tolist(), strict=True)
    ]
    rule = yardstick(pieces, season)
    steps = {name: array[parts.fitted] for name, array in series.tensors.items() if len(array) == len(parts.fitted)}
    profile = input_profile(schema, steps)
    return Reference(train_rows=int(parts.fitted.sum()), deviations=rule.deviation, yardstick=rule, profile=profile)


def _examples(series: SeriesSet, starts: Stamps, window: int) -> Arrays:
    """Raw windows for the certificate: the first, and others evenly spread."""
    chosen = starts[np.unique(np.linspace(0, len(starts) - 1, min(MAX_EXAMPLES, len(starts))).astype(np.int64))]
    every = np.arange(len(chosen))
    return {name: gather(Source(array=array, length=window), every, chosen) for name, array in series.tensors.items()}
