"""JSON lines: one object per line; a key that a line lacks is null."""

from __future__ import annotations

from typing import Any

import msgspec

from ambidex.data.table import Table
from ambidex.errors import InputFileError, expected


def parse_json_lines(data: bytes, source: str) -> Table:
    """The table in JSON lines; columns in the order of their first appearance, values as JSON has them."""
    data = data.removeprefix(b"\xef\xbb\xbf").rstrip()
    try:
        rows = msgspec.json.Decoder(list[dict[str, Any]]).decode(b"[" + b",".join(data.split(b"\n")) + b"]")
    except msgspec.MsgspecError:
        rows = _line_by_line(data, source)
    if not rows:
        raise InputFileError(expected("rows", got="none", where=source), where=source)
    return Table(columns_of_rows(rows), source=source)


def columns_of_rows(rows: list[dict[str, Any]]) -> dict[str, list[Any]]:
    """Columns from records; keys that a record lacks are None."""
    first = rows[0].keys()
    if all(row.keys() == first for row in rows):
        return {name: [row[name] for row in rows] for name in first}
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: [row.get(name) for row in rows] for name in names}


def _line_by_line(data: bytes, source: str) -> list[dict[str, Any]]:
    """The same with blank lines skipped, and the number of the line that is wrong."""
    decoder = msgspec.json.Decoder()
    rows = []
    for number, line in enumerate(data.splitlines(), start=1):
        if not line.strip():
            continue
        place = f"line {number} of {source}"
        try:
            row = decoder.decode(line)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            message = expected("a JSON object", got=f"text that is none ({error})", where=place)
            raise InputFileError(message, where=place) from None
        if not isinstance(row, dict):
            raise InputFileError(expected("a JSON object", got=type(row).__name__, where=place), where=place)
        rows.append(row)
    return rows
