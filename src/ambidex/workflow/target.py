"""What is asked about a table: the task behind its target, and the target's values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ambidex.config import Experiment
from ambidex.data.encode import encode_column, missing_mask
from ambidex.data.table import Table
from ambidex.errors import DataError, UsageError, expected, one_of
from ambidex.schema import Column, Target, Task

Array = npt.NDArray[Any]
DEFAULT_THRESHOLD = 0.5
MAX_NUMERIC_CLASSES = 20
"""Whole numbers with at most this many distinct values are taken for classes unless the user says otherwise."""


def table_task(experiment: Experiment, columns: Sequence[Column], table: Table) -> tuple[Task, str]:
    """The task, with its classes in the order of their probabilities, and why it was chosen."""
    targets = tuple(column for name in experiment.targets for column in columns if column.name == name)
    kind, reason = _kind(experiment, targets, table)
    if kind == "regression":
        _check_numeric(targets)
        _refuse_class_settings(experiment, targets[0])
        named = tuple(Target(name=column.name) for column in targets)
        return Task(kind="regression", targets=named, quantiles=experiment.quantiles), reason
    if len(targets) > 1:
        fix = "Train one model for each, or give numeric targets."
        raise UsageError(expected("one target for classes", got=f"{len(targets)}", where="--target", fix=fix))
    classes = _classes(targets[0], table)
    if kind == "auto":
        kind = "binary" if len(classes) == 2 else "multiclass"
    if kind != "binary" and experiment.threshold != DEFAULT_THRESHOLD:
        got = f"{len(classes)} classes in {targets[0].name!r}"
        raise UsageError(expected("2 classes for a threshold", got=got, where="--threshold"), where="--threshold")
    if kind == "binary" and len(classes) != 2:
        raise DataError(
            expected("2 classes", got=f"{len(classes)} in column {targets[0].name!r}"), where=targets[0].name
        )
    target = Target(name=targets[0].name, classes=classes)
    return Task(kind=kind, targets=(target,), threshold=experiment.threshold), reason  # type: ignore[arg-type]


def _kind(experiment: Experiment, targets: Sequence[Column], table: Table) -> tuple[str, str]:
    if experiment.task != "auto":
        return experiment.task, f"{experiment.task}, as asked"
    if experiment.quantiles or len(targets) > 1:
        return "regression", "regression: several numbers are asked for"
    column = targets[0]
    if column.kind in ("text", "flag"):
        return "auto", f"classification: {column.name} has categories"
    values = encode_column(column, table)
    known = np.unique(values[~missing_mask(values)])
    if len(known) <= MAX_NUMERIC_CLASSES and np.all(known == np.round(known)):
        fix = "if it is a quantity, say --task regression"
        return "auto", f"classification: {column.name} has {len(known)} distinct whole numbers ({fix})"
    return "regression", f"regression: {column.name} is a number"


def _refuse_class_settings(experiment: Experiment, target: Column) -> None:
    """Numbers have no classes to weight or to decide between."""
    given = {
        "--class-weight": experiment.class_weight != "none",
        "--threshold": experiment.threshold != DEFAULT_THRESHOLD,
    }
    for flag, is_given in given.items():
        if is_given:
            raise UsageError(expected(f"classes for {flag}", got=f"numbers in {target.name!r}"), where=flag)


def _check_numeric(targets: Sequence[Column]) -> None:
    for column in targets:
        if column.kind not in ("number", "flag"):
            fix = "Say --task multiclass, or choose a numeric target."
            message = expected(f"numbers in target {column.name!r} for regression", got=f"{column.kind}s", fix=fix)
            raise DataError(message, where=column.name)


def _classes(column: Column, table: Table) -> tuple[str | int, ...]:
    labels = target_labels(column, table)
    distinct = sorted(set(labels.tolist()) - {None})
    if len(distinct) < 2:
        got = f"only {distinct[0]!r}" if distinct else "no values"
        message = expected(f"at least 2 classes in target {column.name!r}", got=got, fix="A constant needs no model.")
        raise DataError(message, where=column.name)
    return tuple(distinct)


def target_labels(column: Column, table: Table) -> Array:
    """The labels (N,) as Python str or int, None where missing; flags and whole numbers are ints."""
    values = encode_column(column, table)
    gone = missing_mask(values)
    if column.kind == "text":
        labels = values.astype(object)
    else:
        _check_whole(column, values[~gone])
        labels = np.where(gone, 0, values).astype(np.int64).astype(object)
    labels[gone] = None
    return labels


def _check_whole(column: Column, values: Array) -> None:
    if column.kind == "time":
        raise DataError(expected("classes or numbers", got=f"times in target {column.name!r}"), where=column.name)
    if not np.all(values == np.round(values)):
        fix = "Say --task regression, or --set columns.NAME=category."
        got = f"{float(values[values != np.round(values)][0])} in target {column.name!r}"
        raise DataError(expected("whole numbers as classes", got=got, fix=fix), where=column.name)


CLASS_LOSSES: frozenset[str] = frozenset({"cross_entropy"})
NUMBER_LOSSES: frozenset[str] = frozenset({"mse", "mae", "huber", "quantile"})


def chosen_loss(experiment: Experiment, task: Task) -> str:
    """The loss of a task: what was asked for, else its usual one. Raises `UsageError` for one of the other kind."""
    if experiment.loss == "auto":
        return "cross_entropy" if task.is_classification else "quantile" if task.quantiles else "mse"
    wrong = NUMBER_LOSSES if task.is_classification else CLASS_LOSSES
    if experiment.loss in wrong:
        right = CLASS_LOSSES if task.is_classification else NUMBER_LOSSES
        what = f"a loss for {task.kind}, {one_of(right, experiment.loss)}"
        raise UsageError(expected(what, got=repr(experiment.loss), where="--loss"), where="--loss")
    return experiment.loss


def class_codes(task: Task, column: Column, table: Table) -> npt.NDArray[np.int64]:
    """The position of each row's class; -1 where it is missing or was not there in training."""
    code_of = {label: code for code, label in enumerate(task.targets[0].classes)}
    return np.array([code_of.get(label, -1) for label in target_labels(column, table).tolist()], dtype=np.int64)


def target_numbers(task: Task, columns: Sequence[Column], table: Table) -> npt.NDArray[np.float64]:
    """Numeric targets (N, targets), NaN where missing."""
    by_name = {column.name: column for column in columns}
    return np.stack([encode_column(by_name[target.name], table) for target in task.targets], axis=1).astype(np.float64)
