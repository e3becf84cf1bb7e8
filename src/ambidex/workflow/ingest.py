"""Other people's models become artifacts: read apart, certified against their own answers, sealed like every other."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from ambidex.artifact.certificate import Edition, encode_certificate
from ambidex.artifact.format import CARD, CERTIFICATE, GRAPH, MODEL, TRAINING, WEIGHTS
from ambidex.artifact.manifest import GraphSignature, Manifest, TensorSpec
from ambidex.artifact.onnx_reader import check_model
from ambidex.artifact.store import artifact_bytes
from ambidex.backends.registry import BACKENDS
from ambidex.backends.subprocess import run_module
from ambidex.config import Experiment
from ambidex.data.frames import table_from
from ambidex.data.read import read_table
from ambidex.data.table import Table
from ambidex.errors import AmbidexError, CertificateError, InputFileError, UsageError, expected
from ambidex.export.answer import answer as run_session
from ambidex.graph.storage import arrays_to_bytes
from ambidex.ingest.foreign import Foreign
from ambidex.ingest.table import check_packages, reader_of
from ambidex.runtime.session import Session, open_session
from ambidex.schema import Schema, packed_layout
from ambidex.training.history import History
from ambidex.workflow.bundle import TrainingRecord, made_by, make_certificate
from ambidex.workflow.card import make_card
from ambidex.workflow.certify import certify_foreign
from ambidex.workflow.converted import Converted, convert, read_converted
from ambidex.workflow.foreign_rows import known_answers
from ambidex.workflow.load import ORIGIN, Artifact, load_bytes
from ambidex.workflow.reference import Reference

Array = npt.NDArray[Any]
Arrays = dict[str, Array]
TIMEOUT_S = 900


class Wish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is asked of the reading process. `classes` names labels that a file does not hold."""

    path: str
    data: str = ""
    target: str = "prediction"
    classes: tuple[str | int, ...] = ()
    is_trusted: bool = False


@dataclass(frozen=True, kw_only=True)
class Imported:
    """An imported model: the artifact in memory, what it was, and how near it is to the original."""

    artifact: Artifact
    origin: str
    edition: Edition
    notes: tuple[str, ...]


def import_model(
    model: Any, rows: Any = None, *, target: str = "prediction", classes: Sequence[str | int] = (), trust: bool = False
) -> Artifact:
    """An artifact that answers like `model`, an estimator in memory or the file of a model, on `rows`.

    Rows are a frame for an estimator and a file for a file; without them a certificate is made on made-up numbers.
    `classes` and `trust` are for files, see `ambidex import --help`. Raises what `import_file` raises. Example:

        artifact = ambidex.import_model(pipeline, frame, target="churned")
        artifact.save("churn.ambidex")
    """
    if not isinstance(model, (str, os.PathLike)):
        from ambidex.ingest.estimator import read_estimator

        return import_foreign(read_estimator(model), None if rows is None else table_from(rows), target=target).artifact
    if rows is not None and not isinstance(rows, (str, os.PathLike)):
        raise UsageError(expected("a file of rows for a model's file", got=type(rows).__name__))
    data = "" if rows is None else os.fspath(rows)
    wish = Wish(path=os.fspath(model), data=data, target=target, classes=tuple(classes), is_trusted=trust)
    return import_file(wish).artifact


def import_file(wish: Wish) -> Imported:
    """Reads a foreign model's file and gives it as an artifact that answers like the original on the rows given.

    Raises `UsageError` where the file could run code and is not trusted, `BackendError` where a library is missing,
    `DataError` where the model or the rows cannot be used, `CertificateError` where the conversion answers otherwise.
    """
    path = Path(wish.path)
    reader = reader_of(path, is_trusted=wish.is_trusted)
    if path.is_file() and path.stat().st_size == 0:
        raise InputFileError(expected("a model's file", got="an empty one", where=wish.path), where=wish.path)
    check_packages(reader)
    table = read_table(wish.data) if wish.data else None
    with tempfile.TemporaryDirectory(prefix="ambidex-") as name:
        folder = Path(name)
        (folder / "wish.json").write_bytes(msgspec.json.encode(wish))
        run_module(reader.kind, ["ambidex.workflow.ingest_worker", name], folder, timeout_s=TIMEOUT_S)
        converted = read_converted(folder)
    return seal_foreign(converted, table)


