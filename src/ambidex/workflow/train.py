"""Trains: a table in, a certified artifact out, nothing in between left behind."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from ambidex.arch.table import find_model
from ambidex.artifact.certificate import Certificate, Edition
from ambidex.artifact.store import check_writable, write_artifact
from ambidex.backends.registry import check_backend, installed, load_trainer
from ambidex.config import Experiment
from ambidex.data.table import Table
from ambidex.errors import BackendError, CertificateError, StoppedError, expected
from ambidex.graph import initial_weights
from ambidex.runtime.session import open_session
from ambidex.training.checkpoint import CheckpointFolder
from ambidex.training.defaults import batch_size
from ambidex.training.engine import Trainer
from ambidex.training.history import History
from ambidex.training.loop import Run, Silent, Watcher, by_validation_loss
from ambidex.workflow.answer import answer
from ambidex.workflow.bundle import TrainingRecord, make_certificate, make_entries, make_manifest, model_bytes
from ambidex.workflow.card import make_card
from ambidex.workflow.cases import certificate_cases, synthetic_rows
from ambidex.workflow.certify import Subject, certify
from ambidex.workflow.problem import Arrays, Problem, Report
from ambidex.workflow.score import make_score
from ambidex.workflow.series_problem import series_problem
from ambidex.workflow.table_problem import table_problem

SOLVED = "numpy"
"""The backend of models that are solved: no framework is loaded."""


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
    session = session or Session()
    check_writable(output)
    backend = choose_backend(experiment)
    problem = series_problem(experiment, table) if experiment.is_series else table_problem(experiment, table)
    experiment = _settled(experiment, problem)
    for note in problem.notes:
        session.say(note)
    began = time.monotonic()
    weights, history = _fit(problem, experiment, backend, output, session)
    fit_s = time.monotonic() - began
    trained = _finish(problem, experiment, backend, weights, history, output, fit_s)
    CheckpointFolder(checkpoint_path(output)).remove()
    return trained


def _settled(experiment: Experiment, problem: Problem) -> Experiment:
    """The experiment with the batch size that the data decides."""
    size = batch_size(experiment.plan, problem.train.num_samples)
    plan = msgspec.structs.replace(experiment.plan, batch_size=size)
    return msgspec.structs.replace(experiment, plan=plan)


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
    problem: Problem, experiment: Experiment, backend: str, output: Path, session: Session
) -> tuple[Arrays, History]:
    weights: Arrays = {**initial_weights(problem.graph, experiment.plan.seed), **problem.solve()}
    if backend == SOLVED:
        return weights, History(stopped_by="solved")
    folder = CheckpointFolder(checkpoint_path(output))
    resumed = folder.begin(_identity(problem, experiment, backend), is_resuming=session.is_resuming)
    if session.is_resuming:
        epoch = len(resumed.history.epochs) - 1 if resumed else 0
        session.say(f"resuming after epoch {epoch}" if resumed else "no checkpoint to resume from: starting afresh")
    trainer: Trainer = load_trainer(backend)(problem.graph, weights, problem.loss, experiment.plan)
    run = Run(
        trainer=trainer,
        train=problem.train,
        validation=problem.validation,
        plan=experiment.plan,
        score=by_validation_loss if experiment.metric == "loss" else make_score(experiment.metric, problem),
        watcher=session.watcher,
        checkpoints=folder,
        must_stop=session.must_stop,
    )
    try:
        best, history = run.fit(resumed)
    except StoppedError as error:
        raise StoppedError(f"{error.message} {_how_to_resume(folder)}") from None
    return dict(best), history


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


def _finish(
    problem: Problem, experiment: Experiment, backend: str, weights: Arrays, history: History, output: Path, fit_s: float
) -> Trained:
    model = model_bytes(problem.graph, weights, problem.schema)
    runtime = open_session(model)

    def predict(inputs: Arrays) -> Arrays:
        return answer(runtime, inputs)

    report = problem.judge(predict)
    examples = problem.examples
    if experiment.certificate_rows == "synthetic":
        examples = synthetic_rows(examples, experiment.plan.seed)
    cases = certificate_cases(problem.schema, problem.graph, examples, experiment.plan.seed)
    subject = Subject(graph=problem.graph, weights=weights, task=problem.task, unit=problem.target_scale)
    editions = certify(subject, cases, predict, trained_by="" if backend == SOLVED else backend)
    compared = len(next(iter(cases[0].values())))
    certificate = make_certificate(problem.schema, cases[0], predict(cases[0]), editions, compared)
    record = _record(problem, experiment, backend, history, report)
    if not certificate.holds:
        failed = {name: edition.reason for name, edition in editions.items() if edition.status == "failed"}
        reasons = "; ".join(f"{name}: {reason}" for name, reason in failed.items())
        raise CertificateError(expected("every edition to agree with the float64 reference", got=reasons))
    card = make_card(problem.schema, record, editions)
    entries = make_entries(problem.graph, weights, record, certificate, model, card)
    write_artifact(output, entries, manifest=make_manifest(problem.schema, problem.graph, backend))
    return Trained(path=output, record=record, certificate=certificate, task=problem.task.kind, fit_s=fit_s)


def _record(
    problem: Problem, experiment: Experiment, backend: str, history: History, report: Report
) -> TrainingRecord:
    return TrainingRecord(
        experiment=experiment,
        backend=backend,
        loss=problem.loss_name,
        data_fingerprint=problem.fingerprint,
        history=history,
        reference=problem.reference,
        metrics=report.metrics,
        baselines=report.baselines,
        notes=problem.notes,
    )
