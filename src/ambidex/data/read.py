"""Reads a table from a file by its suffix, or from standard input."""

from __future__ import annotations

import gzip
import sys
import zlib
from collections.abc import Sequence
from pathlib import Path

from ambidex.data.read_csv import parse_csv
from ambidex.data.read_json import parse_json_lines
from ambidex.data.table import Table
from ambidex.errors import BackendError, InputFileError, expected

TEXT_SUFFIXES = {".csv": "csv", ".tsv": "tsv", ".txt": "csv", ".jsonl": "json", ".ndjson": "json"}
ARROW_SUFFIXES = {".parquet": "parquet", ".arrow": "arrow", ".feather": "arrow", ".ipc": "arrow"}
READABLE = ".csv, .tsv, .jsonl, .ndjson (each also with .gz), .parquet, .arrow, .feather or .ipc"


def read_table(path: str | Path, *, columns: Sequence[str] | None = None) -> Table:
    """The table in a file, or on standard input for `-` (CSV, or JSON lines if it starts with `{`).

    Cells of text files stay text as written. `columns` reads only these, in this order. Raises `InputFileError` for
    a file that is missing, damaged, empty or of unknown kind, `DataError` for a column that is not there.
    """
    if str(path) == "-":
        data = sys.stdin.buffer.read()
        kind = "json" if data.lstrip()[:1] == b"{" else "csv"
        return _parse_text(data, kind, "standard input", columns)
    path = Path(path)
    kind = file_kind(path)
    if kind in ("parquet", "arrow"):
        _check_readable(path)
        return _read_arrow(path, kind, columns)
    return _parse_text(_read_bytes(path), kind, path.name, columns)


def file_kind(path: Path) -> str:
    """`csv`, `tsv`, `json`, `parquet` or `arrow`, from the name."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes[-1:] == [".gz"] and len(suffixes) > 1 and suffixes[-2] in TEXT_SUFFIXES:
        return TEXT_SUFFIXES[suffixes[-2]]
    last = suffixes[-1] if suffixes else ""
    kind = TEXT_SUFFIXES.get(last) or ARROW_SUFFIXES.get(last)
    if kind is None:
        raise InputFileError(expected(f"a file that ends in {READABLE}", got=path.name), where=str(path))
    return kind


def _check_readable(path: Path) -> None:
    try:
        with path.open("rb"):
            return
    except FileNotFoundError:
        message = expected("a file to read", got="nothing", where=str(path), fix="Check the path.")
    except IsADirectoryError:
        message = expected("a file to read", got="a folder", where=str(path), fix="Name the file in it.")
    except OSError as error:
        message = expected("a file to read", got=error.strerror or str(error), where=str(path))
    raise InputFileError(message, where=str(path))


def _read_bytes(path: Path) -> bytes:
    _check_readable(path)
    data = path.read_bytes()
    if data[:2] != b"\x1f\x8b":
        return data
    try:
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as error:
        message = expected("a whole gzip file", got=f"a damaged one ({error})", where=str(path), fix="Fetch it again.")
        raise InputFileError(message, where=str(path)) from None


def _parse_text(data: bytes, kind: str, source: str, columns: Sequence[str] | None) -> Table:
    if not data.strip():
        raise InputFileError(expected("a table", got="an empty file", where=source), where=source)
    if kind == "json":
        table = parse_json_lines(data, source)
    else:
        table = parse_csv(data, source, delimiter="\t" if kind == "tsv" else None)
    return table if columns is None else table.select(columns)


def _read_arrow(path: Path, kind: str, columns: Sequence[str] | None) -> Table:
    try:
        import pyarrow
    except ImportError:
        message = f"Reading {path.name} needs pyarrow: pip install 'ambidex[data]'."
        raise BackendError(message, where=str(path)) from None
    from ambidex.data.frames import table_from
    from ambidex.data.read_arrow import read_arrow, read_parquet

    try:
        frame = read_parquet(path, columns) if kind == "parquet" else read_arrow(path)
    except (OSError, pyarrow.ArrowException) as error:
        first_line = str(error).splitlines()[0] if str(error) else type(error).__name__
        message = expected(f"a readable {path.suffix} file", got=f"one pyarrow refuses ({first_line})", where=str(path))
        raise InputFileError(message, where=str(path)) from None
    table = table_from(frame, source=path.name)
    if not table.names or table.num_rows == 0:
        raise InputFileError(expected("rows", got="a table without any", where=path.name), where=path.name)
    return table if columns is None else table.select(columns)