def import_foreign(foreign: Foreign, table: Table | None, *, target: str) -> Imported:
    """The same for a model that is in memory already: nothing is read, so nothing has to be trusted."""
    return seal_foreign(convert(foreign, table, target), table)


def seal_foreign(converted: Converted, table: Table | None) -> Imported:
    """Certifies the conversions in their order and makes an artifact of the first that passes."""
    reference = _reference(converted.schema, converted.answers[0], table)
    model, edition = _first_that_passes(converted, np.asarray(reference.deviations))
    editions = {"onnx": edition} | {name: Edition(status="not_run", reason="imported") for name in BACKENDS}
    record = _record(converted, reference)
    rows = converted.cases[0]
    certificate = make_certificate(
        converted.schema,
        rows,
        converted.answers[0],
        editions,
        len(next(iter(rows.values()))),
        reference=converted.origin,
    )
    entries = {
        MODEL: model,
        WEIGHTS: arrays_to_bytes({}),
        GRAPH: b"{}",
        TRAINING: msgspec.json.encode(record),
        CERTIFICATE: encode_certificate(certificate),
        CARD: make_card(converted.schema, record, editions, origin=converted.origin).encode(),
    }
    data = artifact_bytes(entries, manifest=_manifest(converted, open_session(model)))
    return Imported(artifact=load_bytes(data), origin=converted.origin, edition=edition, notes=converted.notes)


def _record(converted: Converted, reference: Reference) -> TrainingRecord:
    """A record without a training."""
    task, origin = converted.schema.task, converted.origin
    return TrainingRecord(
        experiment=Experiment(targets=(task.targets[0].name,), task=task.kind, model=origin.rpartition(" ")[2]),
        backend=origin.partition(" ")[0],
        loss="",
        data_fingerprint="",
        history=History(stopped_by="imported"),
        reference=reference,
        metrics={},
        baselines={},
        notes=converted.notes,
    )


def _first_that_passes(converted: Converted, unit: Array) -> tuple[bytes, Edition]:
    """The conversions are tried in their order; the reasons of all that fail are told together.

    Where there is none to try, a refusal to convert is the whole reason.
    """
    if not converted.models:
        raise CertificateError(" ".join(dict.fromkeys(converted.refusals)))
    reasons: list[str] = []
    for model in converted.models:
        try:
            check_model(model)
            session = open_session(model)
            found = [run_session(session, case) for case in converted.cases]
        except AmbidexError as error:
            reasons.append(error.message.removesuffix(f" at {MODEL}."))  # of the conversion, which is no file
            continue
        edition = certify_foreign(converted.schema.task, unit, converted.answers, found)
        if edition.status == "passed":
            return model, edition
        reasons.append(edition.reason)
    what = f"a conversion that answers like the original ({converted.origin})"
    raise CertificateError(expected(what, got="; ".join(dict.fromkeys(reasons))))


def _reference(schema: Schema, answers: Arrays, table: Table | None) -> Reference:
    """Shares and means of the known answers, or of the original's own where none are known."""
    target = schema.task.targets[0]
    known = known_answers(schema, table)
    count = 0 if known is None else len(known)
    values = answers[target.name] if known is None else known
    if target.classes:
        shares = tuple(float(np.mean(np.asarray(values == label))) for label in target.classes)
        return Reference(train_rows=count, class_shares=shares, deviations=(1.0,))
    numbers = values[~np.isnan(values)]
    return Reference(train_rows=count, means=(float(numbers.mean()),), deviations=(float(numbers.std()),))


def _manifest(converted: Converted, session: Session) -> Manifest:
    inputs = [
        TensorSpec(name=layout.name, dtype=layout.dtype, shape=("B", len(layout.columns)))  # type: ignore[arg-type]
        for layout in packed_layout(converted.schema)
    ]
    outputs = [
        TensorSpec(
            name=value.name, dtype=value.dtype, shape=tuple("B" if size is None else size for size in value.shape)
        )
        for value in session.outputs
    ]
    signature = GraphSignature(inputs=tuple(inputs), outputs=tuple(outputs))
    return Manifest(
        schema=converted.schema,
        signature=signature,
        made_by=made_by(converted.origin.partition(" ")[0]),
        metadata={ORIGIN: converted.origin},
    )
