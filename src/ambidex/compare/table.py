"""From samples to rows: a number per run, an interval per column, a contrast with the reference column."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ambidex.compare.column import Column, Division
from ambidex.compare.comparison import Compilation, Curve, DivisionResult, Row, Sameness
from ambidex.compare.measure import LAST
from ambidex.compare.quantity import Quantity
from ambidex.compare.sample import Sample
from ambidex.compare.statistics import contrasts, interval, log_ratios

Floats = npt.NDArray[np.float64]
Runs = dict[int, Floats]
SAME_LOSS = 1e-6
"""Losses of one computation in two frameworks differ by rounding, which must not decide when a loss is reached."""
MOST_POINTS = 400
"""Single latencies kept for the picture of their distribution."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """The samples of one division by column and quantity: run to values."""

    division: Division
    columns: tuple[Column, ...]
    values: dict[tuple[str, str], Runs]

    def runs(self, column: str, quantity: str) -> Runs:
        """The values of every run that has them."""
        return self.values.get((column, quantity), {})


def gather_samples(division: Division, columns: Sequence[Column], samples: Iterable[Sample]) -> Measured:
    """The samples of a division, with those quantities that follow from several: the final loss, the time to a loss."""
    values: dict[tuple[str, str], Runs] = {}
    for sample in samples:
        if sample.division == division:
            found = values.setdefault((sample.column, sample.quantity), {})
            found[sample.run] = np.asarray(sample.values, dtype=np.float64)
    inside = tuple(column for column in columns if division in column.divisions)
    measured = Measured(division=division, columns=inside, values=values)
    for column in inside:
        losses = measured.runs(column.name, "validation_loss")
        values[column.name, "final_loss"] = {run: loss[-1:] for run, loss in losses.items()}
        values[column.name, "time_to_loss_s"] = _times_to_loss(measured, column)
    return measured


def _times_to_loss(measured: Measured, column: Column) -> Runs:
    """Seconds until the best loss that every column reaches in a run, for this column."""
    found: Runs = {}
    losses = measured.runs(column.name, "validation_loss")
    epochs = measured.runs(column.name, "epoch_s")
    starts = start_costs(measured, column.name)
    for run in losses.keys() & epochs.keys() & starts.keys():
        every = [measured.runs(other.name, "validation_loss").get(run) for other in measured.columns]
        # A column that failed before its last epoch takes no part.
        whole = [loss for loss in every if loss is not None and len(loss) == len(losses[run])]
        target = max(float(loss[1:].min()) for loss in whole) * (1 + SAME_LOSS)
        reached = int(np.flatnonzero(losses[run][1:] <= target)[0])
        found[run] = np.asarray([starts[run] + float(epochs[run][: reached + 1].sum())])
    return found


def start_costs(measured: Measured, column: str) -> dict[int, float]:
    """Seconds before training runs at its speed: the first step, and how much longer the first epoch took."""
    first = measured.runs(column, "first_step_s") | measured.runs(column, "cached_step_s")
    warm, epochs = measured.runs(column, "warm_up_s"), measured.runs(column, "epoch_s")
    return {
        run: float(first[run][0]) + max(0.0, float(warm[run][0] - np.median(epochs[run])))
        for run in first.keys() & warm.keys() & epochs.keys()
    }


def make_division(measured: Measured, quantities: Sequence[Quantity]) -> DivisionResult:
    """Everything about one division, of the columns that came to their end in it.

    Where none did, the table keeps all of them with rows that hold nothing: that nothing was measured is a result too.
    """
    present = tuple(column for column in measured.columns if measured.runs(column.name, LAST))
    shown = present or measured.columns
    measured = _of_columns(measured, present)
    reference = shown[0].name if shown else ""
    rows = _with_contrasts(measured, [_row(measured, quantity) for quantity in quantities], quantities, reference)
    return DivisionResult(
        division=measured.division,
        reference=reference,
        columns=tuple(column.name for column in shown),
        rows=tuple(row for row in rows if row.cells or not present),
        curves={column.name: curve for column in present if (curve := _curve(measured, column.name)) is not None},
        compilations=tuple(_compilations(measured)),
        sameness=_sameness(measured, present) if measured.division == "matched" else {},
        one_row_ms={column.name: _latencies(measured, column.name) for column in present},
        warm_up_s={
            column.name: float(np.median(np.concatenate(list(found.values()))))
            for column in present
            if (found := measured.runs(column.name, "warm_up_s"))
        },
    )


def _of_columns(measured: Measured, columns: tuple[Column, ...]) -> Measured:
    """What was measured of these columns alone."""
    names = {column.name for column in columns}
    values = {key: runs for key, runs in measured.values.items() if key[0] in names}
    return Measured(division=measured.division, columns=columns, values=values)


def _row(measured: Measured, quantity: Quantity) -> Row:
    cells = {
        column.name: interval([quantity.of_run(values.tolist()) for values in found.values()])
        for column in measured.columns
        if (found := measured.runs(column.name, quantity.of))
    }
    return Row(
        name=quantity.name,
        title=quantity.title,
        unit=quantity.unit,
        kind=quantity.kind,
        how=quantity.how,
        higher_is_better=quantity.higher_is_better,
        cells=cells,
    )


def _with_contrasts(
    measured: Measured, rows: list[Row], quantities: Sequence[Quantity], reference: str
) -> Iterable[Row]:
    """The rows with every other column's contrast, each column corrected for the number of rows it is compared in."""
    found: dict[str, dict[str, object]] = {row.name: {} for row in rows}
    for column in measured.columns:
        if column.name == reference:
            continue
        logs = [_logs(measured, quantity, column.name, reference) for quantity in quantities]
        for row, contrast in zip(rows, contrasts(logs), strict=True):
            if contrast is not None:
                found[row.name][column.name] = contrast
    for row in rows:
        fields = {name: getattr(row, name) for name in row.__struct_fields__}
        yield Row(**{**fields, "contrasts": found[row.name]})


