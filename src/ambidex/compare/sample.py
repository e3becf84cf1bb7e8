"""Raw samples: what one run of one column measured, a JSON line each, so that anybody can compute the report again."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import IO

import msgspec

from ambidex.compare.column import Division
from ambidex.errors import InputFileError, expected


class Sample(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The values of one quantity in one run, in the order in which they were measured."""

    division: Division
    column: str
    run: int
    quantity: str
    values: tuple[float, ...]


class Failure(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A column that could not go on in a run, and why."""

    division: Division
    column: str
    run: int
    reason: str


class Head(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The first line: a digest of what is measured. A run can only be taken up where it is the same."""

    identity: str


def write_line(file: IO[bytes], record: msgspec.Struct) -> None:
    """Adds a record, on the disk at once: what was measured survives whatever comes."""
    file.write(msgspec.json.encode(record) + b"\n")
    file.flush()


def read_lines(path: Path) -> tuple[str, list[Sample]]:
    """The identity and the samples of a file; a last line that was cut off is left out."""
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        message = expected("samples to go on from", got=error.strerror or str(error), where=str(path))
        raise InputFileError(message, where=str(path)) from None
    try:
        head = msgspec.json.decode(lines[0] if lines else b"", type=Head)
    except msgspec.DecodeError as error:
        raise InputFileError(expected("samples of a comparison", got=str(error), where=str(path))) from None
    return head.identity, list(_samples(lines[1:]))


def _samples(lines: Iterable[bytes]) -> Iterable[Sample]:
    for line in lines:
        try:
            yield msgspec.json.decode(line, type=Sample)
        except msgspec.DecodeError:  # a failure of an earlier attempt, or a line that was cut off
            continue
