"""Chooses and fits the scaling of series on their training rows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ambidex.config import Experiment
from ambidex.errors import UsageError, expected
from ambidex.graph import Builder, Value, run_nodes
from ambidex.graph.ops.time import DAY_US, HOUR_US
from ambidex.prep.series import LOCAL, MIN_WINDOW_SCALE, Center, Scaling, SeriesScaling, add_series_preparation
from ambidex.schema import Frequency
from ambidex.workflow.series_feed import local_nodes

Floats = npt.NDArray[np.float64]
Stamps = npt.NDArray[np.int64]
MIN_EXPLAINED = 0.02
"""A cycle is kept where it explains this share of the variance of rows it was not fitted on."""
MAX_PHASES = 1000


def season_length(frequency: Frequency | None) -> int:
    """The usual number of steps after which a series of this step repeats: a day of hours, a week of days, a year."""
    if frequency is None:
        return 1
    if frequency.unit == "month":
        return max(1, 12 // frequency.count)
    if frequency.unit == "business":
        return 5
    step = frequency.count
    for length in (DAY_US, 7 * DAY_US):
        if step < length and length % step == 0 and length // step <= MAX_PHASES:
            return length // step
    return 52 if step == 7 * DAY_US else 24 if step == HOUR_US else 1


def fit_scaling(
    experiment: Experiment, parts: list[tuple[Floats, Stamps]], frequency: Frequency | None, num_targets: int
) -> SeriesScaling:
    """Fits on the training rows of each series: numbers (N, F) with the targets first, and stamps (N,)."""
    kind = _kind(experiment)
    cycle, step_us = _fit_cycle(experiment, kind, parts, frequency, num_targets)
    window_center, has_scale = _window(experiment, kind, len(parts))
    columns = parts[0][0].shape[1]
    draft = SeriesScaling(
        kind=kind,
        center=np.zeros(columns),
        scale=np.ones(columns),
        floor=_floor(np.concatenate([numbers[:, :num_targets] for numbers, _ in parts])),
        num_targets=num_targets,
        window_center=window_center,
        has_window_scale=has_scale,
        cycle=cycle,
        cycle_step_us=step_us,
        is_folded=_is_folded(experiment, num_targets, columns),
    )
    local = [_local(draft, numbers, stamps) for numbers, stamps in parts]
    center, scale = _standard(kind, np.concatenate(local))
    usual = float(np.median([np.std(part / scale, axis=0) for part in local]))
    return replace(draft, center=center, scale=scale, min_window_scale=MIN_WINDOW_SCALE * (usual or 1.0))


def _kind(experiment: Experiment) -> Scaling:
    asked = experiment.series.scaling
    return "instance" if asked == "auto" else asked


def _window(experiment: Experiment, kind: Scaling, num_series: int) -> tuple[Center, bool]:
    """What instance scaling subtracts, and whether it also divides by the window's deviation.

    A linear map keeps the last value, and needs no scale unless series of different sizes share it.
    """
    if kind != "instance":
        return "none", False
    if experiment.model == "linear" or experiment.settings.get("residual") == "linear":
        return "last", num_series > 1
    return "mean", True


def _is_folded(experiment: Experiment, num_targets: int, columns: int) -> bool:
    asked = experiment.series.channels
    if asked == "shared" and columns > num_targets:
        fix = "Leave out --past, or set channels=joint."
        raise UsageError(expected("no past covariates with channels=shared", got=f"{columns - num_targets}", fix=fix))
    return num_targets > 1 and columns == num_targets if asked == "auto" else asked == "shared" and num_targets > 1


def _floor(levels: Floats) -> Floats:
    """Where the logarithm turns linear: far below all values if they are positive, else at a tenth of their size."""
    size = np.nanmedian(np.abs(levels), axis=0)
    size = np.where(size > 0, size, 1.0)
    return np.where(np.nanmin(levels, axis=0) > 0, 1e-6 * size, 0.1 * size)


def _local(draft: SeriesScaling, numbers: Floats, stamps: Stamps) -> Floats:
    """One series (N, F) before it is standardized, by the nodes that the graph will have."""
    builder = Builder(
        [
            Value(name="numbers", dtype="float64", shape=("B", "T", numbers.shape[1])),
            Value(name="times", dtype="int64", shape=("B", "T", 1)),
        ]
    )
    history = add_series_preparation(builder, draft)
    graph = builder.build(prepared=[history], raw_outputs=[], outputs={})
    inputs = {"numbers": numbers[None], "times": stamps[None, :, None]}
    return np.asarray(run_nodes(local_nodes(graph), inputs, {})[LOCAL][0])


def _standard(kind: Scaling, local: Floats) -> tuple[Floats, Floats]:
    """Mean and deviation per column; `none` leaves numbers as they are."""
    if kind == "none":
        return np.zeros(local.shape[1]), np.ones(local.shape[1])
    deviation = np.nanstd(local, axis=0)
    return np.nanmean(local, axis=0), np.where(deviation > 0, deviation, 1.0)


def _fit_cycle(
    experiment: Experiment, kind: Scaling, parts: list[tuple[Floats, Stamps]], frequency: Frequency | None, targets: int
) -> tuple[Floats | None, int]:
    """The mean of each phase of the cycle (phases, targets), and the step in microseconds, or None and 0."""
    asked = experiment.series.cycle
    if asked == 0 or kind not in ("none", "standardize", "instance"):
        return None, 0
    if frequency is None or frequency.unit != "microsecond":
        if asked > 0:
            raise UsageError(expected("a fixed step of time for a cycle", got="an irregular one"), where="--set cycle")
        return None, 0
    phases = asked if asked > 0 else season_length(frequency)
    if phases < 2 or phases > MAX_PHASES:
        return None, 0
    step = frequency.count
    levels = [(numbers[:, :targets], (stamps // step) % phases) for numbers, stamps in parts]
    if asked < 0 and _explained(levels, phases) < MIN_EXPLAINED:
        return None, 0
    table = _phase_means(levels, phases)
    return (table, step) if np.isfinite(table).all() else (None, 0)


def _phase_means(levels: list[tuple[Floats, Stamps]], phases: int) -> Floats:
    """The mean deviation of each phase from its series' mean: a cycle around zero, shared by the series."""
    total = np.zeros((phases, levels[0][0].shape[1]))
    count = np.zeros((phases, 1))
    for values, phase in levels:
        np.add.at(total, phase, values - values.mean(axis=0))
        np.add.at(count, phase, 1.0)
    return np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)


