"""Writes a model in another format, after running what was written beside the reference."""

from __future__ import annotations

import time
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ambidex.artifact.certificate import Edition
from ambidex.artifact.store import check_writable, write_whole
from ambidex.errors import CertificateError, expected
from ambidex.export.onnx import check, export_onnx, output_names
from ambidex.runtime.session import open_session
from ambidex.schema import Layout, packed_layout
from ambidex.workflow.answer import answer
from ambidex.workflow.bundle import model_metadata, rows_of
from ambidex.workflow.cases import certificate_cases
from ambidex.workflow.certify import certify, subject_of
from ambidex.workflow.problem import Arrays

if TYPE_CHECKING:
    from ambidex.workflow.load import Artifact


@dataclass(frozen=True, kw_only=True)
class Exported:
    """What was written, and how far it is from the reference."""

    path: Path
    edition: Edition
    seconds: float
    size_bytes: int


def export_to_onnx(
    artifact: Artifact, output: Path, *, is_packed: bool = False, float32_inputs: bool = False
) -> Exported:
    """One ONNX file: a named input per column unless packed. Nothing is written where it disagrees.

    Inputs of type float32 round the numbers before anything else, so the file is certified on rounded rows.
    """
    check_writable(output)
    import_module("ambidex.export.onnx._import")  # so that the seconds are those of writing, not of importing onnx
    layouts = packed_layout(artifact.schema)
    graph, weights = artifact.graph, artifact.weights
    began = time.perf_counter()
    model = export_onnx(
        graph,
        weights,
        metadata=model_metadata(artifact.schema),
        layouts=None if is_packed else layouts,
        float32_inputs=float32_inputs,
    )
    seconds = time.perf_counter() - began
    check(model)
    edition = _certified(artifact, model, None if is_packed else layouts, float32_inputs)
    write_whole(output, [model])
    return Exported(path=output, edition=edition, seconds=seconds, size_bytes=len(model))


def _certified(artifact: Artifact, model: bytes, layouts: tuple[Layout, ...] | None, float32_inputs: bool) -> Edition:
    session = open_session(model)
    names = [column.name for layout in layouts for column in layout.columns] if layouts else _packed_names(artifact)
    written = output_names(artifact.graph, names)

    def predict(inputs: Arrays) -> Arrays:
        feeds = _by_column(inputs, layouts, float32_inputs) if layouts else inputs
        outputs = answer(session, feeds)
        return {public: outputs[name] for public, name in written.items()}

    rows = rows_of(artifact.certificate, packed_layout(artifact.schema))
    if float32_inputs and "numbers" in rows:
        rows["numbers"] = rows["numbers"].astype("float32").astype("float64")
    cases = certificate_cases(artifact.schema, artifact.graph, rows, seed=0)
    edition = certify(subject_of(artifact), cases, predict, engines=())["onnx"]
    if edition.status == "failed":
        raise CertificateError(expected("the exported file to agree with the float64 reference", got=edition.reason))
    return edition


def _packed_names(artifact: Artifact) -> list[str]:
    return [value.name for value in artifact.graph.inputs]


def _by_column(inputs: Arrays, layouts: tuple[Layout, ...], float32_inputs: bool) -> Arrays:
    """Packed arrays as one array per column: (B,) or (B, T)."""
    feeds: dict[str, Any] = {}
    for layout in layouts:
        for position, column in enumerate(layout.columns):
            values = inputs[layout.name][..., position]
            is_number = layout.dtype == "float64"
            feeds[column.name] = values.astype("float32") if float32_inputs and is_number else values
    return feeds
