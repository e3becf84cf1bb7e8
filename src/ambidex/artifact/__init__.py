"""The file `*.ambidex`: written in one fixed form, read without trusting it. Standard library and msgspec only."""

from ambidex.artifact.certificate import Certificate, Edition
from ambidex.artifact.format import CARD, CERTIFICATE, ENTRIES, FORMAT, GRAPH, MANIFEST, MODEL, TRAINING, WEIGHTS
from ambidex.artifact.manifest import EntryRecord, GraphSignature, MadeBy, Manifest, TensorSpec
from ambidex.artifact.store import OpenArtifact, check_writable, open_artifact, write_artifact

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
    "check_writable",
    "open_artifact",
    "write_artifact",
]
