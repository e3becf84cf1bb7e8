"""The zip around the entries, written and read as one fixed form: stored, in order, without gaps or extras.

Layout after the ZIP specification (PKWARE APPNOTE 6.3, sections 4.3.7, 4.3.12 and 4.3.16). Every header field but
name, checksum, size and offset is fixed, so equal entries give equal bytes, and a reader can refuse everything else.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping
from typing import NamedTuple

from ambidex.artifact.format import ENTRIES, MAX_BYTES, MAX_FILE_BYTES
from ambidex.errors import ArtifactError, TrainingError, expected

_LOCAL = struct.Struct("<4s5H3L2H")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_END = struct.Struct("<4s4H2LH")

_VERSION = 20
_MADE_BY_UNIX = 3 << 8 | _VERSION
_DATE = (1980 - 1980) << 9 | 1 << 5 | 1
_TIME = 0
_REGULAR_FILE = 0o100644 << 16

_ENCRYPTED, _DESCRIPTOR = 1, 8
_LINK, _KIND = 0o120000, 0o170000


class Extent(NamedTuple):
    """Where an entry's bytes lie in the file."""

    start: int
    stop: int


class _Record(NamedTuple):
    """One record of the central directory, field by field."""

    mark: bytes
    made_by: int
    needs: int
    flags: int
    method: int
    time: int
    date: int
    crc: int
    packed: int
    size: int
    name_length: int
    extra_length: int
    comment_length: int
    disk: int
    internal: int
    external: int
    offset: int


def pack(entries: Mapping[str, bytes]) -> list[bytes]:
    """The pieces of the file, to be written one after the other. Raises `TrainingError` where it would be too large."""
    pieces: list[bytes] = []
    directory: list[bytes] = []
    offset = 0
    for name in ENTRIES:
        content = entries[name]
        if len(content) > MAX_BYTES[name]:
            raise TrainingError(expected(f"at most {MAX_BYTES[name]} bytes", got=len(content), where=name))
        crc = zlib.crc32(content)
        header = _local_header(name, crc, len(content))
        directory.append(_central_header(name, crc, len(content), offset))
        pieces += [header, content]
        offset += len(header) + len(content)
    size = sum(map(len, directory))
    if offset + size + _END.size > MAX_FILE_BYTES:
        raise TrainingError(expected(f"an artifact of at most {MAX_FILE_BYTES} bytes", got=offset + size))
    return [*pieces, *directory, _end_record(size, offset)]


def unpack(data: bytes) -> dict[str, Extent]:
    """Where the entries lie. Raises `ArtifactError` with the reason for any other file than `pack` makes."""
    size, start = _read_end(data)
    records = _read_directory(data, start, start + size)
    found = [name for name, _ in records]
    for name in ENTRIES:
        if name not in found:
            raise _refusal("an entry is missing", f"{name!r} among the entries", f"{', '.join(found) or 'none'}")
    if tuple(found) != ENTRIES:
        raise _refusal("entries are out of order", ", ".join(ENTRIES), ", ".join(found))
    extents: dict[str, Extent] = {}
    offset = 0
    for name, record in records:
        extents[name] = extent = _check_local(data, name, record, offset)
        offset = extent.stop
    if offset != start:
        raise _refusal("bytes lie between the entries and the directory", f"the directory at {offset}", start)
    return extents


def _local_header(name: str, crc: int, size: int) -> bytes:
    raw = name.encode()
    return _LOCAL.pack(b"PK\3\4", _VERSION, 0, 0, _TIME, _DATE, crc, size, size, len(raw), 0) + raw


def _central_header(name: str, crc: int, size: int, offset: int) -> bytes:
    raw = name.encode()
    sizes = (crc, size, size, len(raw), 0, 0, 0, 0, _REGULAR_FILE, offset)
    return _CENTRAL.pack(b"PK\1\2", _MADE_BY_UNIX, _VERSION, 0, 0, _TIME, _DATE, *sizes) + raw


def _end_record(size: int, offset: int) -> bytes:
    return _END.pack(b"PK\5\6", 0, 0, len(ENTRIES), len(ENTRIES), size, offset, 0)


