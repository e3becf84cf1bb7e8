"""The end of a training: what was learnt becomes a draft, the draft is certified, and the artifact is its bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from ambidex.artifact.certificate import Certificate
from ambidex.artifact.store import artifact_bytes
from ambidex.config import Experiment
from ambidex.errors import CertificateError, expected
from ambidex.export.answer import answer
from ambidex.graph import Graph
from ambidex.runtime.session import Session, open_session
from ambidex.schema import Schema
from ambidex.training.history import History
from ambidex.workflow.bundle import TrainingRecord, make_certificate, make_entries, make_manifest, model_bytes
from ambidex.workflow.card import make_card
from ambidex.workflow.cases import certificate_cases, synthetic_rows
from ambidex.workflow.certify import Subject, certify
from ambidex.workflow.problem import Arrays, Problem, Report
from ambidex.workflow.profile import with_answers
from ambidex.workflow.reference import Reference

SOLVED = "numpy"
"""The backend of models that are solved: no framework is loaded."""
PROFILED = 10_000
"""Rows of the validation part whose answers say enough about how answers are spread."""


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A trained model before it is certified: small, and free of the data but for the rows of the certificate.

    `unit` (targets,) is what numeric errors are counted in; `cases` are packed raw inputs.
    """

    schema: Schema
    graph: Graph
    weights: Mapping[str, npt.NDArray[Any]]
    model: bytes
    record: TrainingRecord
    cases: Sequence[Arrays]
    unit: npt.NDArray[np.float64]
    fit_s: float


@dataclass(frozen=True, kw_only=True)
class Sealed:
    """A certified model: the bytes of the file, and the certificate that is in them."""

    data: bytes
    certificate: Certificate


def make_draft(
    problem: Problem, experiment: Experiment, backend: str, *, weights: Arrays, history: History, fit_s: float
) -> Draft:
    """Exports the network, judges it on the validation part, and picks the rows of the certificate."""
    model = model_bytes(problem.graph, weights, problem.schema)
    runtime = open_session(model)
    report = problem.judge(lambda inputs: answer(runtime, inputs))
    record = _record(problem, experiment, backend, history, report)
    examples, seed = problem.examples, experiment.plan.seed
    if experiment.certificate_rows == "synthetic":
        examples = synthetic_rows(examples, seed)
    return Draft(
        schema=problem.schema,
        graph=problem.graph,
        weights=weights,
        model=model,
        record=msgspec.structs.replace(record, reference=_with_answers(problem, runtime)),
        cases=certificate_cases(problem.schema, problem.graph, examples, seed),
        unit=problem.target_scale,
        fit_s=fit_s,
    )


def seal(draft: Draft, *, engines: Sequence[str] | None = None) -> Sealed:
    """Certifies a draft and gives the artifact's bytes.

    ONNX Runtime always runs beside the reference; of the engines those named, or all that are installed. Raises
    `CertificateError` where an edition fails.
    """
    runtime = open_session(draft.model)

    def predict(inputs: Arrays) -> Arrays:
        return answer(runtime, inputs)

    backend = draft.record.backend
    subject = Subject(graph=draft.graph, weights=draft.weights, task=draft.schema.task, unit=draft.unit)
    trained_by = "" if backend == SOLVED else backend
    editions = certify(subject, draft.cases, predict, trained_by=trained_by, engines=engines)
    rows = draft.cases[0]
    compared = len(next(iter(rows.values())))
    certificate = make_certificate(draft.schema, rows, predict(rows), editions, compared)
    if not certificate.holds:
        failed = {name: edition.reason for name, edition in editions.items() if edition.status == "failed"}
        reasons = "; ".join(f"{name}: {reason}" for name, reason in failed.items())
        raise CertificateError(expected("every edition to agree with the float64 reference", got=reasons))
    card = make_card(draft.schema, draft.record, editions)
    entries = make_entries(draft.graph, draft.weights, draft.record, certificate, model=draft.model, card=card)
    manifest = make_manifest(draft.schema, draft.graph, backend)
    return Sealed(data=artifact_bytes(entries, manifest=manifest), certificate=certificate)


def _with_answers(problem: Problem, runtime: Session) -> Reference:
    """The reference with what the model answers to rows it was not fitted on."""
    reference = problem.reference
    if reference.profile is None:
        return reference
    step = -(-len(next(iter(problem.examples.values()))) // PROFILED)
    outputs = answer(runtime, {name: array[::step] for name, array in problem.examples.items()})
    return msgspec.structs.replace(reference, profile=with_answers(reference.profile, problem.task, outputs))


def _record(problem: Problem, experiment: Experiment, backend: str, history: History, report: Report) -> TrainingRecord:
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
