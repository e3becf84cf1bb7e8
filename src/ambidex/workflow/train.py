"""Trains: a table in, a certified artifact out, nothing in between left behind."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec

from ambidex.arch.table import find_model
from ambidex.artifact.certificate import Certificate, Edition
from ambidex.artifact.store import check_writable, write_whole
from ambidex.backends.registry import check_backend, installed, load_trainer
from ambidex.config import Experiment
from ambidex.data.table import Table
from ambidex.errors import BackendError, StoppedError
from ambidex.graph import initial_weights
from ambidex.losses.loss import Loss, loss_name
from ambidex.training.checkpoint import CheckpointFolder
from ambidex.training.defaults import batch_size
from ambidex.training.engine import Trainer
from ambidex.training.history import History, Switch
from ambidex.training.loop import Run, Silent, State, Watcher, by_validation_loss
from ambidex.workflow.bundle import TrainingRecord
from ambidex.workflow.problem import Arrays, Problem
from ambidex.workflow.score import make_score
from ambidex.workflow.seal import SOLVED, Draft, make_draft, seal
from ambidex.workflow.series_problem import series_problem
from ambidex.workflow.table_problem import table_problem

FREE: tuple[str, ...] = ("experiment.plan.device", "backend", "experiment.backend")
"""What may change when a run is resumed: where it computes, and in which engine, if one is named.

Weights, slots of the optimizer, the step and the schedule are the same in every engine, so the run goes on.
"""


@dataclass(kw_only=True)
class Session:
    """How one call of `train` meets its surroundings: who looks on, who may stop it, what it says."""

    watcher: Watcher = field(default_factory=Silent)
    must_stop: Callable[[], bool] = lambda: False
    say: Callable[[str], None] = lambda text: None
    is_resuming: bool = False


@dataclass(frozen=True, kw_only=True)
class Trained:
    """What came of it."""

    path: Path
    record: TrainingRecord
    certificate: Certificate
    task: str
    fit_s: float

    def summary(self) -> dict[str, Any]:
        """The JSON result of `train`."""
        history = self.record.history
        return {
            "artifact": str(self.path),
            "task": self.task,
            "model": self.record.experiment.model,
            "backend": self.record.backend,
            "epochs": max(len(history.epochs) - 1, 0),
            "seconds": round(self.fit_s, 3),
            "best_epoch": history.best.epoch if history.epochs else 0,
            "metrics": self.record.metrics,
            "baselines": self.record.baselines,
            "certificate": {name: edition_summary(edition) for name, edition in self.certificate.editions.items()},
        }


def edition_summary(edition: Edition) -> dict[str, Any] | str:
    """An edition as the commands print it."""
    if edition.status == "not_run":
        return "not_run"
    return {
        "max_abs": edition.max_abs,
        "mean_abs": edition.mean_abs,
        "changed_decisions": edition.changed_decisions,
        "passed": edition.status == "passed",
        "rows": edition.rows,
        "tolerance": edition.tolerance,
        "reason": edition.reason,
    }


def train(table: Table, experiment: Experiment, output: Path, *, session: Session | None = None) -> Trained:
    """Trains, exports, certifies and writes `output`.

    Raises `CertificateError` after writing nothing where an edition fails, and `StoppedError` where the run was
    stopped; its checkpoint then lies in `OUTPUT.ckpt/`.
    """
    check_writable(output)
    checkpoints = CheckpointFolder(checkpoint_path(output))
    try:
        draft = fit(table, experiment, session=session, checkpoints=checkpoints)
        sealed = seal(draft, engines=() if experiment.editions == "onnx" else None)
    except KeyboardInterrupt:
        raise StoppedError(f"Stopped. {_how_to_resume(checkpoints)}") from None
    write_whole(output, [sealed.data])
    checkpoints.remove()
    return Trained(
        path=output,
        record=draft.record,
        certificate=sealed.certificate,
        task=draft.schema.task.kind,
        fit_s=draft.fit_s,
    )


def fit(
    table: Table,
    experiment: Experiment,
    *,
    session: Session | None = None,
    checkpoints: CheckpointFolder | None = None,
    loss: Loss | None = None,
) -> Draft:
    """Trains in memory, or with a checkpoint per epoch; `loss` is a function of the user's own.

    What comes back is judged and exported but not certified: see `seal`.
    """
    session = session or Session()
    backend = choose_backend(experiment)
    problem = _problem(table, experiment, loss)
    experiment = _settled(experiment, problem, loss)
    for note in problem.notes:
        session.say(note)
    if backend != SOLVED:
        load_trainer(backend)  # importing an engine takes seconds that are no part of fitting
    began = time.monotonic()
    weights, history = _fit(problem, experiment, backend, session, checkpoints)
    fit_s = time.monotonic() - began
    return make_draft(problem, experiment, backend, weights=weights, history=history, fit_s=fit_s)


def _problem(table: Table, experiment: Experiment, loss: Loss | None) -> Problem:
    build = series_problem if experiment.is_series else table_problem
    if loss is None:
        return build(experiment, table)
    problem = build(msgspec.structs.replace(experiment, loss="auto"), table)
    return replace(problem, loss=loss, loss_name=loss_name(loss))


def _settled(experiment: Experiment, problem: Problem, loss: Loss | None) -> Experiment:
    """The experiment with the batch size that the data decides, and the name of the user's own loss."""
    size = batch_size(experiment.plan, problem.train.num_samples)
    plan = msgspec.structs.replace(experiment.plan, batch_size=size)
    name = experiment.loss if loss is None else loss_name(loss)
    return msgspec.structs.replace(experiment, plan=plan, loss=name)


