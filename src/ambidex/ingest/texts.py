"""Texts and other bytes as they travel: each with its length before it."""

from __future__ import annotations

from collections.abc import Sequence
from struct import Struct

_LENGTH = Struct("<I")


def split_bytes(raw: memoryview) -> list[bytes]:
    """The items. Raises `ValueError` where a length does not fit."""
    data = bytes(raw)
    items = []
    at = 0
    while at < len(data):
        if at + 4 > len(data):
            raise ValueError("half a length")
        (length,) = _LENGTH.unpack_from(data, at)
        at += 4 + length
        if at > len(data):
            raise ValueError("a length past the end")
        items.append(data[at - length : at])
    return items


def join_bytes(items: Sequence[object]) -> bytes:
    """The opposite; what is neither bytes nor text travels as its text."""
    parts = []
    for item in items:
        encoded = item if isinstance(item, bytes) else str(item).encode()
        parts += [_LENGTH.pack(len(encoded)), encoded]
    return b"".join(parts)
