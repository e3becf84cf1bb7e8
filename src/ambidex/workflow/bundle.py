"""What goes into an artifact, entry by entry."""

from __future__ import annotations

import platform
import sys
from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from ambidex._version import __version__
from ambidex.artifact.certificate import MAX_ROWS, Certificate, Edition, encode_certificate
from ambidex.artifact.format import CARD, CERTIFICATE, GRAPH, MODEL, TRAINING, WEIGHTS
from ambidex.artifact.manifest import GraphSignature, MadeBy, Manifest, TensorSpec
from ambidex.config import Experiment
from ambidex.export.onnx import export_onnx
from ambidex.graph import Graph, infer_values
from ambidex.graph.storage import arrays_to_bytes
from ambidex.schema import MISSING_TIME, Layout, Schema, packed_layout
from ambidex.training.history import History
from ambidex.workflow.reference import Reference

Array = npt.NDArray[Any]
Arrays = dict[str, Array]
PACKAGES: tuple[str, ...] = ("numpy", "onnx", "torch", "tensorflow", "keras", "jax")


class TrainingRecord(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`training.json`: the experiment, what was seen, what happened, and how good it is on validation."""

    experiment: Experiment
    backend: str
    loss: str
    data_fingerprint: str
    history: History
    reference: Reference
    metrics: dict[str, float]
    baselines: dict[str, dict[str, float]]
    notes: tuple[str, ...] = ()


def model_bytes(graph: Graph, weights: Mapping[str, Array], schema: Schema) -> bytes:
    """The packed ONNX model with the schema's essentials in its metadata."""
    return export_onnx(graph, weights, metadata=model_metadata(schema))


def model_metadata(schema: Schema) -> dict[str, str]:
    """Texts for the exported model: version, task, classes, quantiles, units of time."""
    task = schema.task
    found = {"ambidex_version": __version__, "task": task.kind, "time_unit": "microseconds since 1970, without zone"}
    for target in task.targets:
        if target.classes:
            found[f"classes:{target.name}"] = msgspec.json.encode(list(target.classes)).decode()
    if task.quantiles:
        found["quantiles"] = msgspec.json.encode(list(task.quantiles)).decode()
    if task.kind == "forecast":
        found |= {"horizon": str(task.horizon), "min_history": str(task.min_history)}
    return found


def make_manifest(schema: Schema, graph: Graph, backend: str) -> Manifest:
    """The manifest without its entries."""
    values = infer_values(graph)
    outputs = []
    for public, name in graph.outputs.items():
        value = values[name]
        outputs.append(TensorSpec(name=public, dtype=value.dtype, shape=value.shape))
    inputs = tuple(TensorSpec(name=value.name, dtype=value.dtype, shape=value.shape) for value in graph.inputs)
    signature = GraphSignature(inputs=inputs, outputs=tuple(outputs))
    return Manifest(schema=schema, signature=signature, made_by=made_by(backend))


def made_by(backend: str) -> MadeBy:
    """The versions of this process."""
    return MadeBy(ambidex=__version__, backend=backend, python=platform.python_version(), packages=_loaded_versions())


def _loaded_versions() -> dict[str, str]:
    """Versions of the packages that this process used, as they say themselves: looking them up costs a second."""
    return {name: str(sys.modules[name].__version__) for name in PACKAGES if name in sys.modules}


def make_entries(
    graph: Graph,
    weights: Mapping[str, Array],
    record: TrainingRecord,
    certificate: Certificate,
    *,
    model: bytes,
    card: str,
) -> dict[str, bytes]:
    """Every entry but the manifest."""
    return {
        MODEL: model,
        WEIGHTS: arrays_to_bytes(weights),
        GRAPH: msgspec.json.encode(graph),
        TRAINING: msgspec.json.encode(record),
        CERTIFICATE: encode_certificate(certificate),
        CARD: card.encode(),
    }


def make_certificate(
    schema: Schema,
    rows: Arrays,
    outputs: Arrays,
    editions: dict[str, Edition],
    compared: int,
    *,
    reference: str = "numpy float64",
) -> Certificate:
    """The certificate with as many rows as it may keep, by column name; `reference` gave the right answers."""
    kept = {name: array[:MAX_ROWS] for name, array in rows.items()}
    columns: dict[str, list[Any]] = {}
    for layout in packed_layout(schema):
        for position, column in enumerate(layout.columns):
            columns[column.name] = _plain(kept[layout.name][..., position])
    answers = {name: _plain(array[:MAX_ROWS]) for name, array in outputs.items()}
    return Certificate(rows=columns, outputs=answers, editions=editions, rows_compared=compared, reference=reference)


def _plain(array: Array) -> list[Any]:
    """Nested lists as JSON has them: missing numbers and times are None."""
    if array.dtype.kind == "f":
        missing = np.isnan(array)
    elif array.dtype.kind == "i":
        missing = array == MISSING_TIME
    else:
        missing = np.zeros(array.shape, dtype=bool)
    objects = array.astype(object)
    objects[missing] = None
    plain: list[Any] = objects.tolist()
    return plain


def rows_of(certificate: Certificate, layouts: tuple[Layout, ...]) -> Arrays:
    """The packed inputs of a certificate's rows."""
    packed = {}
    for layout in layouts:
        columns = [_typed(certificate.rows[column.name], layout.dtype) for column in layout.columns]
        packed[layout.name] = np.stack(columns, axis=-1)
    return packed


def answers_of(certificate: Certificate) -> Arrays:
    """The answers written down, by output name: float64 (missing NaN), int64, or objects of type `str`."""
    answers = {}
    for name, values in certificate.outputs.items():
        objects = np.array(values, dtype=object)
        flat = objects.ravel()
        is_text = any(isinstance(value, str) for value in flat)
        is_whole = not is_text and all(type(value) is int for value in flat)
        answers[name] = objects if is_text else objects.astype(np.int64) if is_whole else _typed(values, "float64")
    return answers


def _typed(values: list[Any], dtype: str) -> Array:
    objects = np.array(values, dtype=object)
    if dtype == "string":
        return objects
    missing = MISSING_TIME if dtype == "int64" else np.nan
    return np.where(objects == None, missing, objects).astype(dtype)  # noqa: E711 - elementwise on objects
