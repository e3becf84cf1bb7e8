"""Runs every installed edition beside the float64 reference, and says how far apart they are."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import numpy.typing as npt

from ambidex.artifact.certificate import Edition
from ambidex.backends.registry import BACKENDS, check_backend, installed, load_edition
from ambidex.backends.subprocess import run_edition
from ambidex.errors import AmbidexError, BackendError
from ambidex.graph import Graph, decode, prepare, run_network, run_nodes
from ambidex.graph import predict as reference_predict
from ambidex.schema import Task

if TYPE_CHECKING:
    from ambidex.workflow.load import Artifact

Array = npt.NDArray[Any]
Arrays = dict[str, Array]
Predict = Callable[[Arrays], Arrays]
FACTOR = 4.0
"""How many times the training framework's own float32 error an edition may differ from the reference."""
FLOOR, DEEP_FLOOR = 1e-6, 1e-5
"""What always passes: feed-forward, and recurrent networks, whose rounding adds up over steps."""
FOREIGN_TOLERANCE = 1e-5
"""For models of other libraries, whose trees are added up in float32 by ONNX and in float64 at home."""
BORDER = 1e-6
"""A decision closer than this to its threshold may fall either way."""
RECURRENT: frozenset[str] = frozenset({"lstm", "gru"})


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What is certified: a graph with its weights, its task, and the unit (targets,) of numeric errors."""

    graph: Graph
    weights: Mapping[str, Array]
    task: Task
    unit: npt.NDArray[np.float64]


def subject_of(artifact: Artifact) -> Subject:
    """What an artifact's certificate is about."""
    return Subject(
        graph=artifact.graph,
        weights=artifact.weights,
        task=artifact.task,
        unit=np.asarray(artifact.training.reference.deviations),
    )


@dataclass
class _Difference:
    """The errors of one edition so far."""

    largest: float = 0.0
    total: float = 0.0
    values: int = 0
    changed: int = 0
    rows: int = 0

    def add(self, error: npt.NDArray[np.float64]) -> None:
        """Adds absolute errors; anything that is not a number counts as infinite."""
        error = np.where(np.isfinite(error), error, np.inf)
        self.largest = max(self.largest, float(error.max(initial=0.0)))
        self.total += float(error.sum())
        self.values += error.size


def certify(
    subject: Subject,
    cases: Sequence[Arrays],
    predict: Predict,
    *,
    trained_by: str = "",
    engines: Sequence[str] | None = None,
) -> dict[str, Edition]:
    """One entry for ONNX and one per engine; engines that are not here, or not asked for, are `not_run`.

    `predict` runs the ONNX edition; `trained_by` is the engine whose own float32 error sets the tolerance, and which
    runs in this process; the others run in processes of their own.
    """
    prepared = [prepare(subject.graph, case) for case in cases]
    references = [decode(subject.graph, run_network(subject.graph, part, subject.weights), part) for part in prepared]
    here = installed() if engines is None else [name for name in engines if name in installed()]
    with ThreadPoolExecutor(max_workers=max(1, (os.cpu_count() or 2) - 1)) as pool:
        jobs = {name: pool.submit(_engine_raw, name, subject, prepared, trained_by) for name in here}
        measured: dict[str, _Difference | str] = {"onnx": compare(subject, cases, references, predict)}
        for name, job in jobs.items():
            measured[name] = _measure(subject, prepared, references, job.result)
    own = measured.get(trained_by) or _measure(subject, prepared, references, lambda: _plain_float32(subject, prepared))
    tolerance = _tolerance(subject, own)
    editions = {name: _verdict(result, tolerance) for name, result in measured.items()}
    return editions | {name: Edition(status="not_run", reason=_why(name)) for name in BACKENDS if name not in editions}


def certify_answers(
    subject: Subject, cases: Sequence[Arrays], answers: Sequence[Arrays], *, lossy: str = ""
) -> Edition:
    """The entry for answers that were given elsewhere, one per case, under the rule of every edition.

    `lossy` says why the rule cannot hold, as for weights of eight bits: then the differences are stated and no verdict.
    """
    remaining = iter(answers)
    references = [reference_predict(subject.graph, case, subject.weights) for case in cases]
    difference = compare(subject, cases, references, lambda case: next(remaining))
    if lossy:
        return msgspec.structs.replace(_verdict(difference, math.inf), status="not_run", tolerance=None, reason=lossy)
    prepared = [prepare(subject.graph, case) for case in cases]
    own = _measure(subject, prepared, references, lambda: _plain_float32(subject, prepared))
    return _verdict(difference, _tolerance(subject, own))


