"""Fits one model in a process of its own and judges it on test data through its ONNX file: what other scripts call.

The job comes as JSON on standard input (see `Job`), the result leaves as JSON on standard output. Imports are not
timed. Fitting is: from the table in memory to trained weights, so inference of the schema, preparation, training,
validation and checkpoints. The certificate is left out: it would load every engine that is installed.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from ambidex.backends.registry import load_trainer
from ambidex.config import Experiment, Given, resolve
from ambidex.data.read import read_table
from ambidex.data.series import series_set
from ambidex.data.table import Table
from ambidex.data.windows import window_starts
from ambidex.export.answer import answer
from ambidex.graph import initial_weights
from ambidex.runtime.session import open_session
from ambidex.training.checkpoint import CheckpointFolder
from ambidex.training.defaults import batch_size
from ambidex.training.history import History
from ambidex.training.loop import Run
from ambidex.workflow.bundle import model_bytes
from ambidex.workflow.judge import judge_table, judge_windows
from ambidex.workflow.problem import Arrays, Problem, Report
from ambidex.workflow.series_problem import read_stamp, series_problem
from ambidex.workflow.table_problem import table_problem


class Job(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to fit: fields of the experiment by path, `key=value` texts, and the data.

    `backend` `numpy` is for models that are solved. A series is tested on the windows of `test` that forecast from
    `first` to `last`, a table on all its rows.
    """

    backend: str
    data: str
    test: str
    values: dict[str, Any]
    assignments: list[str] = []
    first: str = ""
    last: str = ""


@dataclass(kw_only=True)
class Stopwatch:
    """Wall time and the time of all threads since it was made."""

    wall: float = field(default_factory=time.perf_counter)
    cpu: float = field(default_factory=time.process_time)

    def read(self) -> dict[str, float]:
        return {"seconds": time.perf_counter() - self.wall, "cpu_seconds": time.process_time() - self.cpu}


def main() -> None:
    job = msgspec.json.decode(sys.stdin.buffer.read(), type=Job)
    experiment = resolve(Given(values=job.values, assignments=job.assignments))
    table = read_table(job.data)
    make_trainer = None if job.backend == "numpy" else load_trainer(job.backend)
    watch = Stopwatch()
    problem = series_problem(experiment, table) if experiment.is_series else table_problem(experiment, table)
    prepared = watch.read()
    weights, history = fit(problem, experiment, make_trainer)
    taken = watch.read()
    report = judge(problem, weights, job, experiment)
    best = history.best if history.epochs else None
    result = {
        **{name: round(value, 2) for name, value in taken.items()},
        "preparation_cpu_seconds": round(prepared["cpu_seconds"], 2),
        "epochs": max(len(history.epochs) - 1, 0),
        "best_epoch": best.epoch if best else 0,
        "validation_loss": best.validation_loss if best else None,
        "memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "test": report.metrics,
        "count": report.count,
    }
    print(json.dumps(result))


def fit(problem: Problem, experiment: Experiment, make_trainer: Callable[..., Any] | None) -> tuple[Arrays, History]:
    """The weights and what happened, as `ambidex train` fits."""
    weights: Arrays = {**initial_weights(problem.graph, experiment.plan.seed), **problem.solve()}
    if make_trainer is None:
        return weights, History(stopped_by="solved")
    size = batch_size(experiment.plan, problem.train.num_samples)
    plan = msgspec.structs.replace(experiment.plan, batch_size=size)
    with tempfile.TemporaryDirectory() as folder:
        checkpoints = CheckpointFolder(Path(folder) / "checkpoints")
        checkpoints.begin({}, is_resuming=False)
        trainer = make_trainer(problem.graph, weights, problem.loss, plan)
        run = Run(
            trainer=trainer, train=problem.train, validation=problem.validation, plan=plan, checkpoints=checkpoints
        )
        best, history = run.fit()
    return dict(best), history


def judge(problem: Problem, weights: Arrays, job: Job, experiment: Experiment) -> Report:
    """Measures of the exported model on the test data."""
    session = open_session(model_bytes(problem.graph, weights, problem.schema))

    def predict(inputs: Arrays) -> Arrays:
        return answer(session, inputs)

    table = read_table(job.test)
    if not experiment.is_series:
        return judge_table(problem.schema, problem.reference, table, predict)
    return judge_span(problem, table, job, predict)


def judge_span(problem: Problem, table: Table, job: Job, predict: Callable[[Arrays], Arrays]) -> Report:
    """Every window whose forecast lies in the span of the test."""
    task = problem.schema.task
    series = series_set(problem.schema, table, frequency=task.frequency)
    time_column = problem.schema.by_role("time")[0]
    span = (read_stamp(time_column, job.first, "first"), read_stamp(time_column, job.last, "last"))
    window = task.max_history or task.min_history
    starts = window_starts(series.offsets, window, task.horizon, stamps=series.stamps, span=span)
    return judge_windows(problem.schema, problem.reference, series, (starts, window), predict)


if __name__ == "__main__":
    main()
