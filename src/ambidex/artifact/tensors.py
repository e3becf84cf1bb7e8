"""The weights on disk: the safetensors format, written deterministically and read strictly, without numpy.

Format: github.com/huggingface/safetensors, README: the header's length in 8 bytes (little-endian), a JSON object of
dtype, shape and offsets per name, then the values. Ours has names in order, no metadata, no holes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import prod
from typing import Annotated, NamedTuple

import msgspec

from ambidex.artifact.format import WEIGHTS
from ambidex.errors import ArtifactError, expected

ITEMSIZES: dict[str, int] = {"F32": 4, "F64": 8, "I64": 8}
"""The types that are read, and the bytes of one value."""

MAX_HEADER_BYTES = 16 << 20
MAX_TENSORS = 100_000
MAX_RANK = 16

_Size = Annotated[int, msgspec.Meta(ge=0)]


class Extent(NamedTuple):
    """A tensor in the file: type, shape, and where its bytes start and stop, counted from the start of the file."""

    dtype: str
    shape: tuple[int, ...]
    start: int
    stop: int


class _Info(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    dtype: str
    shape: tuple[_Size, ...]
    data_offsets: tuple[_Size, _Size]


def read_header(raw: bytes) -> dict[str, Extent]:
    """The tensors by name. Raises `ArtifactError` with the reason for any file that `write_tensors` does not make."""
    length = int.from_bytes(raw[:8], "little")
    if len(raw) < 8 or length > len(raw) - 8:
        raise _refusal("truncated", f"a header of {length} bytes", f"{max(len(raw) - 8, 0)} bytes")
    if length > MAX_HEADER_BYTES:
        raise _refusal("an oversized header", f"at most {MAX_HEADER_BYTES} bytes", length)
    header = raw[8 : 8 + length]
    try:
        infos = msgspec.json.decode(header, type=dict[str, _Info])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _refusal("a header that is not a table of tensors", "dtype, shape and offsets", str(error)) from error
    if len(infos) > MAX_TENSORS:
        raise _refusal("too many tensors", f"at most {MAX_TENSORS}", len(infos))
    extents = _place(infos, 8 + length, len(raw))
    if _header({name: (extent.dtype, extent.shape) for name, extent in extents.items()}) != raw[: 8 + length]:
        raise _explain(header)
    return extents


def _place(infos: Mapping[str, _Info], base: int, end: int) -> dict[str, Extent]:
    """The extents, which must follow each other from the header to the end of the file."""
    extents: dict[str, Extent] = {}
    at = base
    for name, info in infos.items():
        if info.dtype not in ITEMSIZES:
            raise _refusal("a type that is not read", f"one of {', '.join(ITEMSIZES)} for {name!r}", ascii(info.dtype))
        if len(info.shape) > MAX_RANK:
            raise _refusal("too many dimensions", f"at most {MAX_RANK} for {name!r}", len(info.shape))
        start, stop = (base + offset for offset in info.data_offsets)
        if start < at:
            raise _refusal("an overlap", f"{name!r} at {at - base} or later", start - base)
        if start > at:
            raise _refusal("a hole", f"{name!r} at {at - base}", start - base)
        size = prod(info.shape) * ITEMSIZES[info.dtype]
        if size != stop - start:
            raise _refusal("a shape that its bytes do not have", f"{size} bytes for {name!r}", stop - start)
        if stop > end:
            raise _refusal("truncated", f"{stop - base} bytes of values", end - base)
        extents[name] = Extent(info.dtype, info.shape, start, stop)
        at = stop
    if at != end:
        raise _refusal("bytes after the last tensor", f"{at - base} bytes of values", end - base)
    return extents


def write_tensors(tensors: Mapping[str, tuple[str, tuple[int, ...], object]]) -> bytes:
    """The file of `{name: (dtype, shape, values)}`; names are sorted, so equal tensors give equal bytes.

    `dtype` is F32, F64 or I64; values are little-endian and row-major, in anything with the buffer protocol.
    """
    order = sorted(tensors)
    pieces = [_bytes_of(tensors[name][2]) if prod(tensors[name][1]) else memoryview(b"") for name in order]
    for name, piece in zip(order, pieces, strict=True):
        dtype, shape, _ = tensors[name]
        size = prod(shape) * ITEMSIZES[dtype]
        if piece.nbytes != size:
            raise ValueError(expected(f"{size} bytes of {dtype} {shape}", got=piece.nbytes, where=repr(name)))
    return b"".join([_header({name: tensors[name][:2] for name in order}), *pieces])


def _bytes_of(values: object) -> memoryview:
    # Static types cannot say "has the buffer protocol" before Python 3.12.
    return memoryview(values).cast("B")  # type: ignore[arg-type]


def _header(tensors: Mapping[str, tuple[str, tuple[int, ...]]]) -> bytes:
    """Length and table, padded with blanks so that the values start at a multiple of 8."""
    infos: dict[str, _Info] = {}
    at = 0
    for name in sorted(tensors):
        dtype, shape = tensors[name]
        stop = at + prod(shape) * ITEMSIZES[dtype]
        infos[name] = _Info(dtype=dtype, shape=shape, data_offsets=(at, stop))
        at = stop
    table = msgspec.json.encode(infos)
    table += b" " * (-len(table) % 8)
    return len(table).to_bytes(8, "little") + table


def check_shapes(header: Mapping[str, Extent], shapes: Mapping[str, tuple[int, ...]], *, dtype: str = "F32") -> None:
    """Raises `ArtifactError` unless the file holds exactly these tensors of this type: before anything is allocated."""
    for name, shape in shapes.items():
        if name not in header:
            raise _refusal("a weight is missing", f"{name!r} of shape {shape}", "none")
        if header[name].shape != shape:
            raise _refusal("a shape mismatch", f"shape {shape} for {name!r}", header[name].shape)
        if header[name].dtype != dtype:
            raise _refusal("a type mismatch", f"{dtype} for {name!r}", header[name].dtype)
    extra = sorted(set(header) - set(shapes))
    if extra:
        raise _refusal("an extra weight", "only the graph's weights", ", ".join(map(ascii, extra[:5])))


def _explain(header: bytes) -> ArtifactError:
    """Why a header that could be read is not the one that the writer makes."""
    names: list[str] = []

    def collect(pairs: list[tuple[str, object]]) -> dict[str, object]:
        names.extend(name for name, value in pairs if isinstance(value, dict))
        return dict(pairs)

    json.loads(header, object_pairs_hook=collect)
    for name in names:
        if names.count(name) > 1:
            return _refusal("a duplicate name", "every name once", f"{name!r} twice")
    return _refusal("another form than the format's", "sorted names and padding to 8 bytes", "another order or padding")


def _refusal(reason: str, what: str, got: object) -> ArtifactError:
    return ArtifactError(f"Refused, {reason}: {expected(what, got=got, where=WEIGHTS)}", where=WEIGHTS)
