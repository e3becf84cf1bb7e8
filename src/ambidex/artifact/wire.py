"""Protobuf's wire format, as far as ONNX uses it: tags, varints and lengths (protobuf.dev, "Encoding")."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from ambidex.artifact.format import MODEL
from ambidex.errors import ArtifactError

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5


class Field(NamedTuple):
    """One field: number, wire type, and its value: of a varint the number, else where its bytes start and stop."""

    number: int
    wire: int
    start: int
    stop: int
    value: int


def read_varint(data: bytes, at: int, stop: int) -> tuple[int, int]:
    """The number at `at` and the place behind it."""
    value = shift = 0
    while at < stop and shift < 70:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFF_FFFF_FFFF_FFFF, at
        shift += 7
    raise damaged(at)


def read_fields(data: bytes, start: int, stop: int) -> Iterator[Field]:
    """The fields of the message in `data[start:stop]`. Raises `ArtifactError` where it is no message."""
    at = start
    while at < stop:
        tag, at = read_varint(data, at, stop)
        number, wire = tag >> 3, tag & 7
        value, begin = 0, at
        if wire == VARINT:
            value, at = read_varint(data, at, stop)
        elif wire == BYTES:
            size, begin = read_varint(data, at, stop)
            at = begin + size
        elif wire in (FIXED32, FIXED64):
            at += 4 if wire == FIXED32 else 8
        else:
            raise damaged(at)
        if at > stop or not number:
            raise damaged(at)
        yield Field(number, wire, begin, at, value)


def count_varints(data: bytes, start: int, stop: int) -> int:
    """How many varints lie packed in `data[start:stop]`."""
    high = bytes(range(0x80, 0x100))
    return len(data[start:stop].translate(None, high))


def signed(value: int) -> int:
    """The varint as int64."""
    return value - (1 << 64) if value >> 63 else value


def damaged(at: int) -> ArtifactError:
    """The refusal of bytes that are no protobuf message."""
    return ArtifactError(f"Refused, no ONNX model: Expected a protobuf message, got other bytes at {at} of {MODEL}.")
