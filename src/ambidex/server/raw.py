"""Raw tensor contents of the Open Inference Protocol: little-endian numbers, texts with their length before them."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from itertools import accumulate
from struct import Struct
from struct import error as BadStruct  # noqa: N812 - a class, whatever its name
from typing import Any

from ambidex.errors import expected
from ambidex.runtime.rows import refusal
from ambidex.schema import Tensor

FORMATS: dict[str, tuple[str, int]] = {
    "BOOL": ("?", 1),
    "INT8": ("b", 1),
    "INT16": ("h", 2),
    "INT32": ("i", 4),
    "INT64": ("q", 8),
    "UINT8": ("B", 1),
    "UINT16": ("H", 2),
    "UINT32": ("I", 4),
    "UINT64": ("Q", 8),
    "FP32": ("f", 4),
    "FP64": ("d", 8),
    "BYTES": ("", 0),
}
"""Each datatype that is accepted: the format of its items for `memoryview`, and their size in bytes."""

INTEGER_RANGES: dict[str, tuple[int, int]] = {
    **{f"INT{bits}": (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) for bits in (8, 16, 32, 64)},
    **{f"UINT{bits}": (0, 2**bits - 1) for bits in (8, 16, 32, 64)},
}

_LENGTH = Struct("<I")


def split_texts(data: memoryview, where: str) -> list[str]:
    """Texts from `length, bytes, length, bytes…`. Raises `DataError` for a wrong length or bad UTF-8."""
    raw = bytes(data)
    texts = []
    at = 0
    try:
        while at < len(raw):
            (length,) = _LENGTH.unpack_from(raw, at)
            at += 4 + length
            if at > len(raw):
                raise refusal("wrong_shape", expected("whole texts", got="a length past the end", where=where), where)
            texts.append(raw[at - length : at].decode())
    except UnicodeDecodeError:
        raise refusal("wrong_type", expected("texts in UTF-8", got="other bytes", where=where), where) from None
    except BadStruct:
        raise refusal("wrong_shape", expected("a length before each text", got="less", where=where), where) from None
    return texts


def join_texts(texts: Sequence[str]) -> bytes:
    """The opposite of `split_texts`."""
    parts: list[bytes] = []
    for text in texts:
        encoded = text.encode()
        parts += (_LENGTH.pack(len(encoded)), encoded)
    return b"".join(parts)


def raw_contents(tensor: Tensor, start: int, stop: int) -> bytes:
    """Items `start` to `stop` of a tensor's flat data as raw contents."""
    part: Any = tensor.data[start:stop]
    if tensor.dtype == "string":
        return join_texts(part)
    return part.tobytes() if isinstance(part, (memoryview, array)) else bytes(memoryview(part))


def offsets(sizes: Sequence[int]) -> list[tuple[int, int]]:
    """Begin and end of blobs that follow each other."""
    ends = list(accumulate(sizes))
    return [(end - size, end) for end, size in zip(ends, sizes, strict=True)]