def _explained(levels: list[tuple[Floats, Stamps]], phases: int) -> float:
    """Share of the variance of each series' second half that the cycle of the first halves explains."""
    early = [(values[: len(values) // 2], phase[: len(values) // 2]) for values, phase in levels]
    table = np.nan_to_num(_phase_means(early, phases))
    before, after = 0.0, 0.0
    for values, phase in levels:
        late = values[len(values) // 2 :] - values[len(values) // 2 :].mean(axis=0)
        rest = late - table[phase[len(values) // 2 :]]
        spread = np.maximum(late.var(axis=0), 1e-300)
        before += len(late)
        after += len(late) * float(np.mean((rest**2).mean(axis=0) / spread))
    return 1 - after / max(before, 1e-300)


def window_length(experiment: Experiment, season: int, shortest: int) -> tuple[int, str]:
    """The history the network reads, and why: what was asked, else four seasons, at most a tenth of the rows."""
    horizon = experiment.series.horizon
    if experiment.series.window:
        return experiment.series.window, f"window: {experiment.series.window} steps, as asked"
    wanted = max(4 * season, 2 * horizon, 16)
    window = max(2, min(wanted, shortest // 10)) if shortest // 10 < wanted else wanted
    return window, f"window: {window} steps (season of {season}, horizon {horizon}, {shortest} rows)"
