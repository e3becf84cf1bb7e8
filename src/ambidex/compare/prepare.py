"""From a table and an experiment to a job: equal rows, equal networks, equal settings for every column."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import msgspec

from ambidex.arch.table import find_model
from ambidex.compare.job import Job, Prepared, take_samples
from ambidex.config import Experiment
from ambidex.data.table import Table
from ambidex.errors import DataError, UsageError, expected, one_of
from ambidex.training.defaults import batch_size
from ambidex.training.plan import Plan
from ambidex.workflow.problem import Problem
from ambidex.workflow.series_problem import series_problem
from ambidex.workflow.table_problem import table_problem

MOST_VALIDATION = 8192
LOSSES: dict[str, tuple[str, ...]] = {"classes": ("cross_entropy",), "numbers": ("huber", "mae", "mse")}
"""The losses that every framework brings along, by what is predicted."""


class Effort(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much is measured. `rows` bounds an epoch of a table, `windows` one of a series."""

    kind: Literal["quick", "full"]
    runs: int
    epochs: int
    rows: int = 8_192
    windows: int = 2_048
    blocks: int = 4


QUICK = Effort(kind="quick", runs=3, epochs=3, rows=4_096, windows=1_024, blocks=3)
FULL = Effort(kind="full", runs=9, epochs=4)


@dataclass(frozen=True, kw_only=True)
class Task:
    """The problem as ambidex would train it, the experiment it comes from, and the job made of it."""

    problem: Problem
    experiment: Experiment
    prepared: Prepared


def prepare_task(experiment: Experiment, table: Table, effort: Effort) -> Task:
    """Builds both divisions' networks and draws the rows that all columns learn from.

    Raises `UsageError` for what the divisions could not share: weighted rows, and models that are solved.
    """
    _check(experiment)
    build = series_problem if experiment.is_series else table_problem
    problem = build(experiment, table)
    _check_loss(problem)
    matched = msgspec.structs.replace(experiment, settings=_without_dropout(experiment))
    plain = problem if matched.settings == experiment.settings else build(matched, table)
    count = effort.windows if experiment.is_series else effort.rows
    train = take_samples(problem.train, count, seed=experiment.plan.seed)
    size = min(batch_size(experiment.plan, len(train)), len(train))
    # Full batches in every column: a smaller last one would compile once more in some and not in others.
    train = take_samples(train.feed(), len(train) // size * size, seed=experiment.plan.seed)
    validation = take_samples(problem.validation, MOST_VALIDATION, seed=experiment.plan.seed)
    if len(validation) == 0:
        raise DataError(expected("rows to validate on", got="none"))
    job = Job(
        plan=_plan(experiment.plan, size, effort),
        loss=problem.loss_name,
        quantiles=experiment.quantiles,
        is_classification=problem.task.is_classification,
        blocks=effort.blocks,
    )
    graphs = {"defaults": problem.graph, "matched": plain.graph}
    prepared = Prepared(job=job, train=train, validation=validation, graphs=graphs)  # type: ignore[arg-type]
    return Task(problem=plain, experiment=msgspec.structs.replace(matched, plan=job.plan), prepared=prepared)


def _check_loss(problem: Problem) -> None:
    """Raises `UsageError` for a loss that a user of some framework would have to write: Defaults could not have it."""
    losses = LOSSES["classes" if problem.task.is_classification else "numbers"]
    if problem.loss_name not in losses:
        what = f"a loss that every framework brings along, {one_of(losses, problem.loss_name)}"
        raise UsageError(expected(what, got=repr(problem.loss_name), where="--loss"), where="--loss")


def _plan(plan: Plan, size: int, effort: Effort) -> Plan:
    """A fixed number of epochs at a constant learning rate; whatever would end a run early or average is off."""
    return msgspec.structs.replace(
        plan,
        batch_size=size,
        epochs=effort.epochs,
        epoch_samples=0,
        schedule="constant",
        warmup=0.0,
        accumulate=1,
        ema=0.0,
        time_budget_s=0.0,
    )


def _without_dropout(experiment: Experiment) -> dict[str, object]:
    return {name: 0.0 if "dropout" in name else value for name, value in experiment.settings.items()}


def _check(experiment: Experiment) -> None:
    if experiment.weight or experiment.class_weight != "none":
        fix = "Leave the weights out."
        raise UsageError(expected("rows that count alike", got="weights", where="compare", fix=fix), where="weight")
    domain = "series" if experiment.is_series else "table"
    if find_model(experiment.model, domain).is_solved:
        fix = "Choose one that frameworks train, such as --model lstm."
        message = expected("a model that is trained", got=f"{experiment.model!r}, which is solved", fix=fix)
        raise UsageError(message, where="--model")
