"""What there is to know of an artifact, as plain data."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import msgspec

from ambidex.artifact.format import MODEL
from ambidex.artifact.onnx_reader import check_model
from ambidex.graph import infer_values, parameters

if TYPE_CHECKING:
    from ambidex.workflow.load import Artifact


def inspect(artifact: Artifact) -> dict[str, Any]:
    """Facts about the file; every entry is read strictly on the way, so an unsafe file never gets this far."""
    manifest = artifact.opened.manifest
    check_model(artifact.opened.read(MODEL))
    training = artifact.training
    return {
        "path": artifact.path,
        "format": manifest.format,
        "size_bytes": artifact.opened.size_bytes,
        "made_by": msgspec.to_builtins(manifest.made_by),
        "safety": [
            "stored entries from a fixed list with the sizes and hashes of the manifest",
            "JSON, safetensors and ONNX with known operators only: no pickle, no code, no names to import",
            "no external data, no links",
        ],
        "entries": {name: msgspec.to_builtins(entry) for name, entry in manifest.entries.items()},
        "task": msgspec.to_builtins(artifact.task),
        "targets": [target.name for target in artifact.task.targets],
        "columns": [msgspec.to_builtins(column) for column in artifact.schema.columns],
        "signature": msgspec.to_builtins(manifest.signature),
        "model": training.experiment.model,
        "backend": training.backend,
        "imported_from": artifact.origin,
        **({} if artifact.origin else _network(artifact)),
        "experiment": msgspec.to_builtins(training.experiment),
        "history": msgspec.to_builtins(training.history),
        "metrics": training.metrics,
        "baselines": training.baselines,
        "notes": list(training.notes),
        "certificate": msgspec.to_builtins(artifact.certificate.editions),
    }


def _network(artifact: Artifact) -> dict[str, Any]:
    """The part that only models trained here have."""
    values = infer_values(artifact.graph)
    return {
        "parameters": sum(math.prod(parameter.shape) for parameter in parameters(artifact.graph)),
        "weights": {name: list(array.shape) for name, array in artifact.weights.items()},
        "network": [
            {"name": node.name, "op": node.op, "shape": list(values[node.name].shape)}
            for node in artifact.graph.network
        ],
    }
