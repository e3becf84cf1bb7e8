"""Writes what other libraries write, files or folders, so that it appears whole or not at all."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from ambidex.artifact.store import check_writable, translated
from ambidex.errors import OutputFileError, expected

Form = Literal["file", "folder", "either"]


def check_free(path: Path, form: Form) -> None:
    """Raises `OutputFileError` where `path` cannot become a file or a folder. Leaves nothing behind.

    A file is replaced as `train` replaces one; a folder with something in it is left alone.
    """
    if form == "file" or (form == "either" and path.suffix):
        check_writable(path)
        return
    with translated(str(path)):
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            kind = "a folder with something in it" if path.is_dir() else "a file"
            fix = "Choose another name, or remove it first."
            message = expected("a new folder, or an empty one", got=kind, where=str(path), fix=fix)
            raise OutputFileError(message, where=str(path))
        check_writable(path.parent / f".{path.name[:64]}.probe")


@contextlib.contextmanager
def written_beside(path: Path) -> Iterator[Path]:
    """A name to write to, in a new folder beside `path`; what the block leaves in that folder takes its place.

    The rest of the folder first, under its own names, what was asked for last. Nothing is left where the block raises.
    """
    with translated(str(path)):
        folder = path.parent / f".{path.name[:64]}.{os.urandom(8).hex()}.part"
        folder.mkdir()
        try:
            made = folder / path.name
            yield made
            for companion in sorted(folder.iterdir()):
                if companion != made:
                    os.replace(companion, path.parent / companion.name)
            os.replace(made, path)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