def _logs(measured: Measured, quantity: Quantity, column: str, reference: str) -> Floats:
    """Logarithms of quotients of the quantity; turns are paired where the run's number is a median of turns."""
    ours, theirs = measured.runs(column, quantity.of), measured.runs(reference, quantity.of)
    if quantity.of not in {"epoch_s", "epoch_cpu_s"}:
        ours = {run: np.asarray([quantity.of_run(values.tolist())]) for run, values in ours.items()}
        theirs = {run: np.asarray([quantity.of_run(values.tolist())]) for run, values in theirs.items()}
        return log_ratios(ours, theirs)
    return -log_ratios(ours, theirs) if quantity.rate else log_ratios(ours, theirs)


def _curve(measured: Measured, column: str) -> Curve | None:
    runs = list(measured.runs(column, "validation_loss").values())
    if not runs:
        return None
    shortest = min(map(len, runs))
    stacked = np.stack([run[:shortest] for run in runs])
    return Curve(
        median=tuple(np.median(stacked, axis=0).tolist()),
        low=tuple(stacked.min(axis=0).tolist()),
        high=tuple(stacked.max(axis=0).tolist()),
    )


def _compilations(measured: Measured) -> Iterable[Compilation]:
    names = {column.name for column in measured.columns}
    for column in measured.columns:
        costs, before = start_costs(measured, column.name), start_costs(measured, column.mode_of)
        if not column.is_compiled or column.mode_of not in names or not costs or not before:
            continue
        cold = measured.runs(column.name, "first_step_s").keys() & costs.keys() or costs.keys()
        cost = float(np.median([costs[run] for run in cold])) - float(np.median(list(before.values())))
        log = log_ratios(measured.runs(column.name, "epoch_s"), measured.runs(column.mode_of, "epoch_s"))
        epoch = float(np.median(np.concatenate(list(measured.runs(column.mode_of, "epoch_s").values()))))
        saved = epoch * (1 - float(np.exp(np.median(log)))) if len(log) else 0.0
        pays = saved > 0.05 * epoch
        yield Compilation(
            column=column.name,
            baseline=column.mode_of,
            cost_s=cost,
            saved_s_per_epoch=saved,
            epochs=max(cost, 0.0) / saved if pays else None,
        )


def _sameness(measured: Measured, present: Sequence[Column]) -> dict[str, Sameness]:
    learners = [column.name for column in present if column.trains]
    if not learners:
        return {}
    first = learners[0]
    finals = [float(loss[0]) for loss in measured.runs(first, "final_loss").values()]
    spread = float(np.std(finals, ddof=1)) if len(finals) > 1 else 0.0
    return {
        name: Sameness(
            first_step_loss=_distance(measured, "first_loss", name, first),
            curve=_distance(measured, "step_loss", name, first),
            final_loss=_distance(measured, "final_loss", name, first, is_relative=False),
            seed_spread=spread,
        )
        for name in learners[1:]
    }


def _distance(measured: Measured, quantity: str, column: str, reference: str, *, is_relative: bool = True) -> float:
    """The largest difference over all values of all runs."""
    ours, theirs = measured.runs(column, quantity), measured.runs(reference, quantity)
    differences = [
        np.abs(ours[run] - theirs[run]) / (np.maximum(np.abs(theirs[run]), 1e-12) if is_relative else 1.0)
        for run in ours.keys() & theirs.keys()
    ]
    return max((float(part.max()) for part in differences if len(part)), default=float("nan"))


def _latencies(measured: Measured, column: str) -> tuple[float, ...]:
    """Quantiles of single calls in milliseconds, evenly spaced: enough for the picture of their distribution."""
    runs = list(measured.runs(column, "one_row_s").values())
    if not runs:
        return ()
    every = 1000 * np.concatenate(runs)
    shares = np.linspace(0, 1, min(MOST_POINTS, len(every)))
    return tuple(np.quantile(every, shares).tolist())
