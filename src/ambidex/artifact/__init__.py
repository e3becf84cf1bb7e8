"""The file `*.ambidex`: written in one fixed form, read without trusting it. Standard library and msgspec only."""

from ambidex.artifact.certificate import Certificate, Edition
from ambidex.artifact.format import CARD, CERTIFICATE, ENTRIES, FORMAT, GRAPH, MANIFEST, MODEL, TRAINING, WEIGHTS
from ambidex.artifact.manifest import EntryRecord, GraphSignature, MadeBy, Manifest, TensorSpec
from ambidex.artifact.store import (
    OpenArtifact,
    artifact_bytes,
    check_writable,
    open_artifact,
    open_bytes,
    write_artifact,
)

__all__ = [
    "CARD",
    "CERTIFICATE",
    "ENTRIES",
    "FORMAT",
    "GRAPH",
    "MANIFEST",
    "MODEL",
    "TRAINING",
    "WEIGHTS",
    "Certificate",
    "Edition",
    "EntryRecord",
    "GraphSignature",
    "MadeBy",
    "Manifest",
    "OpenArtifact",
    "TensorSpec",
    "artifact_bytes",
    "check_writable",
    "open_artifact",
    "open_bytes",
    "write_artifact",
]