def certify_foreign(
    task: Task, unit: npt.NDArray[np.float64], references: Sequence[Arrays], answers: Sequence[Arrays]
) -> Edition:
    """The entry for a conversion beside what the original answered, one for each case."""
    difference = _Difference()
    for found, reference in zip(answers, references, strict=True):
        _add_outputs(difference, task, unit, found, reference)
    return _verdict(difference, FOREIGN_TOLERANCE)


def _tolerance(subject: Subject, own: _Difference | str) -> float:
    """What an edition may differ by, from the training framework's own float32 error."""
    floor = DEEP_FLOOR if any(node.op in RECURRENT for node in subject.graph.network) else FLOOR
    return max(floor, FACTOR * own.largest) if isinstance(own, _Difference) else floor


def _plain_float32(subject: Subject, prepared: Sequence[Arrays]) -> list[Arrays]:
    """The network in NumPy's float32: what stands in for a training framework where the weights were solved for."""
    raws = []
    for part in prepared:
        values = run_nodes(
            subject.graph.network, {name: part[name] for name in subject.graph.prepared}, subject.weights
        )
        raws.append({name: values[name] for name in subject.graph.raw_outputs})
    return raws


def _engine_raw(name: str, subject: Subject, prepared: Sequence[Arrays], trained_by: str) -> list[Arrays]:
    if name != trained_by:
        return run_edition(name, subject.graph, subject.weights, prepared)
    run = load_edition(name)
    return [
        run(subject.graph, subject.weights, {key: part[key] for key in subject.graph.prepared}) for part in prepared
    ]


def _measure(
    subject: Subject, prepared: Sequence[Arrays], references: Sequence[Arrays], run: Callable[[], list[Arrays]]
) -> _Difference | str:
    try:
        raws = run()
    except AmbidexError as error:
        return error.message
    difference = _Difference()
    for raw, part, reference in zip(raws, prepared, references, strict=True):
        _add_outputs(difference, subject.task, subject.unit, decode(subject.graph, raw, part), reference)
    return difference


def compare(subject: Subject, cases: Sequence[Arrays], references: Sequence[Arrays], predict: Predict) -> _Difference:
    """The errors of an edition that takes raw inputs and gives public outputs."""
    difference = _Difference()
    for case, reference in zip(cases, references, strict=True):
        _add_outputs(difference, subject.task, subject.unit, predict(case), reference)
    return difference


def _add_outputs(
    difference: _Difference, task: Task, unit: npt.NDArray[np.float64], outputs: Arrays, reference: Arrays
) -> None:
    difference.rows += len(next(iter(reference.values())))
    for position, target in enumerate(task.targets):
        if target.classes:
            name = f"{target.name}_probabilities"
            difference.add(np.abs(outputs[name] - reference[name]))
            different = outputs[target.name] != reference[target.name]
            difference.changed += int((different & ~_is_close(task, reference[name])).sum())
            continue
        for name in (target.name, f"{target.name}_quantiles"):
            if name in reference:
                difference.add(np.abs(outputs[name] - reference[name]) / _unit(unit, position))


def _unit(units: npt.NDArray[np.float64], position: int) -> float:
    unit = float(units[position])
    return unit if unit > 0 else 1.0


def _is_close(task: Task, probabilities: Array) -> npt.NDArray[np.bool_]:
    """Rows whose decision hangs by less than `BORDER`."""
    if task.kind == "binary":
        return np.asarray(np.abs(probabilities[:, 1] - task.threshold) <= BORDER)
    top = np.sort(probabilities, axis=1)
    return np.asarray(top[:, -1] - top[:, -2] <= BORDER)


def _verdict(result: _Difference | str, tolerance: float) -> Edition:
    if isinstance(result, str):
        return Edition(status="failed", reason=result)
    passed = result.largest <= tolerance and result.changed == 0
    reason = "" if passed else f"differs by {result.largest:.2e}, {result.changed} decisions changed"
    is_finite = np.isfinite(result.largest)
    return Edition(
        status="passed" if passed else "failed",
        max_abs=result.largest if is_finite else None,
        mean_abs=result.total / max(result.values, 1) if is_finite else None,
        changed_decisions=result.changed,
        rows=result.rows,
        tolerance=tolerance,
        reason=reason,
    )


def _why(name: str) -> str:
    try:
        check_backend(name)
    except BackendError:
        return "not installed here"
    return "not asked for"
