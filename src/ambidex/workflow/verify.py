"""Checks an artifact again, here and now: hashes, the model derived anew, and the certificate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ambidex.artifact.certificate import Edition
from ambidex.artifact.format import MODEL
from ambidex.data.encode import pack
from ambidex.data.table import Table
from ambidex.errors import ArtifactError, UsageError, expected
from ambidex.export.answer import answer
from ambidex.graph import predict as reference_predict
from ambidex.schema import packed_layout
from ambidex.workflow.bundle import answers_of, rows_of
from ambidex.workflow.cases import certificate_cases
from ambidex.workflow.certify import certify, certify_foreign, subject_of
from ambidex.workflow.problem import Arrays

if TYPE_CHECKING:
    from ambidex.workflow.load import Artifact

ROUNDING = 1e-9
"""The least that stored answers may differ by: they come from another machine's float32 network."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What was found: `problems` is empty where everything holds."""

    editions: dict[str, Edition]
    problems: tuple[str, ...]
    rows: int

    @property
    def holds(self) -> bool:
        """Whether nothing differs."""
        return not self.problems


def verify(artifact: Artifact, table: Table | None = None) -> Verdict:
    """Derives `model.onnx` from graph and weights, repeats the certificate, and compares the stored answers.

    On the artifact's own rows, or on a table's. Engines that are installed run as in training.
    """
    if artifact.origin:
        return _verify_foreign(artifact, table)
    problems = [*_check_model(artifact)]
    stored = rows_of(artifact.certificate, packed_layout(artifact.schema))
    rows = stored if table is None else rows_to_verify(artifact, table)
    cases = certificate_cases(artifact.schema, artifact.graph, rows, seed=0)
    trained_by = artifact.training.backend

    def predict(inputs: Arrays) -> Arrays:
        return answer(artifact.session, inputs)

    editions = certify(subject_of(artifact), cases, predict, trained_by=trained_by)
    problems += [f"{name}: {edition.reason}" for name, edition in editions.items() if edition.status == "failed"]
    problems += _check_answers(artifact, stored, editions["onnx"].tolerance or ROUNDING)
    return Verdict(editions=editions, problems=tuple(problems), rows=len(next(iter(rows.values()))))


def _verify_foreign(artifact: Artifact, table: Table | None) -> Verdict:
    """The original is not here, so what it answered is held against the model: on the artifact's own rows alone."""
    if table is not None:
        fix = "Compare on new rows by importing the original again with --data."
        what = "no data for an imported model, whose original is not in the file"
        raise UsageError(expected(what, got=table.source or "a table", fix=fix))
    layouts = packed_layout(artifact.schema)
    rows, written = rows_of(artifact.certificate, layouts), answers_of(artifact.certificate)
    found = answer(artifact.session, rows)
    unit = np.asarray(artifact.training.reference.deviations)
    editions = {**artifact.certificate.editions, "onnx": certify_foreign(artifact.task, unit, [written], [found])}
    problems = tuple(f"{name}: {edition.reason}" for name, edition in editions.items() if edition.status == "failed")
    return Verdict(editions=editions, problems=problems, rows=len(next(iter(rows.values()))))


def rows_to_verify(artifact: Artifact, table: Table) -> Arrays:
    """A table's rows as the model takes them; of series at most 512 windows, spread over all."""
    if artifact.task.kind != "forecast":
        return pack(artifact.schema, table)
    from ambidex.data.windows import gather
    from ambidex.workflow.evaluate import evaluated_windows

    series, starts, window = evaluated_windows(artifact, table, "", "")
    chosen = starts[np.unique(np.linspace(0, len(starts) - 1, min(512, len(starts))).astype(np.int64))]
    return {name: gather(array, chosen, window) for name, array in series.tensors.items()}


def _check_model(artifact: Artifact) -> list[str]:
    """The model must be what graph and weights give, byte for byte, where the same ambidex made it."""
    from ambidex._version import __version__
    from ambidex.workflow.bundle import model_bytes

    if artifact.opened.manifest.made_by.ambidex != __version__:
        return []
    try:
        derived = model_bytes(artifact.graph, artifact.weights, artifact.schema)
    except ArtifactError as error:
        return [error.message]
    return [] if derived == artifact.opened.read(MODEL) else [f"{MODEL} is not what the graph and the weights give"]


def _check_answers(artifact: Artifact, rows: Arrays, tolerance: float) -> list[str]:
    """The reference's answers for the stored rows against those written down."""
    outputs = reference_predict(artifact.graph, rows, artifact.weights)
    units = dict(zip((target.name for target in artifact.task.targets), _units(artifact), strict=True))
    problems = []
    for name, written in artifact.certificate.outputs.items():
        unit = units.get(name.removesuffix("_quantiles"), 1.0)
        if not _same(outputs[name], written, tolerance * unit):
            problems.append(f"stored answers for {name} are not what the model gives")
    return problems


def _units(artifact: Artifact) -> list[float]:
    deviations = artifact.training.reference.deviations
    return [value if value > 0 else 1.0 for value in deviations] or [1.0] * len(artifact.task.targets)


def _same(values: Any, written: list[Any], tolerance: float) -> bool:
    if values.dtype.kind != "f":
        return bool(np.array_equal(values.astype(object), np.array(written, dtype=object)))
    given = np.array(
        [[np.nan if cell is None else cell for cell in np.ravel(np.array(row, dtype=object))] for row in written]
    )
    return bool(
        np.allclose(
            values.reshape(given.shape), given.astype(np.float64), rtol=0, atol=max(tolerance, ROUNDING), equal_nan=True
        )
    )