def checkpoint_path(output: Path) -> Path:
    """Where the checkpoints of a run lie."""
    return output.with_name(output.name + ".ckpt")


def choose_backend(experiment: Experiment) -> str:
    """The engine to train in: the one asked for, else the first that is installed; none for solved models."""
    if experiment.backend != "auto":
        check_backend(experiment.backend)
    domain = "series" if experiment.is_series else "table"
    if find_model(experiment.model, domain).is_solved:
        return SOLVED
    if experiment.backend != "auto":
        return experiment.backend
    here = installed()
    if not here:
        raise BackendError("Training needs a backend, got none here: pip install 'ambidex[torch]'.")
    return here[0]


def _fit(
    problem: Problem,
    experiment: Experiment,
    backend: str,
    session: Session,
    checkpoints: CheckpointFolder | None,
) -> tuple[Arrays, History]:
    weights: Arrays = {**initial_weights(problem.graph, experiment.plan.seed), **problem.solve()}
    if backend == SOLVED:
        return weights, History(stopped_by="solved")
    trainer: Trainer = load_trainer(backend)(problem.graph, weights, problem.loss, experiment.plan)
    resumed = _begin(problem, experiment, backend, session, checkpoints)
    run = Run(
        trainer=trainer,
        train=problem.train,
        validation=problem.validation,
        plan=experiment.plan,
        score=by_validation_loss if experiment.metric == "loss" else make_score(experiment.metric, problem),
        watcher=session.watcher,
        checkpoints=checkpoints,
        must_stop=session.must_stop,
    )
    try:
        best, history = run.fit(resumed)
    except StoppedError as error:
        if checkpoints is None:
            raise
        raise StoppedError(f"{error.message} {_how_to_resume(checkpoints)}") from None
    return dict(best), history


def _begin(
    problem: Problem,
    experiment: Experiment,
    backend: str,
    session: Session,
    checkpoints: CheckpointFolder | None,
) -> State | None:
    """The state to go on from, if there are checkpoints and one of them is this run's."""
    if checkpoints is None:
        return None
    before = checkpoints.last_run().get("backend", backend)
    free = FREE if experiment.backend != "auto" else FREE[:1]
    resumed = checkpoints.begin(_identity(problem, experiment, backend), is_resuming=session.is_resuming, free=free)
    if resumed and before != backend:
        session.say(f"begun in {before}, goes on in {backend}")
        resumed.history.switches.append(Switch(epoch=len(resumed.history.epochs), before=before, after=backend))
    if session.is_resuming:
        epoch = len(resumed.history.epochs) - 1 if resumed else 0
        session.say(f"resuming after epoch {epoch}" if resumed else "no checkpoint to resume from: starting afresh")
    return resumed


def _how_to_resume(folder: CheckpointFolder) -> str:
    if any(folder.folder.glob("epoch-*.ckpt")):
        return f"The last finished epoch is kept in {folder.folder}. Run the same command with --resume to go on."
    folder.remove()
    return "No epoch was finished, so nothing is kept."


def _identity(problem: Problem, experiment: Experiment, backend: str) -> dict[str, Any]:
    """What must be equal for a run to be resumed."""
    return {
        "experiment": msgspec.to_builtins(experiment),
        "backend": backend,
        "data": problem.fingerprint,
        "graph": msgspec.to_builtins(problem.graph),
    }
