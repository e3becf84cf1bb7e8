"""What a `*.ambidex` file is made of: the names of its entries, in their order, and how large they may be."""

from __future__ import annotations

FORMAT = 1
"""The number this version writes. Files of every earlier number stay readable."""

SUFFIX = ".ambidex"

MANIFEST = "manifest.json"
MODEL = "model.onnx"
WEIGHTS = "weights.safetensors"
GRAPH = "graph.json"
TRAINING = "training.json"
CERTIFICATE = "certificate.json"
CARD = "card.md"

ENTRIES: tuple[str, ...] = (MANIFEST, MODEL, WEIGHTS, GRAPH, TRAINING, CERTIFICATE, CARD)
"""Every artifact holds exactly these, in this order."""

_MIB = 1 << 20

MAX_BYTES: dict[str, int] = {
    MANIFEST: 64 * _MIB,
    MODEL: 2048 * _MIB - 1,  # protobuf's own bound
    WEIGHTS: 2048 * _MIB - 1,
    GRAPH: 64 * _MIB,
    TRAINING: 64 * _MIB,
    CERTIFICATE: 64 * _MIB,
    CARD: 16 * _MIB,
}
"""The largest size of each entry in bytes."""

MAX_FILE_BYTES = 4096 * _MIB - 1
"""A zip without its 64-bit extension, which is not used, ends here."""

MAX_JSON_DEPTH = 64
"""How deep lists and objects may lie inside each other."""
