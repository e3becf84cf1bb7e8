"""Parquet and Arrow files, by pyarrow. Imported only when such a file is read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.ipc
import pyarrow.parquet


def read_parquet(path: Path, columns: Sequence[str] | None) -> Any:
    """The file as a pyarrow table; of `columns` those that exist, so that the caller names the others."""
    file = pyarrow.parquet.ParquetFile(path)
    known = set(file.schema_arrow.names)
    return file.read(columns=None if columns is None else [name for name in columns if name in known])


def read_arrow(path: Path) -> Any:
    """The file as a pyarrow table: Arrow file format (also called Feather 2) or Arrow stream."""
    with pyarrow.memory_map(str(path)) as source:
        try:
            return pyarrow.ipc.open_file(source).read_all()
        except pyarrow.ArrowInvalid:
            source.seek(0)
            return pyarrow.ipc.open_stream(source).read_all()
