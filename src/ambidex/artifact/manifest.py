"""The first entry: what the model takes and gives, what the other entries must be, and what made the file."""

from __future__ import annotations

import msgspec

from ambidex.artifact.format import FORMAT, MANIFEST
from ambidex.artifact.strict_json import decode_json, encode_json
from ambidex.errors import ArtifactError, expected
from ambidex.schema import Schema
from ambidex.schema.tensor import TensorType


class TensorSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An input or output of the packed graph; a dimension is a size, or the symbol of a free one such as 'B'."""

    name: str
    dtype: TensorType
    shape: tuple[int | str, ...]


class GraphSignature(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What `model.onnx` takes and gives, in its order."""

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]


class EntryRecord(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an entry's bytes must be."""

    sha256: str
    size_bytes: int


class MadeBy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Versions of what made the file. No time of day: equal runs give equal files."""

    ambidex: str
    backend: str = ""
    python: str = ""
    packages: dict[str, str] = {}


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`manifest.json`. `entries` is filled in by the writer; `metadata` holds short texts such as units."""

    format: int = FORMAT
    schema: Schema
    signature: GraphSignature
    made_by: MadeBy
    metadata: dict[str, str] = {}
    entries: dict[str, EntryRecord] = {}


class _Head(msgspec.Struct, frozen=True, kw_only=True):
    format: int


def decode_manifest(raw: bytes) -> Manifest:
    """The manifest. Raises `ArtifactError` for a newer format and for anything this format does not have."""
    number = decode_json(raw, _Head, entry=MANIFEST).format
    if number > FORMAT:
        fix = "It was made by a newer ambidex: pip install --upgrade ambidex"
        raise ArtifactError(expected(f"format {FORMAT} or earlier", got=f"format {number}", where=MANIFEST, fix=fix))
    if number < 1:
        raise ArtifactError(expected(f"a format number from 1 to {FORMAT}", got=number, where=MANIFEST))
    return decode_json(raw, Manifest, entry=MANIFEST)


def encode_manifest(manifest: Manifest) -> bytes:
    """The manifest as JSON, every field written out."""
    return encode_json(manifest)
