"""JSON in and out of an artifact: exact records, bounded depth, no numbers that JSON does not have."""

from __future__ import annotations

import math
import re
from typing import TypeVar

import msgspec

from ambidex.artifact.format import MAX_BYTES, MAX_JSON_DEPTH
from ambidex.errors import ArtifactError, DataError, expected

T = TypeVar("T")

_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[{]|[\]}]', re.DOTALL)


def decode_json(raw: bytes, kind: type[T], *, entry: str) -> T:
    """The record that `raw` holds. `ArtifactError` with the path of whatever is unknown, missing or of another type."""
    limit = MAX_BYTES.get(entry, MAX_BYTES["manifest.json"])
    if len(raw) > limit:
        raise ArtifactError(expected(f"at most {limit} bytes", got=len(raw), where=entry), where=entry)
    if depth_of(raw) > MAX_JSON_DEPTH:
        raise ArtifactError(expected(f"JSON of depth {MAX_JSON_DEPTH}", got="a deeper one", where=entry), where=entry)
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ArtifactError(expected(f"a valid {entry}", got=f"this: {error}"), where=entry) from error


def encode_json(record: object) -> bytes:
    """The record as JSON. Raises `DataError` for NaN and infinities: what is missing is None."""
    _check_numbers(msgspec.to_builtins(record), "$")
    return msgspec.json.encode(record)


def depth_of(raw: bytes) -> int:
    """How deep lists and objects lie inside each other; stops counting above the limit."""
    if raw.count(b"[") + raw.count(b"{") <= MAX_JSON_DEPTH:
        return 0
    depth = deepest = 0
    for token in _TOKEN.finditer(raw):
        first = raw[token.start()]
        if first in b"[{":
            depth += 1
            deepest = max(deepest, depth)
            if deepest > MAX_JSON_DEPTH:
                return deepest
        elif first in b"]}":
            depth -= 1
    return deepest


def _check_numbers(value: object, where: str) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        raise DataError(expected("finite numbers, and null for what is missing", got=value, where=where), where=where)
    if isinstance(value, dict):
        for key, item in value.items():
            _check_numbers(item, f"{where}.{key}")
    elif isinstance(value, (list, tuple)):
        for position, item in enumerate(value):
            _check_numbers(item, f"{where}[{position}]")
