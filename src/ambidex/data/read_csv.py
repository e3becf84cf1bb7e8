"""CSV as people write it: any of four delimiters, quotes, a byte order mark. Standard library only."""

from __future__ import annotations

import csv
import gc
import io
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain, islice

from ambidex.data.table import Table
from ambidex.errors import InputFileError, expected

DELIMITERS = (",", ";", "\t", "|")
NAMES = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
CHUNK_ROWS = 65536
SNIFF_ROWS = 20
SHARING_FROM_CHARACTERS = 64 * 2**20
SHARED_TEXTS = 4096
"""In a large file repeated cells share one string while a column has at most this many different ones: less memory."""


def parse_csv(data: bytes, source: str, *, delimiter: str | None = None) -> Table:
    """The table in UTF-8 bytes whose first line names the columns; cells stay text, blank lines are skipped."""
    text = _decode(data, source)
    with _no_collection():
        return _parse_text(text, source, delimiter or sniff_delimiter(text))


@contextmanager
def _no_collection() -> Iterator[None]:
    """Without cyclic garbage collection, which would walk millions of new lists again and again: twice as fast."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _parse_text(text: str, source: str, delimiter: str) -> Table:
    rows = _rows(text, delimiter, source)
    names = _header(next(rows), source)
    columns: list[list[str]] = [[] for _ in names]
    shared: list[dict[str, str] | None] = [{} if len(text) > SHARING_FROM_CHARACTERS else None for _ in names]
    while chunk := list(islice(rows, CHUNK_ROWS)):
        if set(map(len, chunk)) != {len(names)}:
            _refuse_ragged(text, delimiter, len(names), source)
        for position, cells in enumerate(zip(*chunk, strict=True)):
            columns[position].extend(_share(cells, shared, position))
    if not columns[0]:
        raise InputFileError(expected("rows", got="a header and nothing below it", where=source), where=source)
    return Table(dict(zip(names, columns, strict=True)), source=source)


def _decode(data: bytes, source: str) -> str:
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        fix = "Save it as UTF-8."
        raise InputFileError(expected("UTF-8 text", got="UTF-16", where=source, fix=fix), where=source)
    zero = data.find(b"\0")
    if zero >= 0:
        place = f"byte {zero} (line {_line_of(data, zero)}) of {source}"
        raise InputFileError(expected("text", got="a NUL byte", where=place), where=place)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        start = error.start + (3 if data[:3] == b"\xef\xbb\xbf" else 0)
        place = f"byte {start} (line {_line_of(data, start)}) of {source}"
        fix = "Save it as UTF-8 (it may be Windows-1252 or Latin-1)."
        message = expected("UTF-8 text", got=f"byte 0x{data[start]:02x}", where=place, fix=fix)
        raise InputFileError(message, where=place) from None


def _line_of(data: bytes, position: int) -> int:
    return data.count(b"\n", 0, position) + 1


def sniff_delimiter(text: str) -> str:
    """The delimiter that cuts the first lines into equally many cells; a comma where there is one column."""
    sample = text[:65536]
    if len(text) > len(sample):
        sample = sample[: sample.rfind("\n") + 1] or sample
    best = (False, 1)
    chosen = ","
    for delimiter in DELIMITERS:
        reader = csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter)
        try:
            widths = [len(row) for row in islice((row for row in reader if row), SNIFF_ROWS)]
        except csv.Error:
            continue
        score = (len(set(widths)) == 1, widths[0] if widths else 0)
        if score[1] > 1 and score > best:
            best, chosen = score, delimiter
    return chosen


def _rows(text: str, delimiter: str, source: str) -> Iterator[list[str]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        yield from filter(None, reader)
    except csv.Error as error:
        place = f"line {reader.line_num} of {source}"
        fix = "Close each quote, and double the quotes inside one."
        message = expected("well-formed CSV", got=f"an error ({error})", where=place, fix=fix)
        raise InputFileError(message, where=place) from None


def _header(cells: list[str], source: str) -> list[str]:
    names = [cell.strip() for cell in cells]
    place = f"line 1 of {source}"
    for position, name in enumerate(names):
        if not name:
            fix = "Name it; a frame's index is left out with index=False."
            got = f"none for column {position + 1}"
            raise InputFileError(expected("a name for each column", got=got, where=place, fix=fix), where=place)
        if name in names[:position]:
            got = f"{name!r} for columns {names.index(name) + 1} and {position + 1}"
            fix = "Rename one."
            raise InputFileError(expected("different column names", got=got, where=place, fix=fix), where=place)
    return names


def _refuse_ragged(text: str, delimiter: str, width: int, source: str) -> None:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    start = 1
    for row in reader:
        if row and len(row) != width:
            place = f"line {start} of {source}"
            got = f"{len(row)} (cut at {NAMES[delimiter]})"
            message = expected(f"{width} cells as in the header", got=got, where=place)
            raise InputFileError(message, where=place)
        start = reader.line_num + 1


def _share(cells: tuple[str, ...], shared: list[dict[str, str] | None], position: int) -> Iterator[str]:
    """The cells, with one string for equal ones where a column repeats itself."""
    known = shared[position]
    if known is None:
        return iter(cells)
    known_before = len(known)
    cut = min(len(cells), SHARED_TEXTS)
    first = [known.setdefault(cell, cell) for cell in cells[:cut]]
    if len(known) - known_before > cut // 2 or len(known) > SHARED_TEXTS:
        shared[position] = None
        return chain(first, cells[cut:])
    return chain(first, map(known.setdefault, cells[cut:], cells[cut:]))
