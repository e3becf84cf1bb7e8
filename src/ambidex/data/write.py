"""Writes columns to a file by its suffix, whole or not at all."""

from __future__ import annotations

import csv
import errno
import gzip
import io
import os
import sys
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any, BinaryIO, Literal

import msgspec

from ambidex.data.read import READABLE, file_kind
from ambidex.errors import BackendError, InputFileError, OutputFileError, TrainingError, expected

CHUNK_ROWS = 65536


def write_table(
    path: str | Path, columns: Mapping[str, Sequence[Any]], *, stdout_kind: Literal["csv", "json"] = "csv"
) -> None:
    """Writes columns of equal length; `-` is standard output. Missing (None, NaN, NaT) is an empty cell or null.

    A file appears only when it is complete: it is written beside its place and renamed. Raises `OutputFileError`
    where it cannot be written, `TrainingError` where the disk is full.
    """
    if str(path) == "-":
        _write_text(sys.stdout.buffer, columns, stdout_kind, "\n")
        sys.stdout.buffer.flush()
        return
    path = Path(path)
    try:
        kind = file_kind(path)
    except InputFileError:
        fix = "Name the output so that its suffix says the format."
        raise OutputFileError(expected(f"a name that ends in {READABLE}", got=path.name, fix=fix)) from None
    try:
        _write_whole(path.resolve() if path.is_symlink() else path, columns, kind)
    except OSError as error:
        if isinstance(error, (OutputFileError, BackendError)):
            raise
        raise _write_error(path, error) from None


def _write_error(path: Path, error: OSError) -> OutputFileError | TrainingError:
    reason = error.strerror or str(error)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        message = expected("room to write", got="none", where=str(path), fix="Free some space, or write elsewhere.")
        return TrainingError(message, where=str(path))
    fix = "Create the folder first." if error.errno == errno.ENOENT else "Choose a place you may write to."
    return OutputFileError(expected("a file to write", got=reason, where=str(path), fix=fix), where=str(path))


def _write_whole(path: Path, columns: Mapping[str, Sequence[Any]], kind: str) -> None:
    if path.exists() and not path.is_file():
        if path.is_dir():
            raise OutputFileError(expected("a file to write", got="a folder", where=str(path)), where=str(path))
        with path.open("wb") as device:  # a pipe or a device: nothing to rename
            _write_kind(device, columns, kind, path)
        return
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with temporary.open("wb") as file:
            _write_kind(file, columns, kind, path)
            file.flush()
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _write_kind(file: BinaryIO, columns: Mapping[str, Sequence[Any]], kind: str, path: Path) -> None:
    if kind in ("parquet", "arrow"):
        _write_arrow(file, columns, kind, path)
        return
    if path.suffix.lower() != ".gz":
        _write_text(file, columns, kind, "\n")
        return
    with gzip.GzipFile(filename="", mode="wb", fileobj=file, compresslevel=6, mtime=0) as packed:
        _write_text(packed, columns, kind, "\n")


def _write_text(file: Any, columns: Mapping[str, Sequence[Any]], kind: str, newline: str) -> None:
    length = len(next(iter(columns.values()), ()))
    if kind != "json":
        delimiter = "\t" if kind == "tsv" else ","
        file.write(_csv_lines([list(columns)], delimiter, newline))
    encoder = msgspec.json.Encoder()
    for start in range(0, length, CHUNK_ROWS):
        part = [python_values(values[start : start + CHUNK_ROWS]) for values in columns.values()]
        rows = zip(*part, strict=True)
        if kind == "json":
            file.write(encoder.encode_lines([dict(zip(columns, row, strict=True)) for row in rows]))
        else:
            file.write(_csv_lines([[_cell(value) for value in row] for row in rows], delimiter, newline))


def _csv_lines(rows: list[list[Any]], delimiter: str, newline: str) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, lineterminator=newline).writerows(rows)
    return text.getvalue().encode()


def _cell(value: Any) -> Any:
    if value is True or value is False:
        return "true" if value else "false"
    return value


def python_values(values: Sequence[Any]) -> list[Any]:
    """The values as JSON and CSV take them: NaN and NaT as None, times as ISO 8601, float32 in its shortest form."""
    dtype = getattr(values, "dtype", None)
    if dtype is None:
        return [_python_value(value) for value in values]
    if dtype.kind == "f" and dtype.itemsize < 8:
        return [None if value != value else float(str(value)) for value in values]
    if dtype.kind == "M":
        return [None if value is None else _iso(value) for value in values.astype("datetime64[us]").tolist()]  # type: ignore[attr-defined]
    return [_python_value(value) for value in values.tolist()]  # type: ignore[attr-defined]


def _python_value(value: Any) -> Any:
    if isinstance(value, (datetime, date)):
        return None if value != value else _iso(value)
    return None if value != value else value


def _iso(value: datetime | date) -> str:
    return value.isoformat(" ") if isinstance(value, datetime) else value.isoformat()


def _write_arrow(file: BinaryIO, columns: Mapping[str, Sequence[Any]], kind: str, path: Path) -> None:
    try:
        import pyarrow
        import pyarrow.ipc
        import pyarrow.parquet
    except ImportError:
        message = f"Writing {path.name} needs pyarrow: pip install 'ambidex[data]'."
        raise BackendError(message, where=str(path)) from None
    table = pyarrow.table({name: _arrow_array(pyarrow, values) for name, values in columns.items()})
    if kind == "parquet":
        pyarrow.parquet.write_table(table, file)
        return
    with pyarrow.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table)


def _arrow_array(pyarrow: Any, values: Sequence[Any]) -> Any:
    dtype = getattr(values, "dtype", None)
    if dtype is not None and dtype.kind in "iufbM":
        return pyarrow.array(values, from_pandas=True)
    plain = list(values)
    try:
        return pyarrow.array(plain, from_pandas=True)
    except pyarrow.ArrowException:
        return pyarrow.array([None if value is None else str(value) for value in plain])
