"""The other side of `workflow.ingest`: `python -m ambidex.workflow.ingest_worker FOLDER` reads one foreign model."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

import msgspec

from ambidex.backends.subprocess import fail_with
from ambidex.data.read import read_table
from ambidex.data.table import Table
from ambidex.errors import AmbidexError, UsageError, expected
from ambidex.ingest.foreign import Foreign, Wanted
from ambidex.ingest.table import reader_of
from ambidex.workflow.converted import convert, write_converted
from ambidex.workflow.ingest import Wish


def main(folder: Path) -> int:
    """Answers the folder's `wish.json` with a conversion beside it; 1 and `error.json` where that fails."""
    try:
        wish = msgspec.json.decode((folder / "wish.json").read_bytes(), type=Wish)
        table = read_table(wish.data) if wish.data else None
        write_converted(folder, convert(_read(wish, table), table, wish.target))
    except AmbidexError as error:
        return fail_with(error, folder)
    return 0


def _read(wish: Wish, table: Table | None) -> Foreign:
    path = Path(wish.path)
    reader = reader_of(path, is_trusted=wish.is_trusted)
    read = getattr(import_module(reader.module), reader.function)
    names = () if table is None else tuple(name for name in table.names if name != wish.target)
    wanted = Wanted(classes=wish.classes, columns=names)
    if wish.classes and not reader.takes_wanted:
        message = expected("a file without labels of its own", got=f"one of {reader.kind}", where="--classes")
        raise UsageError(message, where="--classes")
    foreign: Foreign = read(path, wanted) if reader.takes_wanted else read(path)
    return foreign


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