def _read_end(data: bytes) -> tuple[int, int]:
    """Size and offset of the directory, from the record at the very end of the file."""
    if data[:4] != b"PK\3\4":
        raise _refusal("not an artifact", "a file that starts with a zip entry", repr(data[:4]))
    at = len(data) - _END.size
    if at < 0 or data[at : at + 4] != b"PK\5\6":
        raise _refusal("truncated, or something follows its end", "the end of a zip at the end of the file", "none")
    _, disk, first_disk, here, total, size, offset, comment = _END.unpack_from(data, at)
    if disk or first_disk or comment:
        raise _refusal("a comment or several volumes", "a plain end of the zip", "more")
    if here != total or total > len(ENTRIES):
        raise _refusal("an extra or duplicate entry", f"{len(ENTRIES)} entries", max(here, total))
    if offset + size != at:
        raise _refusal("truncated or padded", f"the directory to end at {at}", offset + size)
    return size, offset


def _read_directory(data: bytes, start: int, stop: int) -> list[tuple[str, _Record]]:
    records: list[tuple[str, _Record]] = []
    seen: set[str] = set()
    at = start
    while at < stop:
        if stop - at < _CENTRAL.size:
            raise _refusal("a damaged directory", "whole records", f"{stop - at} bytes at the end")
        record = _Record(*_CENTRAL.unpack_from(data, at))
        begin = at + _CENTRAL.size
        end = begin + record.name_length
        if record.mark != b"PK\1\2" or end > stop:
            raise _refusal("a damaged directory", f"a record at {at}", "none")
        name = _check_name(data[begin:end], seen)
        _check_record(name, record)
        if data[at:end] != _central_header(name, record.crc, record.size, record.offset):
            raise _refusal("a header that ambidex does not write", f"fixed attributes of {name!r}", "others")
        records.append((name, record))
        at = end
    return records


def _check_name(raw: bytes, seen: set[str]) -> str:
    name = raw.decode("utf-8", errors="replace")
    if any(sign in name for sign in "/\\:\0") or name in {".", ".."}:
        raise _refusal("an entry whose name is a path", "plain names", ascii(name))
    if name in seen:
        raise _refusal("a duplicate entry", "every name once", f"{name!r} twice")
    if name not in ENTRIES:
        raise _refusal("an extra entry", f"only {', '.join(ENTRIES)}", ascii(name))
    seen.add(name)
    return name


def _check_record(name: str, record: _Record) -> None:
    if (record.external >> 16) & _KIND == _LINK:
        raise _refusal("an entry that is a link", f"{name!r} to be a regular file", "a symbolic link")
    if record.flags & _ENCRYPTED:
        raise _refusal("an encrypted entry", f"{name!r} to be readable", "encrypted")
    if record.method != 0:
        raise _refusal("a compressed entry", f"{name!r} stored as it is", f"compression method {record.method}")
    if record.flags & _DESCRIPTOR:
        raise _refusal("a data descriptor", f"the size of {name!r} in its header", "a size behind it")
    if record.extra_length or record.comment_length:
        raise _refusal("extra fields or a comment", f"none for {name!r}", "some")
    if record.size != record.packed:
        raise _refusal("two sizes for one entry", f"{record.packed} bytes for {name!r}", record.size)
    if record.size > MAX_BYTES[name]:
        raise _refusal("an oversized entry", f"at most {MAX_BYTES[name]} bytes for {name!r}", record.size)


def _check_local(data: bytes, name: str, record: _Record, offset: int) -> Extent:
    """The place of the entry's bytes, whose own header must say what the directory says."""
    if record.offset != offset:
        raise _refusal("a gap or an overlap between entries", f"{name!r} at {offset}", record.offset)
    header = _local_header(name, record.crc, record.size)
    start = offset + len(header)
    if data[offset:start] != header:
        raise _refusal("two headers that disagree", f"the header of {name!r} to repeat the directory's", "another")
    if start + record.size > len(data):
        raise _refusal("truncated", f"{record.size} bytes of {name!r}", len(data) - start)
    if zlib.crc32(memoryview(data)[start : start + record.size]) != record.crc:
        raise _refusal("damaged", f"checksum {record.crc:08x} of {name!r}", "another")
    return Extent(start, start + record.size)


def _refusal(reason: str, what: str, got: object) -> ArtifactError:
    return ArtifactError(f"Refused, {reason}: {expected(what, got=got)}")
