"""Writes a model in another format, after running what was written beside the reference."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ambidex.artifact.beside import check_free, written_beside
from ambidex.artifact.certificate import Edition
from ambidex.artifact.store import check_apart
from ambidex.backends.source import Options, Source
from ambidex.data.table import Table
from ambidex.errors import CertificateError, UsageError, expected
from ambidex.export import run
from ambidex.export.answer import answer as run_session
from ambidex.export.table import TARGETS, find_target
from ambidex.export.target import Target
from ambidex.graph import decode, prepare
from ambidex.schema import packed_layout
from ambidex.workflow.bundle import model_metadata, rows_of
from ambidex.workflow.cases import certificate_cases
from ambidex.workflow.certify import certify_answers, subject_of
from ambidex.workflow.evaluate import evaluate
from ambidex.workflow.problem import Arrays

if TYPE_CHECKING:
    from ambidex.workflow.load import Artifact


@dataclass(frozen=True, kw_only=True)
class Measured:
    """The measures of the artifact and of what was written, on the same rows."""

    before: dict[str, float]
    after: dict[str, float]


@dataclass(frozen=True, kw_only=True)
class Exported:
    """What was written, and how far it is from the reference.

    `edition` holds the largest difference and the changed decisions; where weights were rounded it has no verdict.
    `checked_in` is the runtime that gave the answers.
    `seconds` are those of writing: neither imports nor the certificate count.
    """

    path: Path
    target: Target
    checked_in: str
    edition: Edition
    seconds: float
    size_bytes: int
    measured: Measured | None = None


def export(
    artifact: Artifact,
    target: str,
    output: Path,
    *,
    options: Options | None = None,
    table: Table | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> Exported:
    """Writes the artifact as `target`; nothing appears under `output` unless it agrees with the reference.

    Weights stored in fewer bits are held to no such promise: their difference is stated instead, and with `table` the
    measures before and after. Raises `UsageError` for options that the target does not understand, `BackendError`
    where a package is missing, `OutputFileError` for a place that cannot be written or that the artifact was read
    from, `CertificateError` where the target's own runtime answers differently. `say` is told what takes long.
    """
    chosen, wanted = find_target(target), options or Options()
    check_options(chosen, wanted)
    run.check_installed(chosen)
    check_apart(output, artifact.path)
    check_free(output, chosen.form)
    if chosen.engine:
        say(f"writing {chosen.name} and running it in processes of its own; this takes some seconds")
    source = source_of(artifact)
    with written_beside(output) as path:
        seconds = run.write(chosen, source, path, wanted)
        edition = _certified(artifact, chosen, path, wanted)
        measured = _measure(artifact, chosen, path, table) if table is not None else None
        size_bytes = sum(part.stat().st_size for part in path.parent.rglob("*") if part.is_file())
    return Exported(
        path=output,
        target=chosen,
        checked_in=run.checked_in(chosen),
        edition=edition,
        seconds=seconds,
        size_bytes=size_bytes,
        measured=measured,
    )


def check_options(target: Target, options: Options) -> None:
    """A `UsageError` for the first option that the target would ignore."""
    usual = Options()
    for name in ("packed", "float32_inputs"):
        if getattr(options, name) != getattr(usual, name) and name not in target.options:
            _refuse_option(
                name.replace("_", "-"), [known for known in TARGETS.values() if name in known.options], target
            )
    if options.precision not in target.precisions:
        takers = [known for known in TARGETS.values() if options.precision in known.precisions]
        _refuse_option(options.precision, takers, target)


def _refuse_option(name: str, takers: Sequence[Target], target: Target) -> None:
    where = f"--{name}"
    names = ", ".join(taker.name for taker in takers)
    raise UsageError(
        expected(f"a target that knows {where} ({names})", got=repr(target.name), where="--to"), where=where
    )


def source_of(artifact: Artifact) -> Source:
    """What targets are given; the rows are those of the certificate."""
    stem = re.sub(r"\W+", "_", Path(artifact.path).stem).strip("_")
    return Source(
        name=stem or "model",
        graph=artifact.graph,
        weights=artifact.weights,
        schema=artifact.schema,
        metadata=model_metadata(artifact.schema),
        rows=rows_of(artifact.certificate, packed_layout(artifact.schema)),
    )


def _certified(artifact: Artifact, target: Target, path: Path, options: Options) -> Edition:
    """The edition of what was written, which has not failed."""
    source = source_of(artifact)
    cases = _cases(source, target, options)
    answers = _answers(target, path, source, cases)
    lossy = "" if options.precision == "float32" else f"weights are stored as {options.precision}, which rounds them"
    edition = certify_answers(subject_of(artifact), cases, answers, lossy=lossy)
    if edition.status == "failed" or edition.max_abs is None:
        what = f"the {target.name} export to agree with the float64 reference"
        got = edition.reason if edition.status == "failed" else "answers that are not numbers"
        raise CertificateError(expected(what, got=got, where=run.checked_in(target)))
    return edition


def _cases(source: Source, target: Target, options: Options) -> list[Arrays]:
    """The certificate's batches, without a second length of history where a target has but one."""
    rows = dict(source.rows)
    if options.float32_inputs and "numbers" in rows:
        # Inputs of that type round the numbers before anything else, so the file is judged on rounded rows.
        rows["numbers"] = rows["numbers"].astype("float32").astype("float64")
    cases = certificate_cases(source.schema, source.graph, rows, seed=0)
    if source.schema.task.kind != "forecast" or target.free_time:
        return cases
    return [case for case in cases if _length(case) == _length(rows)]


def _length(case: Arrays) -> int:
    return int(case["numbers"].shape[1])


def _answers(target: Target, path: Path, source: Source, cases: Sequence[Arrays]) -> list[Arrays]:
    """Public outputs for packed raw inputs; what a target does not hold, the reference does around it."""
    if target.takes == "columns":
        return run.answer(target, path, source, cases)
    graph = source.graph
    prepared = [prepare(graph, case) for case in cases]
    raws = run.answer(target, path, source, [{name: part[name] for name in graph.prepared} for part in prepared])
    return [decode(graph, raw, part) for raw, part in zip(raws, prepared, strict=True)]


def _measure(artifact: Artifact, target: Target, path: Path, table: Table) -> Measured:
    """Two passes over the table, so that the target's runtime starts once: the first notes what is asked."""
    asked: list[Arrays] = []

    def note(inputs: Arrays) -> Arrays:
        asked.append(inputs)
        return run_session(artifact.session, inputs)

    before = evaluate(artifact, table, predict=note).report.metrics
    answers = iter(_answers(target, path, source_of(artifact), asked))
    after = evaluate(artifact, table, predict=lambda inputs: next(answers)).report.metrics
    return Measured(before=before, after=after)
